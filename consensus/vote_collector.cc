#include "consensus/vote_collector.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"

namespace kiln::consensus {
namespace {

absl::Status CheckRound(Round round, Round lowest) {
  if (round < lowest) {
    return absl::OutOfRangeError(absl::StrCat("round ", round.value, " is over"));
  }
  if (round.value - lowest.value >= VoteCollector::kRoundsMax) {
    KILN_MARK("a vote or timeout is too far ahead to be kept");
    return absl::OutOfRangeError(absl::StrCat("round ", round.value, " is too far ahead"));
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t VoteCollector::PowerFor(const Votes& votes, const Hash& block_id) const {
  uint64_t power = 0;
  for (const auto& [author, vote] : votes) {
    if (vote.block_id == block_id) power += validators_->PowerOf(author);
  }
  return power;
}

uint64_t VoteCollector::PowerOf(const Timeouts& timeouts) const {
  uint64_t power = 0;
  for (const auto& [author, timeout] : timeouts) power += validators_->PowerOf(author);
  return power;
}

absl::StatusOr<std::optional<QuorumCertificate>> VoteCollector::Add(const Vote& vote) {
  if (absl::Status round = CheckRound(vote.round, lowest_vote_); !round.ok()) return round;
  Votes& votes = votes_[vote.round];
  const auto [first, inserted] = votes.try_emplace(vote.author, vote);
  if (!inserted) {
    if (first->second.block_id == vote.block_id) return absl::AlreadyExistsError("vote repeated");
    KILN_MARK("a validator votes twice in a round");
    return absl::FailedPreconditionError(
        absl::StrCat("second vote in round ", vote.round.value, " for another block"));
  }
  const uint64_t power = PowerFor(votes, vote.block_id);
  const bool completes = validators_->IsQuorum(power) &&
                         !validators_->IsQuorum(power - validators_->PowerOf(vote.author));
  if (!completes) return std::nullopt;
  return Certify(votes, vote);
}

absl::StatusOr<std::optional<TimeoutCertificate>> VoteCollector::Add(const Timeout& timeout) {
  if (absl::Status round = CheckRound(timeout.round, lowest_timeout_); !round.ok()) return round;
  Timeouts& timeouts = timeouts_[timeout.round];
  if (!timeouts.try_emplace(timeout.author, timeout).second) {
    return absl::AlreadyExistsError("timeout repeated");
  }
  const uint64_t power = PowerOf(timeouts);
  const bool completes = validators_->IsQuorum(power) &&
                         !validators_->IsQuorum(power - validators_->PowerOf(timeout.author));
  if (!completes) return std::nullopt;
  return Certify(timeouts, timeout);
}

bool VoteCollector::HasBlockingShare(Round round) const {
  const auto it = timeouts_.find(round);
  return it != timeouts_.end() && validators_->IsBlockingShare(PowerOf(it->second));
}

void VoteCollector::ForgetBelow(Round votes, Round timeouts) {
  lowest_vote_ = std::max(lowest_vote_, votes);
  lowest_timeout_ = std::max(lowest_timeout_, timeouts);
  votes_.erase(votes_.begin(), votes_.lower_bound(lowest_vote_));
  timeouts_.erase(timeouts_.begin(), timeouts_.lower_bound(lowest_timeout_));
}

QuorumCertificate VoteCollector::Certify(const Votes& votes, const Vote& last) const {
  QuorumCertificate qc{.epoch = last.epoch,
                       .round = last.round,
                       .block_id = last.block_id,
                       .signers = SignerBitmap(validators_->size()),
                       .signatures = {}};
  for (const auto& [author, vote] : votes) {
    if (vote.block_id != last.block_id) continue;
    qc.signers.Add(author);
    qc.signatures.push_back(vote.signature);
  }
  return qc;
}

TimeoutCertificate VoteCollector::Certify(const Timeouts& timeouts, const Timeout& last) const {
  TimeoutCertificate tc{.epoch = last.epoch,
                        .round = last.round,
                        .signers = SignerBitmap(validators_->size()),
                        .high_qc_rounds = {},
                        .signatures = {},
                        .high_qc = last.high_qc};
  for (const auto& [author, timeout] : timeouts) {
    tc.signers.Add(author);
    tc.high_qc_rounds.push_back(timeout.high_qc.round);
    tc.signatures.push_back(timeout.signature);
    if (timeout.high_qc.round > tc.high_qc.round) tc.high_qc = timeout.high_qc;
  }
  if (tc.high_qc.round > last.high_qc.round)
    KILN_MARK("the last timeout of a TC reports a lower QC");
  return tc;
}

}  // namespace kiln::consensus
