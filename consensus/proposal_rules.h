// Whether a block may follow its parent: the rules that need no signature and no memory.
#ifndef KILN_CONSENSUS_PROPOSAL_RULES_H_
#define KILN_CONSENSUS_PROPOSAL_RULES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/genesis.h"

namespace kiln::consensus {

// The block names `parent` by id and round, is one height above it, in a later round, not earlier
// in time, and its QC certifies the parent. Its executed height does not fall below the parent's,
// is one that its own ancestors commit (`commits_height`, BlockTree::CommitsHeightOfChild), and
// trails that by at most limits.execution_lag_max. Holds for every certified block; InvalidArgument
// names the rule.
absl::Status CheckExtends(const Block& block, const Block& parent, Height commits_height,
                          const ChainLimits& limits);

// The block's time is its parent's, or at most limits.clock_skew_max_ms ahead of this machine's
// clock. A quorum has certified the parent's time, and repeating it moves nothing: where clocks of
// a quorum were wrong for a while, the chain goes on with its time standing still.
absl::Status CheckTime(const Block& block, const Block& parent, uint64_t wall_us,
                       const ChainLimits& limits);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_PROPOSAL_RULES_H_
