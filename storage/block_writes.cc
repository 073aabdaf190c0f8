#include "storage/block_writes.h"

#include <string>

#include "storage/database.h"
#include "storage/records.h"
#include "storage/schema.h"

namespace kiln::storage {

void PutBlock(const consensus::Block& block, WriteBatch* batch) {
  const Height height = block.header.height;
  const std::string key = BlockKey(height, block.id);
  batch->Put(Family::kBlocks, key, EncodeBlockRecord(block));
  if (block.has_transactions()) batch->Put(Family::kPayloads, key, *block.payload);
  batch->PutSealed(Family::kIndexByHeight, HeightOfIdKey(block.id), EncodeIndexedHeight(height));
}

}  // namespace kiln::storage
