// Blocks for validators that lack them.
#ifndef KILN_NODE_BLOCK_ANSWERS_H_
#define KILN_NODE_BLOCK_ANSWERS_H_

#include "absl/status/statusor.h"
#include "consensus/messages.h"
#include "kiln/genesis.h"
#include "storage/store.h"

namespace kiln::node {

// The oldest members of the named block's chain above the asked height, as many as fit one frame,
// with the QC of the last unless that is the named block itself. The named block alone when it is
// not above that height: so its height is asked for. NotFound when the block is unknown here.
absl::StatusOr<consensus::Blocks> AnswerBlockRequest(const storage::Store& store,
                                                     const consensus::BlockRequest& request,
                                                     const ChainLimits& limits);

}  // namespace kiln::node

#endif  // KILN_NODE_BLOCK_ANSWERS_H_
