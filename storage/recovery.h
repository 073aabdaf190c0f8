// What a store checks before it serves anybody: that the folder is this chain's, whole, and agrees
// with itself.
#ifndef KILN_STORAGE_RECOVERY_H_
#define KILN_STORAGE_RECOVERY_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "consensus/executed_state.h"
#include "consensus/safety_record.h"
#include "kiln/genesis.h"
#include "storage/ledger_base.h"
#include "storage/records.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace kiln::storage {

class Database;
class LedgerReader;
class WriteBatch;

// All that a store keeps in memory, read back.
struct LedgerImage {
  RecoveredLedger ledger;
  std::vector<HeadRecord> stored_above;  // every block above the committed head, also orphans
  consensus::ExecutedState executed;
  LedgerBase base;
  StateSpace space = StateSpace::kFirst;
};

// Whether nothing was ever written: no ledger, no safety record, no state. DataLoss when the
// metadata is gone but something else is there.
absl::StatusOr<bool> IsBlank(const Database& database);

// FailedPrecondition when the database is of another chain or in a format of another version.
absl::Status CheckFormatAndChain(const Database& database, const LedgerReader& reader,
                                 const Genesis& genesis);

// What the ledger stands on: of the genesis, or as recorded. DataLoss when there should be a record
// and is none, when there is one that should not be, or when it is not this chain's.
absl::StatusOr<LedgerBase> LoadBase(const LedgerReader& reader, const Genesis& genesis);

// Block 0 and whose chain it is; the format is that of a ledger that begins at block 1.
void PutGenesis(const Genesis& genesis, WriteBatch* batch);

// Format version, chain id, block 0, the first safety record and the first state: one synced batch.
absl::Status CreateLedger(Database* database, const Genesis& genesis,
                          const consensus::SafetyRecord& safety);

// The same as a record, with the format version that goes with it.
void PutBase(const LedgerBase& base, WriteBatch* batch);

// Errors as in OpenRocksDbStore; they name the folder and the way out.
absl::StatusOr<LedgerImage> LoadLedger(const Database& database, const Genesis& genesis);
// The same with `safety` in the place of the stored safety record: for whoever is about to write
// it.
absl::StatusOr<LedgerImage> LoadLedger(const Database& database, const Genesis& genesis,
                                       absl::StatusOr<consensus::SafetyRecord> safety);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_RECOVERY_H_
