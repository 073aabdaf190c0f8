// What this validator executed, against what certified headers say.
#ifndef KILN_CONSENSUS_EXECUTION_TRACKER_H_
#define KILN_CONSENSUS_EXECUTION_TRACKER_H_

#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/types.h"

namespace kiln::consensus {

// Holds the state roots that this validator computed, from the height that the newest committed
// header names on, and the roots that certified headers claim for heights not executed here yet.
// Not thread-safe.
class ExecutionTracker {
 public:
  // `roots` is not empty and has no gaps.
  explicit ExecutionTracker(absl::btree_map<Height, Hash> roots);

  Height executed_height() const { return roots_.rbegin()->first; }
  // None when not executed yet, or so long ago that no valid header can name it any more.
  std::optional<Hash> RootAt(Height height) const;

  // Internal, with the height and block, when this validator's result differs from one that a
  // quorum certified: its application has diverged and it must stop.
  absl::Status OnExecuted(Height height, const Hash& root);
  absl::Status OnCertified(const Block& block);

  // Headers from now on name this height or a later one.
  void ForgetBelow(Height height);

 private:
  struct Claim {
    Hash root;
    Hash block_id;
    Height block_height;
  };
  static absl::Status Compare(Height height, const Hash& own, const Claim& claim);

  absl::btree_map<Height, Hash> roots_;
  absl::btree_map<Height, Claim> claims_;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_EXECUTION_TRACKER_H_
