// From what is on disk to a replica that goes on where it stopped.
#ifndef KILN_NODE_RECOVERY_H_
#define KILN_NODE_RECOVERY_H_

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/replica.h"
#include "storage/store.h"

namespace kiln::node {

// Reads the newest committed block, the few before it that its header still refers to, the
// uncommitted ones, the safety record and the state roots. DataLoss names what is missing or
// damaged. FailedPrecondition when another validator than `self` signed what is in the safety
// record: what `self` signed is then not known, and it could sign twice.
absl::StatusOr<consensus::RecoveredReplica> RecoverReplica(const storage::Store& store,
                                                           ValidatorIndex self);

}  // namespace kiln::node

#endif  // KILN_NODE_RECOVERY_H_
