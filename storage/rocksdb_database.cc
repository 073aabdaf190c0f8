#include "storage/rocksdb_database.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/listener.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "storage/checkpoint_folders.h"
#include "storage/data_dir.h"
#include "storage/database_options.h"
#include "storage/log_check.h"
#include "storage/rocksdb_bytes.h"
#include "storage/strict_file_system.h"

namespace kiln::storage {
namespace {

constexpr absl::string_view kLockFile = "/LOCK";
constexpr absl::string_view kDamageRemedy =
    "restore the folder from a copy of this validator's newest state, or, if there is none, move "
    "it "
    "away and run `kiln recover`; it must not start from less than it had";

// Passes failures of background work on, and stops RocksDB from recovering from them by itself.
class FailureListener final : public rocksdb::EventListener {
 public:
  explicit FailureListener(std::function<void(const rocksdb::Status& cause)> fail)
      : fail_(std::move(fail)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* status) override {
    fail_(*status);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*status*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  const std::function<void(const rocksdb::Status& cause)> fail_;
};

// Reading only must write nothing, not even RocksDB's own log.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

absl::Status HeldError(absl::string_view dir) {
  return absl::FailedPreconditionError(
      absl::StrCat("another process has ", dir, " open; stop it first"));
}

// A failed open, in the operator's words.
absl::Status OpenError(absl::string_view dir, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (status.IsIOError() && absl::StrContains(text, "lock ")) return HeldError(dir);
  if (status.IsNoSpace()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the disk of ", dir, " is full: free some space and start again (", text, ")"));
  }
  if (status.IsCorruption() || status.IsPathNotFound()) {
    return absl::DataLossError(absl::StrCat(dir, " is damaged (", text, "): ", kDamageRemedy));
  }
  if (status.IsInvalidArgument() || status.IsNotSupported()) {
    return absl::FailedPreconditionError(
        absl::StrCat(dir, " holds data of a newer format or of another program (", text,
                     "): use the version that wrote it, or another --home"));
  }
  return absl::UnavailableError(absl::StrCat("cannot open ", dir, ": ", text));
}

// RocksDB would refuse most of what this finds without a word on where it is, and not see the rest.
absl::Status RequireWholeLogs(const std::string& dir, rocksdb::Env* env) {
  const absl::Status status = CheckLogs(dir, env);
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(
      absl::StrCat(dir, " is damaged (", status.message(), "): ", kDamageRemedy));
}

absl::Status ReadError(Family family, absl::string_view key, const rocksdb::Status& status) {
  if (status.IsNotFound()) {
    return absl::NotFoundError(absl::StrCat(Describe(family, key), " is not stored"));
  }
  const std::string message =
      absl::StrCat("reading ", Describe(family, key), ": ", status.ToString());
  if (status.IsCorruption() || status.IsPathNotFound()) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

std::vector<rocksdb::ColumnFamilyDescriptor> Descriptors(size_t write_buffer_bytes) {
  const std::vector<rocksdb::ColumnFamilyOptions> options = MakeFamilyOptions(write_buffer_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (size_t i = 0; i < kFamilyCount; ++i) {
    descriptors.emplace_back(std::string(kFamilyNames[i]), options[i]);
  }
  return descriptors;
}

absl::Status WriteError(const rocksdb::Status& cause) {
  const std::string text = cause.ToString();
  return cause.IsNoSpace() ? absl::ResourceExhaustedError(text) : absl::UnavailableError(text);
}

using Handles = std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount>;

// Writes straight into RocksDB's batch. Borrows the handles, which must outlive it.
class RocksDbBatch final : public WriteBatch {
 public:
  RocksDbBatch(const Handles* handles, size_t bytes) : handles_(*handles), batch_(bytes) {}

  void Put(Family family, absl::string_view key, absl::string_view value) override {
    KILN_CHECK(batch_.Put(handle(family), ToSlice(key), ToSlice(value)).ok());
  }
  void Delete(Family family, absl::string_view key) override {
    KILN_CHECK(batch_.Delete(handle(family), ToSlice(key)).ok());
  }
  void DeleteRange(Family family, absl::string_view begin, absl::string_view end) override {
    KILN_CHECK(batch_.DeleteRange(handle(family), ToSlice(begin), ToSlice(end)).ok());
  }
  size_t bytes() const override { return batch_.GetDataSize(); }
  void DeleteAll(Family family) {
    DeleteRange(family, "", "\xFF");  // above every key, see storage/schema.h
  }
  rocksdb::WriteBatch* get() { return &batch_; }

 private:
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles_[static_cast<size_t>(family)];
  }

  const Handles& handles_;
  rocksdb::WriteBatch batch_;
};

// Releases what it took. Immutable.
class RocksDbSnapshot final : public Snapshot {
 public:
  explicit RocksDbSnapshot(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  ~RocksDbSnapshot() override { db_->ReleaseSnapshot(snapshot_); }
  RocksDbSnapshot(const RocksDbSnapshot&) = delete;
  RocksDbSnapshot& operator=(const RocksDbSnapshot&) = delete;

  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
};

const rocksdb::Snapshot* Unwrap(const Snapshot* snapshot) {
  return snapshot == nullptr ? nullptr : static_cast<const RocksDbSnapshot*>(snapshot)->get();
}

// RocksDB's own, with the end that it borrows.
class RocksDbIterator final : public Iterator {
 public:
  RocksDbIterator(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* handle, Family family,
                  absl::string_view end, const rocksdb::Snapshot* snapshot)
      : family_(family), end_(end), end_slice_(end_) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    if (!end_.empty()) options.iterate_upper_bound = &end_slice_;
    iterator_.reset(db->NewIterator(options, handle));
  }

  void Seek(absl::string_view key) override { iterator_->Seek(ToSlice(key)); }
  void SeekForPrev(absl::string_view key) override { iterator_->SeekForPrev(ToSlice(key)); }
  void Next() override { iterator_->Next(); }
  void Prev() override { iterator_->Prev(); }
  bool Valid() const override { return iterator_->Valid(); }
  absl::string_view key() const override { return ToView(iterator_->key()); }
  absl::string_view value() const override { return ToView(iterator_->value()); }
  absl::Status status() const override {
    const rocksdb::Status status = iterator_->status();
    return status.ok() ? absl::OkStatus() : ReadError(family_, "", status);
  }

 private:
  const Family family_;
  const std::string end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// One open folder, all its column families, its lock. Thread-safe.
class RocksDbDatabase final : public RocksDb {
 public:
  RocksDbDatabase(const std::string& dir, rocksdb::Env* env, size_t write_buffer_bytes)
      : RocksDb(dir),
        machine_(env),
        env_(rocksdb::NewCompositeEnv(MakeStrictFileSystem(env->GetFileSystem()))),
        write_buffer_bytes_(write_buffer_bytes),
        checkpoints_(dir) {}
  ~RocksDbDatabase() override;

  absl::Status OpenReadWrite();
  absl::Status OpenReadOnly();

  std::unique_ptr<WriteBatch> NewBatch(size_t bytes) const override {
    return std::make_unique<RocksDbBatch>(&handles_, bytes);
  }
  absl::StatusOr<std::string> Get(Family family, absl::string_view key,
                                  const Snapshot* snapshot) const override;
  std::unique_ptr<Iterator> NewIterator(Family family, absl::string_view end,
                                        const Snapshot* snapshot) const override {
    return std::make_unique<RocksDbIterator>(db_.get(), handle(family), family, end,
                                             Unwrap(snapshot));
  }
  absl::Status Reclaim(Family family, absl::string_view begin, absl::string_view end) override;
  std::unique_ptr<const Snapshot> TakeSnapshot() override {
    return std::make_unique<const RocksDbSnapshot>(db_.get());
  }
  absl::Status MakeCheckpoint(uint64_t number) override;
  absl::StatusOr<std::vector<uint64_t>> Checkpoints() const override {
    return checkpoints_.Numbers();
  }
  absl::StatusOr<std::shared_ptr<Database>> OpenCheckpoint(uint64_t number) const override;
  absl::Status RemoveCheckpoint(uint64_t number) override;
  FamilySize SizeOf(Family family) const override;
  void DeleteAll(Family family, WriteBatch* batch) const override {
    static_cast<RocksDbBatch*>(batch)->DeleteAll(family);
  }
  absl::Status CheckTables() const override;
  absl::Status Compact() override;

 protected:
  absl::Status DoWrite(WriteBatch* batch, Durability durability) override;

 private:
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles_[static_cast<size_t>(family)];
  }

  rocksdb::Env* const machine_;  // the disk as it is
  const std::unique_ptr<rocksdb::Env> env_;
  const size_t write_buffer_bytes_;
  const CheckpointFolders checkpoints_;
  mutable absl::Mutex checkpoints_mutex_;
  mutable absl::btree_map<uint64_t, std::weak_ptr<Database>> open_checkpoints_
      ABSL_GUARDED_BY(checkpoints_mutex_);
  rocksdb::FileLock* reader_lock_ = nullptr;  // RocksDB itself takes it when it may write
  std::unique_ptr<rocksdb::DB> db_;
  Handles handles_{};
};

absl::Status RocksDbDatabase::OpenReadWrite() {
  KILN_RETURN_IF_ERROR(PrepareDataDir(dir()));
  KILN_RETURN_IF_ERROR(RequireWholeLogs(dir(), env_.get()));
  rocksdb::DBOptions options = MakeDatabaseOptions(env_.get());
  options.listeners.push_back(std::make_shared<FailureListener>(
      [this](const rocksdb::Status& cause) { Fail(WriteError(cause)); }));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(options, dir(), Descriptors(write_buffer_bytes_), &handles, &db);
  if (!status.ok()) return OpenError(dir(), status);
  db_.reset(db);
  std::copy(handles.begin(), handles.end(), handles_.begin());
  return checkpoints_.RemoveLeftovers();
}

absl::Status RocksDbDatabase::OpenReadOnly() {
  KILN_RETURN_IF_ERROR(RequireLedger(dir()));
  if (!env_->LockFile(absl::StrCat(dir(), kLockFile), &reader_lock_).ok()) return HeldError(dir());
  KILN_RETURN_IF_ERROR(RequireWholeLogs(dir(), env_.get()));
  rocksdb::DBOptions options = MakeDatabaseOptions(env_.get());
  options.create_if_missing = false;
  options.create_missing_column_families = false;
  options.info_log = std::make_shared<SilentLogger>();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(options, dir(), Descriptors(write_buffer_bytes_), &handles, &db);
  if (!status.ok()) return OpenError(dir(), status);
  db_.reset(db);
  std::copy(handles.begin(), handles.end(), handles_.begin());
  return absl::OkStatus();
}

RocksDbDatabase::~RocksDbDatabase() {
  if (db_ != nullptr) {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    db_->Close().PermitUncheckedError();  // all that was acknowledged is synced already
  }
  db_.reset();
  if (reader_lock_ != nullptr) env_->UnlockFile(reader_lock_).PermitUncheckedError();
}

absl::Status RocksDbDatabase::DoWrite(WriteBatch* batch, Durability durability) {
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kSynced;
  // RocksDB's own counters of every key comparison cost 5 % of a loaded node, and nobody reads
  // them.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  const rocksdb::Status status = db_->Write(options, static_cast<RocksDbBatch*>(batch)->get());
  return status.ok() ? absl::OkStatus() : WriteError(status);
}

absl::StatusOr<std::string> RocksDbDatabase::Get(Family family, absl::string_view key,
                                                 const Snapshot* snapshot) const {
  rocksdb::ReadOptions options;
  options.snapshot = Unwrap(snapshot);
  std::string value;
  const rocksdb::Status status = db_->Get(options, handle(family), ToSlice(key), &value);
  if (!status.ok()) return ReadError(family, key, status);
  return value;
}

absl::Status RocksDbDatabase::CheckTables() const {
  const rocksdb::Status status = db_->VerifyChecksum();
  if (status.ok()) return absl::OkStatus();
  if (status.IsCorruption() || status.IsPathNotFound()) {
    return absl::DataLossError(status.ToString());
  }
  return absl::UnavailableError(status.ToString());
}

absl::Status CompactionError(Family family, const rocksdb::Status& status) {
  const std::string message = absl::StrCat("compacting ", NameOf(family), ": ", status.ToString());
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  return status.IsCorruption() ? absl::DataLossError(message) : absl::UnavailableError(message);
}

// Tables that hold nothing but deleted keys go without being read; the rest of the range is
// compacted. Large values go with the last table that refers to their file.
absl::Status RocksDbDatabase::Reclaim(Family family, absl::string_view begin,
                                      absl::string_view end) {
  const rocksdb::Slice first = ToSlice(begin);
  const rocksdb::Slice last = ToSlice(end);
  rocksdb::Status status =
      rocksdb::DeleteFilesInRange(db_.get(), handle(family), &first, &last, /*include_end=*/false);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  if (status.ok()) status = db_->CompactRange(options, handle(family), &first, &last);
  return status.ok() ? absl::OkStatus() : CompactionError(family, status);
}

absl::Status RocksDbDatabase::Compact() {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = 1;
  for (size_t i = 0; i < kFamilyCount; ++i) {
    const rocksdb::Status status = db_->CompactRange(options, handles_[i], nullptr, nullptr);
    if (!status.ok()) return CompactionError(static_cast<Family>(i), status);
  }
  return absl::OkStatus();
}

// Tables become hard links. What is in the log only is written into tables first, so that the copy
// needs no log.
absl::Status RocksDbDatabase::MakeCheckpoint(uint64_t number) {
  KILN_RETURN_IF_ERROR(checkpoints_.Prepare());
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(checkpoints_.PathOf(number));
  if (!status.ok()) {
    return Annotate(WriteError(status), absl::StrCat("making ", checkpoints_.PathOf(number)));
  }
  return checkpoints_.Sync();
}

// All who read one share it, because a folder can be open once.
absl::StatusOr<std::shared_ptr<Database>> RocksDbDatabase::OpenCheckpoint(uint64_t number) const {
  absl::MutexLock lock(&checkpoints_mutex_);
  if (std::shared_ptr<Database> shared = open_checkpoints_[number].lock()) return shared;
  KILN_ASSIGN_OR_RETURN(std::shared_ptr<Database> opened,
                        OpenRocksDbDatabase(checkpoints_.PathOf(number), Access::kReadOnly,
                                            machine_, write_buffer_bytes_));
  open_checkpoints_[number] = opened;
  return opened;
}

absl::Status RocksDbDatabase::RemoveCheckpoint(uint64_t number) {
  absl::MutexLock lock(&checkpoints_mutex_);
  open_checkpoints_.erase(number);
  return checkpoints_.Remove(number);
}

FamilySize RocksDbDatabase::SizeOf(Family family) const {
  const auto property = [&](const std::string& name) {
    uint64_t value = 0;
    return db_->GetIntProperty(handle(family), name, &value) ? value : 0;
  };
  return {.keys = property(rocksdb::DB::Properties::kEstimateNumKeys),
          .table_bytes = property(rocksdb::DB::Properties::kLiveSstFilesSize),
          .blob_bytes = property(rocksdb::DB::Properties::kLiveBlobFileSize),
          .unflushed_bytes = property(rocksdb::DB::Properties::kCurSizeAllMemTables)};
}

}  // namespace

absl::StatusOr<std::shared_ptr<RocksDb>> OpenRocksDbDatabase(const std::string& dir, Access access,
                                                             rocksdb::Env* env,
                                                             size_t write_buffer_bytes) {
  const auto database = std::make_shared<RocksDbDatabase>(
      dir, env != nullptr ? env : rocksdb::Env::Default(), write_buffer_bytes);
  KILN_RETURN_IF_ERROR(access == Access::kReadOnly ? database->OpenReadOnly()
                                                   : database->OpenReadWrite());
  return database;
}

}  // namespace kiln::storage
