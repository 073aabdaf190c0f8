// A block that the operator knows to be the chain's, from a source that the validators do not
// control.
#ifndef KILN_NODE_TRUSTED_BLOCK_H_
#define KILN_NODE_TRUSTED_BLOCK_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "consensus/effects.h"
#include "kiln/node.h"
#include "storage/snapshot_proof.h"
#include "storage/store.h"

namespace kiln::node {

// "HEIGHT:ID", the id in 64 hexadecimal digits. InvalidArgument.
absl::StatusOr<TrustedBlock> ParseTrustedBlock(absl::string_view text);

// FailedPrecondition, with both ids, when the chain has another block at the trusted height. OK
// when it does not reach that height, or begins above it.
absl::Status CheckTrusted(const TrustedBlock& trusted, const storage::Store& store);
// Likewise of blocks that are about to be committed.
absl::Status CheckTrusted(const TrustedBlock& trusted, const consensus::Commit& commit);
// Likewise of a snapshot. One above the trusted height is refused unless its proof reaches down to
// it: nothing links it to the trusted block. `committed`: up to where the own ledger is, which was
// compared before.
absl::Status CheckTrusted(const TrustedBlock& trusted, const storage::SnapshotProof& proof,
                          Height committed);

}  // namespace kiln::node

#endif  // KILN_NODE_TRUSTED_BLOCK_H_
