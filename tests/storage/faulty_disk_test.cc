// A disk that fails once: what follows is refused, and what was acknowledged is still there.
#include <rocksdb/env.h>

#include <atomic>
#include <memory>
#include <utility>

#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

enum class Fault { kNone, kSyncFails, kDiskIsFull };

// What the files of one disk are to do next. Thread-safe.
class Faults {
 public:
  // The next operation of this kind fails; the ones after it are well again.
  void FailOnce(Fault fault) { next_ = fault; }
  bool Take(Fault fault) { return next_.compare_exchange_strong(fault, Fault::kNone); }

 private:
  std::atomic<Fault> next_ = Fault::kNone;
};

class FaultyFile final : public rocksdb::WritableFileWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::WritableFile> file, Faults* faults)
      : rocksdb::WritableFileWrapper(file.get()), file_(std::move(file)), faults_(faults) {}

  rocksdb::Status Append(const rocksdb::Slice& data) override {
    if (faults_->Take(Fault::kDiskIsFull)) return rocksdb::Status::NoSpace("disk is full");
    return file_->Append(data);
  }
  rocksdb::Status Append(const rocksdb::Slice& data,
                         const rocksdb::DataVerificationInfo& info) override {
    if (faults_->Take(Fault::kDiskIsFull)) return rocksdb::Status::NoSpace("disk is full");
    return file_->Append(data, info);
  }
  rocksdb::Status Sync() override {
    if (faults_->Take(Fault::kSyncFails)) return rocksdb::Status::IOError("sync: input/output");
    return file_->Sync();
  }
  rocksdb::Status Fsync() override {
    if (faults_->Take(Fault::kSyncFails)) return rocksdb::Status::IOError("sync: input/output");
    return file_->Fsync();
  }

 private:
  const std::unique_ptr<rocksdb::WritableFile> file_;
  Faults* const faults_;
};

class FaultyEnv final : public rocksdb::EnvWrapper {
 public:
  explicit FaultyEnv(Faults* faults)
      : rocksdb::EnvWrapper(rocksdb::Env::Default()), faults_(faults) {}
  const char* Name() const override { return "FaultyEnv"; }

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    const rocksdb::Status status = target()->NewWritableFile(name, file, options);
    if (status.ok() && name.ends_with(".log")) {
      *file = std::make_unique<FaultyFile>(std::move(*file), faults_);
    }
    return status;
  }

 private:
  Faults* const faults_;
};

class FaultyDisk : public StoreFixture {
 protected:
  void OpenFaulty() {
    absl::StatusOr<std::unique_ptr<Store>> opened = TryOpen(/*read_only=*/false, &env_);
    KILN_CHECK_OK(opened.status());
    store_ = *std::move(opened);
  }

  // Fails one write, then expects every other one to be refused in the same words.
  void ExpectFinal(Fault fault, absl::StatusCode code) {
    OpenFaulty();
    for (int i = 0; i < 4; ++i) Extend({absl::StrCat("acknowledged ", i)});
    const uint64_t acknowledged = driver_.committed();
    const consensus::SafetyRecord safety = driver_.safety();
    faults_.FailOnce(fault);
    const absl::Status first = store_->Persist(driver_.Extend({"lost"}));
    ExpectRefusal(first, code, {data_dir(), "the node must stop"});
    EXPECT_EQ(store_->Persist(driver_.Extend({"too late"})), first);
    EXPECT_EQ(store_->ApplyBlock(driver_.WritesAt(1), driver_.ResultsAt(1)), first);
    EXPECT_EQ(store_->Persist({}), first);
    EXPECT_EQ(store_->committed_height(), Height{acknowledged});
    EXPECT_EQ(store_->executed_state().height, Height{0});
    EXPECT_TRUE(store_->BlockAt(Height{acknowledged}).ok());
    Close();
    Open();
    EXPECT_GE(store_->committed_height(), Height{acknowledged});
    EXPECT_GE(store_->Recover().safety.last_voted_round, safety.last_voted_round);
  }

  Faults faults_;
  FaultyEnv env_{&faults_};
};

TEST_F(FaultyDisk, MakesAFailedSyncFinalThoughTheNextWouldSucceed) {
  ExpectFinal(Fault::kSyncFails, absl::StatusCode::kUnavailable);
}

TEST_F(FaultyDisk, MakesAFullDiskFinalThoughSpaceReturns) {
  ExpectFinal(Fault::kDiskIsFull, absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace kiln::storage
