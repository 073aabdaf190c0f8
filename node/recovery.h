// From what is on disk to a replica that goes on where it stopped.
#ifndef KILN_NODE_RECOVERY_H_
#define KILN_NODE_RECOVERY_H_

#include "absl/status/statusor.h"
#include "consensus/replica.h"
#include "storage/store.h"

namespace kiln::node {

// Reads the newest committed block, the few before it that its header still refers to, the
// uncommitted ones, the safety record and the state roots. DataLoss names what is missing or
// damaged.
absl::StatusOr<consensus::RecoveredReplica> RecoverReplica(const storage::Store& store);

}  // namespace kiln::node

#endif  // KILN_NODE_RECOVERY_H_
