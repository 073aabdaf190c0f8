// A ledger whose safety record is lost or old: what is certain all the same, and the record that
// takes its place.
#ifndef KILN_STORAGE_LOST_RECORD_H_
#define KILN_STORAGE_LOST_RECORD_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/safety_record.h"
#include "consensus/signing.h"
#include "kiln/genesis.h"

namespace kiln::storage {

class Database;

struct RecordRemains {
  // OK: the record is whole and fits the ledger, a node would start from it. Else why it would not.
  absl::Status record;
  // What consensus::SafetyRecovery starts from: a record that can be read, however old, and the
  // highest certificate that a stored block carries.
  consensus::SafetyRecord known;
};

// Of validator `self`. Errors are of the ledger itself, or of data that another validator signed:
// such a folder is of no use, and its place is to be taken by an empty one.
absl::StatusOr<RecordRemains> FindRecordRemains(const Database& database, const Genesis& genesis,
                                                ValidatorIndex self,
                                                const consensus::SignatureVerifier& signatures);
// Of a validator that has nothing left.
RecordRemains NoRemains(const Genesis& genesis);

// Puts a recovered record in its place with one synced write, beside a new ledger when there is
// none. FailedPrecondition, and nothing is written, when `self` would not start from it.
absl::Status WriteRecoveredRecord(Database* database, const Genesis& genesis, ValidatorIndex self,
                                  const consensus::SafetyRecord& record,
                                  const consensus::SignatureVerifier& signatures);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LOST_RECORD_H_
