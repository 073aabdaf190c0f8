// The room on a node's disk: how much there is, what that allows, and a reserve for the worst case.
#ifndef KILN_NODE_DISK_GUARD_H_
#define KILN_NODE_DISK_GUARD_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace kiln::node {

// The file in a node's data folder that holds room for a full disk (DiskGuard).
inline constexpr char kReserveFileName[] = "reserve";

// Free bytes of the file system that holds `path`; 0 when that cannot be known.
uint64_t DiskFreeBytes(const std::string& path);

// What a disk's room allows, the most first. A write that fails ends the process, the safety
// record's above all, so a validator stops signing while there is still room for what is under way.
enum class DiskRoom {
  kEnough,
  kLow,   // below the minimum: no new transactions, no snapshot
  kNone,  // below half of it, and until the minimum is free again: nothing is signed or persisted
};

// Looks at one folder's disk. A file in that folder, kReserveFileName, holds a quarter of the
// minimum, 64 MiB at most: others on the same disk cannot take it, and it is given back when the
// room is gone, so that what RocksDB has begun can end. For one thread.
class DiskGuard {
 public:
  using FreeBytes = std::function<uint64_t(const std::string& path)>;

  // `free_bytes_min` 0: there is always room enough, and no reserve.
  DiskGuard(std::string folder, uint64_t free_bytes_min, FreeBytes free_bytes = DiskFreeBytes);

  // For a start: makes the reserve. ResourceExhausted when less than the minimum is free.
  absl::Status Prepare();

  // Looks anew; gives the reserve back or makes it again.
  DiskRoom Look();
  // As of the last look. The reserve counts as free, whether it is there or given back.
  uint64_t free_bytes() const { return free_bytes_; }

 private:
  bool Reserve();
  void Release();

  const std::string folder_;
  const uint64_t free_bytes_min_;
  const uint64_t reserve_bytes_;
  const FreeBytes read_free_bytes_;
  DiskRoom room_ = DiskRoom::kEnough;
  uint64_t free_bytes_ = 0;
  bool has_reserve_ = false;
};

}  // namespace kiln::node

#endif  // KILN_NODE_DISK_GUARD_H_
