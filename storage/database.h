// RocksDB, opened the way a ledger needs it. The only header that shows RocksDB: include it from
// this folder's .cc files alone.
#ifndef KILN_STORAGE_DATABASE_H_
#define KILN_STORAGE_DATABASE_H_

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace kiln::storage {

inline rocksdb::Slice ToSlice(absl::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
inline absl::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

enum class Access { kReadWrite, kReadOnly };
enum class Durability { kSynced, kUnsynced };

// One open folder, all its column families, its lock. Thread-safe. After the first write that fails
// every other one fails likewise: a disk that lost one write is not trusted with the next.
class Database {
 public:
  // Creates the folder and the column families when there are none. A folder that has lost the file
  // which names its tables is refused, never started anew.
  static absl::StatusOr<std::shared_ptr<Database>> Open(const std::string& dir, Access access,
                                                        rocksdb::Env* env);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& dir() const { return dir_; }
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles_[static_cast<size_t>(family)];
  }

  // A batch knows nothing of families; these do.
  void Put(rocksdb::WriteBatch* batch, Family family, absl::string_view key,
           absl::string_view value) const;
  void PutSealed(rocksdb::WriteBatch* batch, Family family, absl::string_view key,
                 std::string value) const;
  void Delete(rocksdb::WriteBatch* batch, Family family, absl::string_view key) const;

  absl::Status Write(rocksdb::WriteBatch* batch, Durability durability);
  // OK until a write failed.
  absl::Status failure() const;
  // Also from RocksDB's own background work.
  void Fail(const rocksdb::Status& cause);

  // NotFound when absent. `snapshot` may be null: the newest state.
  absl::Status Get(Family family, absl::string_view key, rocksdb::PinnableSlice* value,
                   const rocksdb::Snapshot* snapshot = nullptr) const;
  // The value without its seal, copied.
  absl::StatusOr<std::string> GetSealed(Family family, absl::string_view key,
                                        const rocksdb::Snapshot* snapshot = nullptr) const;
  // Over keys below `end` (empty: all). The end must outlive the iterator.
  std::unique_ptr<rocksdb::Iterator> NewIterator(Family family, const rocksdb::Slice* end = nullptr,
                                                 const rocksdb::Snapshot* snapshot = nullptr) const;
  absl::StatusOr<bool> IsEmpty(Family family) const;

  const rocksdb::Snapshot* TakeSnapshot() { return db_->GetSnapshot(); }
  void ReleaseSnapshot(const rocksdb::Snapshot* snapshot) { db_->ReleaseSnapshot(snapshot); }

  StoreCounters counters() const {
    return {.bytes_written = bytes_written_.load(std::memory_order_relaxed),
            .syncs = syncs_.load(std::memory_order_relaxed)};
  }

 private:
  Database(std::string dir, rocksdb::Env* env) : dir_(std::move(dir)), env_(env) {}
  absl::Status OpenReadWrite();
  absl::Status OpenReadOnly();

  const std::string dir_;
  rocksdb::Env* const env_;
  rocksdb::FileLock* reader_lock_ = nullptr;  // RocksDB itself takes it when it may write
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> handles_{};
  std::atomic<uint64_t> bytes_written_ = 0;  // as handed to the write-ahead log
  std::atomic<uint64_t> syncs_ = 0;
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_DATABASE_H_
