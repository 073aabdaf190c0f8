// A ledger copied, value by value, out of files of which some can no longer be read.
#ifndef KILN_STORAGE_LEDGER_REBUILD_H_
#define KILN_STORAGE_LEDGER_REBUILD_H_

#include "absl/status/status.h"
#include "base/ids.h"
#include "kiln/genesis.h"
#include "storage/rocksdb_database.h"

namespace kiln::storage {

// Makes of the empty `to` the ledger that `from` was, as far as it can be read: the safety record,
// blocks, payloads, certificates, index and results, uncommitted blocks, and the application's
// state. What the genesis says, block 0 and the chain's name, is written anew; the committed head,
// when it cannot be read, is the highest of the index. Other blocks, certificates, index entries
// and results that cannot be read are left out. When the state cannot be read to its end, the copy
// has that of the genesis, and no results. DataLoss when the safety record, an uncommitted block,
// the head or what the ledger stands on cannot be had, or the state of a ledger that does not begin
// at block 1: a validator must not go on without them.
absl::Status CopyReadable(const Database& from, const Genesis& genesis, RocksDb* to);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_REBUILD_H_
