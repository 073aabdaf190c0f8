// Ordered families of keys and values that are written in atomic batches: what a ledger needs of
// whatever keeps its bytes.
#ifndef KILN_STORAGE_DATABASE_H_
#define KILN_STORAGE_DATABASE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace kiln::storage {

enum class Durability { kSynced, kUnsynced };

// Changes that take effect together, in the order they were added. Made by one database, for that
// one. Not thread-safe.
class WriteBatch {
 public:
  virtual ~WriteBatch() = default;

  virtual void Put(Family family, absl::string_view key, absl::string_view value) = 0;
  virtual void Delete(Family family, absl::string_view key) = 0;
  // Every key from `begin` on that is below `end`, in one entry. Not those put by this same batch.
  virtual void DeleteRange(Family family, absl::string_view begin, absl::string_view end) = 0;
  void PutSealed(Family family, absl::string_view key, std::string value) {
    Put(family, key, Seal(family, key, std::move(value)));
  }
  // As counted in StoreCounters.
  virtual size_t bytes() const = 0;
};

// A moment of a database that reads can go back to, for as long as this lives. It must not outlive
// the database.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};

// Over the keys of one family as they were when it was made. Not thread-safe.
class Iterator {
 public:
  virtual ~Iterator() = default;

  virtual void Seek(absl::string_view key) = 0;         // to the first key not below
  virtual void SeekForPrev(absl::string_view key) = 0;  // to the last key not above
  virtual void Next() = 0;                              // REQUIRES: Valid()
  virtual void Prev() = 0;                              // REQUIRES: Valid()
  virtual bool Valid() const = 0;                       // false at either end, and after an error
  // REQUIRES: Valid(). Views live until the iterator moves.
  virtual absl::string_view key() const = 0;
  virtual absl::string_view value() const = 0;
  // Why it is not valid, unless that is the end.
  virtual absl::Status status() const = 0;
};

// One open database and its lock: nobody else has it open. After the first write that fails every
// other one fails likewise: a disk that lost one write is not trusted with the next. Thread-safe.
class Database {
 public:
  virtual ~Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // For messages: where it is.
  const std::string& dir() const { return dir_; }

  // With room for so many bytes at once.
  virtual std::unique_ptr<WriteBatch> NewBatch(size_t bytes) const = 0;
  // All of it, or nothing. Durable when it returns OK, if asked to be synced; batches before it are
  // then durable too, and no batch is ever durable without those before it.
  absl::Status Write(WriteBatch* batch, Durability durability);
  // OK until a write failed.
  absl::Status failure() const;

  // Of the newest state, or of a snapshot. NotFound when absent; DataLoss, naming family and key,
  // when what is stored cannot be read back.
  virtual absl::StatusOr<std::string> Get(Family family, absl::string_view key,
                                          const Snapshot* snapshot = nullptr) const = 0;
  // The value without its seal.
  absl::StatusOr<std::string> GetSealed(Family family, absl::string_view key,
                                        const Snapshot* snapshot = nullptr) const;
  // Over keys below `end` (empty: all).
  virtual std::unique_ptr<Iterator> NewIterator(Family family, absl::string_view end = {},
                                                const Snapshot* snapshot = nullptr) const = 0;
  absl::StatusOr<bool> IsEmpty(Family family) const;

  // Gives the space of a range back whose keys were deleted, from `begin` on and below `end`. May
  // take long, and may do nothing; holds up neither reads nor writes.
  virtual absl::Status Reclaim(Family family, absl::string_view begin, absl::string_view end) = 0;

  virtual std::unique_ptr<const Snapshot> TakeSnapshot() = 0;

  // A checkpoint is a copy of all that is stored at one moment, under a number, which outlives the
  // process. REQUIRES: there is none of that number. When it returns OK, it and what was written
  // before are durable. Writes go on meanwhile, and may be in it or not.
  virtual absl::Status MakeCheckpoint(uint64_t number) = 0;
  // Ascending.
  virtual absl::StatusOr<std::vector<uint64_t>> Checkpoints() const = 0;
  // To read only. NotFound when there is none. Must not outlive this database.
  virtual absl::StatusOr<std::shared_ptr<Database>> OpenCheckpoint(uint64_t number) const = 0;
  // At once, or not at all. Nothing happens when there is none.
  virtual absl::Status RemoveCheckpoint(uint64_t number) = 0;

  StoreCounters counters() const {
    return {.bytes_written = bytes_written_.load(std::memory_order_relaxed),
            .syncs = syncs_.load(std::memory_order_relaxed)};
  }

 protected:
  explicit Database(std::string dir) : dir_(std::move(dir)) {}

  // The write itself. ResourceExhausted: no space; any other error: the disk failed.
  virtual absl::Status DoWrite(WriteBatch* batch, Durability durability) = 0;
  // Makes `cause` the failure, unless there is one already. Also for what fails in the background.
  void Fail(const absl::Status& cause);

 private:
  const std::string dir_;
  std::atomic<uint64_t> bytes_written_ = 0;
  std::atomic<uint64_t> syncs_ = 0;
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_DATABASE_H_
