#include "storage/block_cache.h"

#include <gtest/gtest.h>

#include "tests/consensus/test_world.h"

namespace kiln::storage {
namespace {

consensus::BlockPtr BlockWith(consensus::TestWorld& world, uint64_t round, size_t payload_bytes) {
  return world.Child(world.genesis_block(), Round{round},
                     {.transactions = {std::string(payload_bytes, 'x')}});
}

TEST(BlockCache, FindsWhatWasAddedUntilItIsRemoved) {
  consensus::TestWorld world;
  BlockCache cache;
  const consensus::BlockPtr block = BlockWith(world, 1, 100);
  EXPECT_EQ(cache.Find(block->id), nullptr);
  cache.Add(block);
  cache.Add(block);
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.Find(block->id), block);
  cache.Remove(block->id);
  cache.Remove(block->id);
  EXPECT_EQ(cache.Find(block->id), nullptr);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(BlockCache, ForgetsTheOldestAboveItsNumber) {
  consensus::TestWorld world;
  BlockCache cache;
  std::vector<consensus::BlockPtr> blocks;
  for (uint64_t i = 0; i <= BlockCache::kBlocksMax; ++i) {
    blocks.push_back(BlockWith(world, i + 1, 1));
    cache.Add(blocks.back());
  }
  EXPECT_EQ(cache.size(), BlockCache::kBlocksMax);
  EXPECT_EQ(cache.Find(blocks[0]->id), nullptr);
  EXPECT_EQ(cache.Find(blocks[1]->id), blocks[1]);
}

TEST(BlockCache, StaysWithinItsBytes) {
  consensus::TestWorld world({1, 1, 1, 1},
                             {.block_bytes_max = 8 << 20, .transaction_bytes_max = 4 << 20});
  BlockCache cache;
  for (uint64_t i = 0; i < 20; ++i) {
    cache.Add(BlockWith(world, i + 1, 4 << 20));
    EXPECT_LE(cache.bytes(), BlockCache::kBytesMax);
  }
  EXPECT_EQ(cache.size(), 15u);  // 16 payloads alone would fill it
}

}  // namespace
}  // namespace kiln::storage
