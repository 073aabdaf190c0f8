// The newest blocks, kept decoded: what is committed, executed and served to peers is seldom read
// back.
#ifndef KILN_STORAGE_BLOCK_CACHE_H_
#define KILN_STORAGE_BLOCK_CACHE_H_

#include <cstddef>
#include <deque>

#include "absl/container/flat_hash_map.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/types.h"

namespace kiln::storage {

// The last kBlocksMax blocks that were added, in at most kBytesMax bytes of payload and headers (or
// one block, however large). Invariant: by_id_ holds exactly the blocks of order_, bytes_ is their
// sum. Thread-compatible.
class BlockCache {
 public:
  static constexpr size_t kBlocksMax = 256;
  static constexpr size_t kBytesMax = 64 << 20;

  // A block that is there already keeps its place.
  void Add(const consensus::BlockPtr& block);
  // Forgets a dropped block, if it is there.
  void Remove(const Hash& id);
  // Null when absent.
  consensus::BlockPtr Find(const Hash& id) const;

  size_t size() const { return order_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  void Evict(std::deque<consensus::BlockPtr>::iterator position);

  std::deque<consensus::BlockPtr> order_;                 // oldest first
  absl::flat_hash_map<Hash, consensus::BlockPtr> by_id_;  // lookup only
  size_t bytes_ = 0;
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_BLOCK_CACHE_H_
