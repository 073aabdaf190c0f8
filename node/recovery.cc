#include "node/recovery.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/ids.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/executed_state.h"

namespace kiln::node {
namespace {

using consensus::Header;

// Only blocks above the head's executed height matter: the others' execution is certified. A block
// that is not here counts as one with transactions: at worst an empty block is proposed.
absl::StatusOr<Height> LastNonemptyHeight(const storage::Store& store, const Header& head) {
  const Height base = store.base().height();
  for (Height height = head.height; height > head.executed_height; --height.value) {
    if (height == base) return base;
    KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store.BlockAt(height));
    if (block->has_transactions()) return height;
  }
  return Height{0};
}

// An executed height below what the head's header names is that of a replica whose state lags: it
// executes up to there before it judges any header, and starts from the root it has. What a ledger
// that begins with a snapshot does not know of the heights below, it cannot compare.
absl::StatusOr<absl::btree_map<Height, Hash>> ExecutedRoots(const storage::Store& store,
                                                            const Header& head) {
  const consensus::ExecutedState newest = store.executed_state();
  absl::btree_map<Height, Hash> roots;
  const Height first = std::max(head.executed_height, store.base().height());
  for (Height height = first; height < newest.height; ++height.value) {
    KILN_ASSIGN_OR_RETURN(const storage::HeightState then, store.StateAt(height));
    roots.emplace(height, then.state.Root());
  }
  roots.emplace(newest.height, newest.Root());
  return roots;
}

// None when nothing was signed yet.
std::optional<ValidatorIndex> SignerOf(const consensus::SafetyRecord& safety) {
  if (safety.last_vote.has_value()) return safety.last_vote->author;
  if (safety.last_timeout.has_value()) return safety.last_timeout->author;
  return std::nullopt;
}

absl::Status CheckSigner(const consensus::SafetyRecord& safety, ValidatorIndex self) {
  const std::optional<ValidatorIndex> signer = SignerOf(safety);
  if (!signer.has_value() || *signer == self) return absl::OkStatus();
  KILN_MARK("a start with another validator's data is refused");
  return absl::FailedPreconditionError(
      absl::StrCat("the data are those of validator ", signer->value,
                   " of the genesis, but this is validator ", self.value,
                   ": put back this validator's own newest data, or, if they are lost, move these "
                   "away and run `kiln recover`; with those of another it could sign twice"));
}

}  // namespace

absl::StatusOr<consensus::RecoveredReplica> RecoverReplica(const storage::Store& store,
                                                           ValidatorIndex self) {
  storage::RecoveredLedger ledger = store.Recover();
  KILN_RETURN_IF_ERROR(CheckSigner(ledger.safety, self));
  const Header& head = ledger.committed->header;
  consensus::RecoveredReplica recovered;
  KILN_ASSIGN_OR_RETURN(recovered.committed_commits_height,
                        storage::CommitsHeightOf(head, store.base(), [&store](Height height) {
                          return store.HeaderAt(height);
                        }));
  KILN_ASSIGN_OR_RETURN(recovered.last_nonempty_height, LastNonemptyHeight(store, head));
  KILN_ASSIGN_OR_RETURN(recovered.executed_roots, ExecutedRoots(store, head));
  recovered.safety = std::move(ledger.safety);
  recovered.committed = std::move(ledger.committed);
  recovered.uncommitted = std::move(ledger.uncommitted);
  return recovered;
}

}  // namespace kiln::node
