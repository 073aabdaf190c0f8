// A store's life on a disk that is watched, and what was promised at every step of it.
#ifndef KILN_TESTS_STORAGE_RECORDED_RUN_H_
#define KILN_TESTS_STORAGE_RECORDED_RUN_H_

#include <rocksdb/env.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/store.h"
#include "tests/storage/fault_file_system.h"
#include "tests/storage/ledger_driver.h"
#include "tests/storage/temporary_dir.h"

namespace kiln::storage {

// The ledger after one write: what a crash must leave once the write returned, and may leave once
// it began. Points are sizes of the disk's record.
struct Promise {
  size_t begun = 0;
  size_t kept = 0;
  DurableWrite write;  // empty for the creation of the ledger
  consensus::SafetyRecord safety;
  uint64_t committed = 0;
  absl::btree_set<Hash> uncommitted;
  uint64_t applied = 0;  // by the time that the write began
};

// Blocks, siblings, timeouts, commits and executions of one validator. Not thread-safe.
class RecordedRun {
 public:
  // Small enough that tables are written and compacted all the time.
  static constexpr size_t kWriteBufferBytes = 64 << 10;

  RecordedRun();
  RecordedRun(const RecordedRun&) = delete;
  RecordedRun& operator=(const RecordedRun&) = delete;

  // Opens the store, or opens it again. The first error of any of these ends the run.
  absl::Status Open();
  absl::Status RunRound(uint64_t round);
  // Prunes to so many heights below the newest executed one, if there are more.
  absl::Status Prune(uint64_t heights_kept);
  void Close() { store_.reset(); }
  // A store of this chain in another folder, on the machine's own disk or on a watched one.
  absl::StatusOr<std::unique_ptr<Store>> OpenAt(const std::string& folder,
                                                rocksdb::Env* env = nullptr) const;

  // Whether a store holds what a crash at `point` must have left, and nothing that it cannot have
  // left: one promise to the letter, not older than the newest one kept, and the state after a
  // prefix of the executed blocks. `found` is the promise's index.
  absl::Status CheckCrashAt(size_t point, const Store& store, size_t* found) const;
  // The index of the newest promise that was kept by then; 0 before there is one.
  size_t NewestKeptAt(size_t point) const;
  // Whether everything that any read may ask for is what was written.
  absl::Status CheckReads(const Store& store, const Promise& promise) const;
  // Whether all blocks that a store says are committed are those that were written.
  absl::Status CheckBlocks(const Store& store) const;

  bool is_open() const { return store_ != nullptr; }
  // REQUIRES: is_open().
  Store& store() { return *store_; }
  FaultFileSystem& disk() const { return *disk_; }
  const std::vector<Promise>& promises() const { return promises_; }
  uint64_t applied() const { return applied_.size() - 1; }
  const LedgerDriver& driver() const { return driver_; }
  std::string folder() const { return dir_.At("data"); }

 private:
  absl::Status Persist(DurableWrite write);
  absl::Status ApplyUpTo(uint64_t height);
  DurableWrite TimeoutAfter(Round round);
  absl::Status CheckLowest(const Store& store, size_t point) const;
  absl::Status CheckState(const Store& store, uint64_t lowest, uint64_t highest) const;

  TemporaryDir dir_{MemoryFolder()};
  const std::shared_ptr<FaultFileSystem> disk_ = std::make_shared<FaultFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(disk_);
  consensus::TestWorld world_{{1, 1, 1, 1}, {}, consensus::Signatures::kCheap};
  LedgerDriver driver_{&world_};
  std::unique_ptr<Store> store_;
  std::vector<Promise> promises_;
  std::vector<consensus::BlockPtr> siblings_;
  std::vector<size_t> applied_ = {0};  // by height: the point at which it began
  // Likewise of each time that the lowest height rose.
  struct Pruned {
    uint64_t lowest = 1;
    size_t begun = 0;
    size_t kept = SIZE_MAX;
  };
  std::vector<Pruned> pruned_ = {{.lowest = 1, .begun = 0, .kept = 0}};
};

}  // namespace kiln::storage

#endif  // KILN_TESTS_STORAGE_RECORDED_RUN_H_
