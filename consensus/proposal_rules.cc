#include "consensus/proposal_rules.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kiln::consensus {
namespace {

absl::Status Refuse(const Block& block, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("block ", block.id.Short(), " of round ", block.header.round.value, ": ", why));
}

absl::Status CheckLink(const Block& block, const Block& parent) {
  const Header& header = block.header;
  if (header.parent_id != parent.id) return Refuse(block, "names another parent");
  if (header.parent_round != parent.header.round) return Refuse(block, "wrong parent round");
  if (header.round <= parent.header.round) return Refuse(block, "round is not above the parent's");
  if (header.height.value != parent.header.height.value + 1) {
    return Refuse(block, "height is not the parent's plus one");
  }
  if (block.justify.block_id != parent.id || block.justify.round != parent.header.round) {
    return Refuse(block, "its QC certifies another block");
  }
  if (header.time_us < parent.header.time_us) return Refuse(block, "time before the parent's");
  return absl::OkStatus();
}

absl::Status CheckExecutedHeight(const Block& block, const Block& parent, Height commits_height,
                                 const ChainLimits& limits) {
  const Height executed = block.header.executed_height;
  if (executed < parent.header.executed_height) {
    return Refuse(block, "executed height below the parent's");
  }
  if (executed == parent.header.executed_height &&
      block.header.state_root != parent.header.state_root) {
    return Refuse(block, "another state root than the parent's for the same executed height");
  }
  if (executed > commits_height) {
    return Refuse(block,
                  absl::StrCat("executed height ", executed.value,
                               " is above what its ancestors commit, ", commits_height.value));
  }
  if (commits_height.value - executed.value > limits.execution_lag_max) {
    return Refuse(block,
                  absl::StrCat("executed height ", executed.value, " trails the committed ",
                               commits_height.value, " by more than ", limits.execution_lag_max));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckExtends(const Block& block, const Block& parent, Height commits_height,
                          const ChainLimits& limits) {
  if (absl::Status link = CheckLink(block, parent); !link.ok()) return link;
  return CheckExecutedHeight(block, parent, commits_height, limits);
}

absl::Status CheckTime(const Block& block, const Block& parent, uint64_t wall_us,
                       const ChainLimits& limits) {
  if (block.header.time_us <= parent.header.time_us) return absl::OkStatus();
  const uint64_t ahead_max_us = limits.clock_skew_max_ms * 1000;
  if (block.header.time_us > wall_us && block.header.time_us - wall_us > ahead_max_us) {
    return Refuse(block, absl::StrCat("time is ", (block.header.time_us - wall_us) / 1000,
                                      " ms ahead of this machine's clock, more than ",
                                      limits.clock_skew_max_ms));
  }
  return absl::OkStatus();
}

}  // namespace kiln::consensus
