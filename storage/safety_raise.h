// Raising a safety record by what another copy of it knows.
#ifndef KILN_STORAGE_SAFETY_RAISE_H_
#define KILN_STORAGE_SAFETY_RAISE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/safety_record.h"
#include "consensus/signing.h"
#include "kiln/genesis.h"

namespace kiln::storage {

class Database;

// A record that forbids whatever either of the two forbids: of every round the higher, of every
// certificate, vote and timeout the one of the higher round. Votes and timeouts come along whole
// and not as rounds alone: a validator that knew only the round would sign its timeout once more,
// with another certificate in it, and would take its own vote in a certificate for a stranger's.
// FailedPrecondition when they are of different epochs, or hold different signatures for one round:
// the key has then signed twice, and no record makes that undone.
absl::StatusOr<consensus::SafetyRecord> RaiseSafetyRecord(const consensus::SafetyRecord& record,
                                                          const consensus::SafetyRecord& by);

// Whether the record is one that validator `self` of this chain can have: all certificates and
// signatures in it verify, votes and timeouts are its own, and the voting rules that start from it
// know its own signature in its certificates. InvalidArgument says what does not hold.
absl::Status CheckRecordOf(ValidatorIndex self, const consensus::SafetyRecord& record,
                           const Genesis& genesis, const consensus::SignatureVerifier& signatures);

// Whether validator `self` starts from the ledger with this record. FailedPrecondition when not;
// above all when the block that it voted for last is neither stored nor decided: a quorum may count
// on this validator's copy of it.
absl::Status CheckReplacement(const Database& database, const Genesis& genesis, ValidatorIndex self,
                              const consensus::SafetyRecord& record);
// One synced write. REQUIRES: CheckReplacement was OK.
absl::Status ReplaceSafetyRecord(Database* database, const consensus::SafetyRecord& record);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SAFETY_RAISE_H_
