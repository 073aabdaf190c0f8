// Whether a safety record and a ledger can belong to the same validator.
#ifndef KILN_STORAGE_SAFETY_CHECKS_H_
#define KILN_STORAGE_SAFETY_CHECKS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "consensus/block.h"
#include "consensus/safety_record.h"
#include "kiln/types.h"

namespace kiln::storage {

// FailedPrecondition names the contradiction. That the record agrees with itself its decoder has
// checked already. A record from before the ledger, or from another one, has forgotten votes:
// signing on from it could sign twice. `is_stored` tells of any block, committed or not.
absl::Status CheckSafetyRecord(const consensus::SafetyRecord& safety,
                               const consensus::Header& committed,
                               absl::FunctionRef<bool(const Hash& id)> is_stored);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SAFETY_CHECKS_H_
