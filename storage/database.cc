#include "storage/database.h"

#include <rocksdb/listener.h>
#include <rocksdb/perf_level.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "storage/data_dir.h"
#include "storage/database_options.h"

namespace kiln::storage {
namespace {

constexpr absl::string_view kLockFile = "/LOCK";
constexpr absl::string_view kDamageRemedy =
    "restore the folder from a copy of this validator's newest state, or give this validator a new "
    "identity; it must not start from less than it had";

// Passes failures of background work on, and stops RocksDB from recovering from them by itself.
class FailureListener final : public rocksdb::EventListener {
 public:
  explicit FailureListener(Database* database) : database_(database) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* status) override {
    database_->Fail(*status);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*status*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  Database* const database_;
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

absl::Status ReadError(Family family, absl::string_view key, const rocksdb::Status& status) {
  if (status.IsNotFound()) {
    return absl::NotFoundError(absl::StrCat(Describe(family, key), " is not stored"));
  }
  const std::string message =
      absl::StrCat("reading ", Describe(family, key), ": ", status.ToString());
  if (status.IsCorruption() || status.IsPathNotFound()) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

std::vector<rocksdb::ColumnFamilyDescriptor> Descriptors() {
  const std::vector<rocksdb::ColumnFamilyOptions> options = MakeFamilyOptions();
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (size_t i = 0; i < kFamilyCount; ++i) {
    descriptors.emplace_back(std::string(kFamilyNames[i]), options[i]);
  }
  return descriptors;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Database>> Database::Open(const std::string& dir, Access access,
                                                         rocksdb::Env* env) {
  std::shared_ptr<Database> database(
      new Database(dir, env != nullptr ? env : rocksdb::Env::Default()));
  if (access == Access::kReadOnly) {
    KILN_RETURN_IF_ERROR(database->OpenReadOnly());
  } else {
    KILN_RETURN_IF_ERROR(database->OpenReadWrite());
  }
  return database;
}

absl::Status Database::OpenReadWrite() {
  KILN_RETURN_IF_ERROR(PrepareDataDir(dir_));
  rocksdb::DBOptions options = MakeDatabaseOptions(env_);
  options.listeners.push_back(std::make_shared<FailureListener>(this));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, dir_, Descriptors(), &handles, &db);
  if (!status.ok()) return OpenError(dir_, status);
  db_.reset(db);
  std::copy(handles.begin(), handles.end(), handles_.begin());
  return absl::OkStatus();
}

absl::Status Database::OpenReadOnly() {
  KILN_RETURN_IF_ERROR(RequireLedger(dir_));
  if (!env_->LockFile(absl::StrCat(dir_, kLockFile), &reader_lock_).ok()) return HeldError(dir_);
  rocksdb::DBOptions options = MakeDatabaseOptions(env_);
  options.create_if_missing = false;
  options.create_missing_column_families = false;
  options.info_log = std::make_shared<SilentLogger>();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(options, dir_, Descriptors(), &handles, &db);
  if (!status.ok()) return OpenError(dir_, status);
  db_.reset(db);
  std::copy(handles.begin(), handles.end(), handles_.begin());
  return absl::OkStatus();
}

Database::~Database() {
  if (db_ != nullptr) {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    db_->Close().PermitUncheckedError();  // all that was acknowledged is synced already
  }
  db_.reset();
  if (reader_lock_ != nullptr) env_->UnlockFile(reader_lock_).PermitUncheckedError();
}

void Database::Put(rocksdb::WriteBatch* batch, Family family, absl::string_view key,
                   absl::string_view value) const {
  KILN_CHECK(batch->Put(handle(family), ToSlice(key), ToSlice(value)).ok());
}

void Database::PutSealed(rocksdb::WriteBatch* batch, Family family, absl::string_view key,
                         std::string value) const {
  Put(batch, family, key, Seal(family, key, std::move(value)));
}

void Database::Delete(rocksdb::WriteBatch* batch, Family family, absl::string_view key) const {
  KILN_CHECK(batch->Delete(handle(family), ToSlice(key)).ok());
}

absl::Status Database::Write(rocksdb::WriteBatch* batch, Durability durability) {
  KILN_RETURN_IF_ERROR(failure());
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kSynced;
  const size_t bytes = batch->GetDataSize();
  // RocksDB's own counters of every key comparison cost 5 % of a loaded node, and nobody reads
  // them.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  if (const rocksdb::Status status = db_->Write(options, batch); !status.ok()) {
    Fail(status);
    return failure();
  }
  bytes_written_.fetch_add(bytes, std::memory_order_relaxed);
  if (options.sync) syncs_.fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status Database::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

void Database::Fail(const rocksdb::Status& cause) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return;
  const std::string message = absl::StrCat("writing to ", dir_, " failed (", cause.ToString(),
                                           "); nothing more is written and the node must stop");
  failure_ =
      cause.IsNoSpace() ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
}

absl::Status Database::Get(Family family, absl::string_view key, rocksdb::PinnableSlice* value,
                           const rocksdb::Snapshot* snapshot) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const rocksdb::Status status = db_->Get(options, handle(family), ToSlice(key), value);
  return status.ok() ? absl::OkStatus() : ReadError(family, key, status);
}

absl::StatusOr<std::string> Database::GetSealed(Family family, absl::string_view key,
                                                const rocksdb::Snapshot* snapshot) const {
  rocksdb::PinnableSlice sealed;
  KILN_RETURN_IF_ERROR(Get(family, key, &sealed, snapshot));
  KILN_ASSIGN_OR_RETURN(const absl::string_view value, Unseal(family, key, ToView(sealed)));
  return std::string(value);
}

std::unique_ptr<rocksdb::Iterator> Database::NewIterator(Family family, const rocksdb::Slice* end,
                                                         const rocksdb::Snapshot* snapshot) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.iterate_upper_bound = end;
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, handle(family)));
}

absl::StatusOr<bool> Database::IsEmpty(Family family) const {
  const std::unique_ptr<rocksdb::Iterator> iterator = NewIterator(family);
  iterator->SeekToFirst();
  if (!iterator->status().ok()) return ReadError(family, "", iterator->status());
  return !iterator->Valid();
}

}  // namespace kiln::storage
