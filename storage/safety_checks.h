// Whether a safety record and a ledger can belong to the same validator.
#ifndef KILN_STORAGE_SAFETY_CHECKS_H_
#define KILN_STORAGE_SAFETY_CHECKS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "kiln/types.h"
#include "storage/store.h"

namespace kiln::storage {

// FailedPrecondition names the contradiction. That the record agrees with itself its decoder has
// checked already. A record from before the ledger, or from another one, has forgotten votes:
// signing on from it could sign twice. `find` looks for any block,
// committed or not: NotFound when it is not stored, another error when that cannot be told.
absl::Status CheckSafetyRecord(const RecoveredLedger& ledger,
                               absl::FunctionRef<absl::Status(const Hash& id)> find);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SAFETY_CHECKS_H_
