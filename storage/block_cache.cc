#include "storage/block_cache.h"

#include <algorithm>

#include "base/check.h"

namespace kiln::storage {
namespace {

// What a block occupies, about: payload, its index, signatures and the structures around them.
size_t BytesOf(const consensus::Block& block) {
  constexpr size_t kBlockOverheadBytes = 1024;
  return kBlockOverheadBytes + block.payload->size() +
         block.index->entries.size() * sizeof(consensus::PayloadIndex::Entry) +
         block.justify.signatures.size() * sizeof(crypto::Signature);
}

}  // namespace

void BlockCache::Add(const consensus::BlockPtr& block) {
  if (!by_id_.emplace(block->id, block).second) return;
  order_.push_back(block);
  bytes_ += BytesOf(*block);
  while (order_.size() > kBlocksMax || (bytes_ > kBytesMax && order_.size() > 1)) {
    Evict(order_.begin());
  }
}

void BlockCache::Remove(const Hash& id) {
  if (!by_id_.contains(id)) return;
  const auto position = std::find_if(order_.begin(), order_.end(),
                                     [&](const auto& block) { return block->id == id; });
  KILN_CHECK(position != order_.end());
  Evict(position);
}

consensus::BlockPtr BlockCache::Find(const Hash& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void BlockCache::Evict(std::deque<consensus::BlockPtr>::iterator position) {
  bytes_ -= BytesOf(**position);
  by_id_.erase((*position)->id);
  order_.erase(position);
}

}  // namespace kiln::storage
