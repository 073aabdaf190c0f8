#include "consensus/execution_tracker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"

namespace kiln::consensus {

ExecutionTracker::ExecutionTracker(absl::btree_map<Height, Hash> roots) : roots_(std::move(roots)) {
  KILN_CHECK(!roots_.empty());
  KILN_CHECK_EQ(roots_.rbegin()->first.value - roots_.begin()->first.value + 1, roots_.size());
}

std::optional<Hash> ExecutionTracker::RootAt(Height height) const {
  const auto it = roots_.find(height);
  if (it == roots_.end()) return std::nullopt;
  return it->second;
}

absl::Status ExecutionTracker::Compare(Height height, const Hash& own, const Claim& claim) {
  if (own == claim.root) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("state root at height ", height.value, " is ",
                                          own.Short(), " here, but the certified block ",
                                          claim.block_id.Short(), " at height ",
                                          claim.block_height.value, " says ", claim.root.Short()));
}

absl::Status ExecutionTracker::OnExecuted(Height height, const Hash& root) {
  KILN_CHECK_EQ(height.value, executed_height().value + 1);
  roots_.emplace(height, root);
  const auto claim = claims_.find(height);
  if (claim == claims_.end()) return absl::OkStatus();
  KILN_MARK("execution catches up with a certified root");
  absl::Status same = Compare(height, root, claim->second);
  claims_.erase(claims_.begin(), std::next(claim));
  return same;
}

absl::Status ExecutionTracker::OnCertified(const Block& block) {
  const Header& header = block.header;
  const Claim claim{header.state_root, block.id, header.height};
  if (header.executed_height > executed_height()) {
    claims_.try_emplace(header.executed_height, claim);
    return absl::OkStatus();
  }
  const std::optional<Hash> own = RootAt(header.executed_height);
  return own.has_value() ? Compare(header.executed_height, *own, claim) : absl::OkStatus();
}

void ExecutionTracker::ForgetBelow(Height height) {
  // The newest root stays: it says how far execution is.
  roots_.erase(roots_.begin(), roots_.lower_bound(std::min(height, executed_height())));
}

}  // namespace kiln::consensus
