// The application's state, back at the genesis.
#ifndef KILN_STORAGE_APPLICATION_ROLLBACK_H_
#define KILN_STORAGE_APPLICATION_ROLLBACK_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "kiln/genesis.h"
#include "storage/rocksdb_database.h"
#include "storage/store.h"

namespace kiln::storage {

// What the operator does when the application's state, or results, cannot be read: with a ledger
// that begins at block 1 they are made again here, with any other somewhere else.
absl::string_view HowToMakeStateAgain(Height lowest);
// The same status, with that in its message when it is DataLoss: of what reads the state or results
// of this ledger.
absl::Status WithWayOut(const absl::Status& status, const Store& store);

// What a rollback takes away: the next start executes the blocks from 1 to `committed`.
struct ApplicationRollback {
  Height committed;
  Height executed;  // until now; 0 when that cannot be read any more
};
// FailedPrecondition when the database is of another chain or format, or does not begin at block 1,
// so that these blocks are not all there; DataLoss when it does not say
// how high it is.
absl::StatusOr<ApplicationRollback> PlanRollback(const Database& database, const Genesis& genesis);

// Deletes state and results, and says that nothing was executed: one synced batch. Blocks,
// certificates and the safety record stay as they are. REQUIRES: PlanRollback was OK.
absl::Status RollBackApplication(const Genesis& genesis, RocksDb* database);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_APPLICATION_ROLLBACK_H_
