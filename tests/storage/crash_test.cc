// What is left after a crash: all that was acknowledged, or a refusal; never less in silence.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

// What a crash after one acknowledged write must leave at least.
struct Acknowledged {
  uintmax_t log_bytes = 0;
  uint64_t committed = 0;
  uint64_t blocks = 0;  // above block 0
  consensus::SafetyRecord safety;
};

class Crash : public StoreFixture {
 protected:
  // The newest write-ahead log in `dir`.
  static fs::path LogOf(const std::string& dir) {
    fs::path newest;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir)) {
      if (entry.path().extension() == ".log") newest = std::max(newest, entry.path());
    }
    KILN_CHECK(!newest.empty());
    return newest;
  }

  // A copy of the folder as it is now, as a crash of the machine would leave it at best.
  using Listing = std::map<std::string, uintmax_t>;

  // Names and sizes of the data folder's files.
  Listing List() const {
    Listing listing;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(data_dir())) {
      listing[entry.path().filename().string()] = entry.file_size(error);
    }
    return listing;
  }

  // What a crash would leave now. RocksDB flushes and deletes files in the background: a copy
  // during which it did is of no single moment, and is made again.
  std::string Copy() {
    const std::string copy = dir_.At(absl::StrCat("copy", copies_++));
    std::error_code error;
    Listing before;
    do {
      before = List();
      fs::remove_all(copy);
      fs::copy(data_dir(), copy, fs::copy_options::recursive, error);
    } while (error == std::errc::no_such_file_or_directory || before != List());
    if (error) throw fs::filesystem_error("copying the data folder", data_dir(), copy, error);
    return copy;
  }

  void NoteAcknowledged() {
    acknowledged_.push_back({.log_bytes = fs::file_size(LogOf(data_dir())),
                             .committed = driver_.committed(),
                             .blocks = driver_.chain().size() - 1,
                             .safety = driver_.safety()});
  }

  static void ExpectHolds(const Store& store, const Acknowledged& expected) {
    EXPECT_GE(store.committed_height(), Height{expected.committed});
    const RecoveredLedger recovered = store.Recover();
    EXPECT_EQ(recovered.safety, expected.safety);
    EXPECT_EQ(recovered.committed->header.height.value + recovered.uncommitted.size(),
              expected.blocks);
    EXPECT_LE(store.executed_state().height, store.committed_height());
  }

  std::vector<Acknowledged> acknowledged_;
  int copies_ = 0;
};

TEST_F(Crash, LosesNothingAcknowledgedAtAnyStep) {
  Open();
  for (int step = 0; step < 5; ++step) {
    Extend({absl::StrCat("step ", step), std::string(5'000, 'x')});
    if (driver_.committed() > 0) Apply(driver_.committed());
    NoteAcknowledged();
    const absl::StatusOr<std::unique_ptr<Store>> left = TryOpen(Copy());
    ASSERT_TRUE(left.ok()) << left.status();
    ExpectHolds(**left, acknowledged_.back());
  }
}

TEST_F(Crash, KeepsEveryAcknowledgedWriteBeforeATornTail) {
  Open();
  NoteAcknowledged();
  for (int step = 0; step < 6; ++step) {
    Extend({absl::StrCat("step ", step), std::string(3'000, 'x')});
    NoteAcknowledged();
    if (driver_.committed() > 0) Apply(driver_.committed());
  }
  const uintmax_t first = acknowledged_.front().log_bytes;
  const uintmax_t last = fs::file_size(LogOf(data_dir()));
  for (uintmax_t bytes = first; bytes <= last; bytes += 2503) {
    const std::string copy = Copy();
    fs::resize_file(LogOf(copy), bytes);
    const absl::StatusOr<std::unique_ptr<Store>> left = TryOpen(copy);
    ASSERT_TRUE(left.ok()) << "cut to " << bytes << ": " << left.status();
    const auto expected =
        std::find_if(acknowledged_.rbegin(), acknowledged_.rend(),
                     [&](const Acknowledged& step) { return step.log_bytes <= bytes; });
    ASSERT_NE(expected, acknowledged_.rend());
    SCOPED_TRACE(absl::StrCat("cut to ", bytes, " of ", last));
    ExpectHolds(**left, *expected);
    fs::remove_all(copy);
  }
}

TEST_F(Crash, RefusesALogThatIsDamagedBeforeItsTail) {
  Open();
  NoteAcknowledged();
  for (int step = 0; step < 4; ++step) Extend({absl::StrCat("step ", step)});
  const uintmax_t middle = acknowledged_.front().log_bytes + 20;
  const std::string copy = Copy();
  std::fstream log(LogOf(copy), std::ios::in | std::ios::out | std::ios::binary);
  log.seekg(static_cast<std::streamoff>(middle));
  const char changed = static_cast<char>(log.get() ^ 1);
  log.seekp(static_cast<std::streamoff>(middle));
  log.put(changed);
  log.close();
  ExpectRefusal(TryOpen(copy).status(), absl::StatusCode::kDataLoss,
                {copy, "damaged", "restore the folder"});
}

TEST_F(Crash, GoesOnFromWhereItWas) {
  for (int life = 0; life < 3; ++life) {
    Open();
    EXPECT_EQ(store_->Recover().safety.last_voted_round, driver_.safety().last_voted_round);
    for (int step = 0; step < 3; ++step) Extend({absl::StrCat(life, ":", step)});
    const uint64_t executed = store_->executed_state().height.value;
    for (uint64_t height = executed + 1; height <= driver_.committed(); ++height) Apply(height);
    const std::string copy = Copy();
    Close();
    fs::remove_all(data_dir());
    fs::rename(copy, data_dir());
  }
  Open();
  EXPECT_EQ(store_->committed_height(), Height{driver_.committed()});
  EXPECT_EQ(store_->executed_state(), driver_.StateAt(driver_.committed()));
}

}  // namespace
}  // namespace kiln::storage
