#include "node/recovery.h"

#include <utility>

#include "base/ids.h"
#include "base/status_macros.h"
#include "consensus/executed_state.h"

namespace kiln::node {
namespace {

using consensus::Header;

// What the chain up to and including `head` commits: the rule of BlockTree::CommitsHeight, read
// from the ledger. Ends at the first pair of consecutive rounds, usually at once.
absl::StatusOr<Height> CommitsHeightOf(const storage::Store& store, const Header& head) {
  Header block = head;
  while (block.height.value > 1) {
    KILN_ASSIGN_OR_RETURN(const Header parent, store.HeaderAt(Height{block.height.value - 1}));
    if (parent.round.value == parent.parent_round.value + 1) return Height{parent.height.value - 1};
    block = parent;
  }
  return Height{0};
}

// Only blocks above the head's executed height matter: the others' execution is certified.
absl::StatusOr<Height> LastNonemptyHeight(const storage::Store& store, const Header& head) {
  for (Height height = head.height; height > head.executed_height; --height.value) {
    KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store.BlockAt(height));
    if (block->has_transactions()) return height;
  }
  return Height{0};
}

// An executed height below what the head's header names is that of a replica whose state lags: it
// executes up to there before it judges any header, and starts from the root it has.
absl::StatusOr<absl::btree_map<Height, Hash>> ExecutedRoots(const storage::Store& store,
                                                            const Header& head) {
  const consensus::ExecutedState newest = store.executed_state();
  absl::btree_map<Height, Hash> roots;
  for (Height height = head.executed_height; height < newest.height; ++height.value) {
    if (height.value == 0) {
      roots.emplace(height, head.state_root);
      continue;
    }
    KILN_ASSIGN_OR_RETURN(const storage::BlockResults results, store.ResultsAt(height));
    roots.emplace(height, results.state.Root());
  }
  roots.emplace(newest.height, newest.Root());
  return roots;
}

}  // namespace

absl::StatusOr<consensus::RecoveredReplica> RecoverReplica(const storage::Store& store) {
  storage::RecoveredLedger ledger = store.Recover();
  const Header& head = ledger.committed->header;
  consensus::RecoveredReplica recovered;
  KILN_ASSIGN_OR_RETURN(recovered.committed_commits_height, CommitsHeightOf(store, head));
  KILN_ASSIGN_OR_RETURN(recovered.last_nonempty_height, LastNonemptyHeight(store, head));
  KILN_ASSIGN_OR_RETURN(recovered.executed_roots, ExecutedRoots(store, head));
  recovered.safety = std::move(ledger.safety);
  recovered.committed = std::move(ledger.committed);
  recovered.uncommitted = std::move(ledger.uncommitted);
  return recovered;
}

}  // namespace kiln::node
