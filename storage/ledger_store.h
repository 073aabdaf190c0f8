// The store over a database, whichever it is.
#ifndef KILN_STORAGE_LEDGER_STORE_H_
#define KILN_STORAGE_LEDGER_STORE_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "kiln/genesis.h"
#include "storage/store.h"

namespace kiln::storage {

class Database;

// How much of the application's state may be in memory alone before all of it is written: what that
// takes, and the blocks that wrote it, which a start after a crash executes again.
struct StateWriteLimits {
  size_t bytes_max = 4 << 20;
  size_t blocks_max = 4096;
};

// Serves the ledger in `database`, or creates one in an empty database: format version, chain id,
// block 0 and the first safety record in one synced batch. Anything less is refused. Errors name
// the folder and the way out: FailedPrecondition another chain's data, a newer format, a missing or
// contradictory safety record | DataLoss damage | ResourceExhausted a full disk | NotFound nothing
// there, and nothing may be written.
absl::StatusOr<std::unique_ptr<Store>> OpenStore(std::shared_ptr<Database> database,
                                                 const Genesis& genesis, bool read_only,
                                                 const StateWriteLimits& state_limits = {});

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_STORE_H_
