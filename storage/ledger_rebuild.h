// A ledger copied, value by value, out of files of which some can no longer be read.
#ifndef KILN_STORAGE_LEDGER_REBUILD_H_
#define KILN_STORAGE_LEDGER_REBUILD_H_

#include "absl/status/status.h"
#include "base/ids.h"
#include "kiln/genesis.h"
#include "storage/rocksdb_database.h"

namespace kiln::storage {

// Copies into the empty `to` all that can be read of `from`: metadata, the safety record, blocks,
// payloads, certificates, index and results up to `committed`, uncommitted blocks, and the
// application's state. What cannot be read is left out, but for the metadata, the safety record and
// the uncommitted blocks: DataLoss then, because a validator must not go on without them. When the
// state cannot be read to its end, the copy has that of the genesis, and no results.
absl::Status CopyReadable(const Database& from, Height committed, const Genesis& genesis,
                          RocksDb* to);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_REBUILD_H_
