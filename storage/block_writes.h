// How a block is laid out over the families of a database.
#ifndef KILN_STORAGE_BLOCK_WRITES_H_
#define KILN_STORAGE_BLOCK_WRITES_H_

#include "consensus/block.h"

namespace kiln::storage {

class WriteBatch;

// The block, its payload if it has transactions, and the height at which its id is found. That it
// is committed is another entry.
void PutBlock(const consensus::Block& block, WriteBatch* batch);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_BLOCK_WRITES_H_
