// The store over a database, whichever it is.
#ifndef KILN_STORAGE_LEDGER_STORE_H_
#define KILN_STORAGE_LEDGER_STORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kiln/genesis.h"
#include "storage/store.h"

namespace kiln::storage {

class Database;

// Serves the ledger in `database`, or creates one in an empty database: format version, chain id,
// block 0 and the first safety record in one synced batch. Anything less is refused. Errors name
// the folder and the way out: FailedPrecondition another chain's data, a newer format, a missing or
// contradictory safety record | DataLoss damage | ResourceExhausted a full disk | NotFound nothing
// there, and nothing may be written.
absl::StatusOr<std::unique_ptr<Store>> OpenStore(std::shared_ptr<Database> database,
                                                 const Genesis& genesis, bool read_only);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_STORE_H_
