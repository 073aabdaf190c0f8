#include "consensus/safety_rules.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"

namespace kiln::consensus {
namespace {

absl::Status Refuse(absl::string_view what, Round round, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(what, " for round ", round.value, ": ", why));
}

// The highest QC round that a signer of `tc` reported.
Round HighestReported(const TimeoutCertificate& tc) {
  Round highest;
  for (const Round& round : tc.high_qc_rounds) highest = std::max(highest, round);
  return highest;
}

// Whether a block of `round` may extend a QC of `qc_round`: the two rounds are consecutive, or a TC
// shows that a quorum gave up on the round between and knew nothing higher.
bool ExtensionIsJustified(Round round, Round qc_round,
                          const std::optional<TimeoutCertificate>& tc) {
  if (qc_round.value + 1 == round.value) return true;
  return tc.has_value() && tc->round.value + 1 == round.value && qc_round >= HighestReported(*tc);
}

}  // namespace

SafetyRecord InitialSafetyRecord(const QuorumCertificate& genesis_certificate) {
  SafetyRecord record;
  record.epoch = genesis_certificate.epoch;
  record.high_qc = genesis_certificate;
  return record;
}

SafetyRules::SafetyRules(const Hash& chain_id, ValidatorIndex self, Signer* signer,
                         SafetyRecord recovered)
    : chain_id_(chain_id),
      self_(self),
      signer_(signer),
      record_(std::move(recovered)),
      proposed_round_(record_.last_proposed_round) {
  KILN_CHECK(signer_ != nullptr);
}

absl::StatusOr<Vote> SafetyRules::SignVote(const Block& block,
                                           const std::optional<TimeoutCertificate>& tc) {
  const Header& header = block.header;
  if (header.chain_id != chain_id_) return Refuse("vote", header.round, "another chain");
  if (header.epoch != record_.epoch) return Refuse("vote", header.round, "another epoch");
  if (header.round <= record_.last_voted_round) {
    return Refuse(
        "vote", header.round,
        absl::StrCat("already voted or timed out in round ", record_.last_voted_round.value));
  }
  if (!ExtensionIsJustified(header.round, block.justify.round, tc)) {
    return Refuse("vote", header.round,
                  absl::StrCat("extends the QC of round ", block.justify.round.value,
                               ", which neither its round nor a timeout certificate justifies"));
  }

  Vote vote{.epoch = header.epoch, .round = header.round, .block_id = block.id, .author = self_};
  vote.signature = signer_->Sign(VoteBytes(chain_id_, vote.epoch, vote.round, vote.block_id));
  record_.last_voted_round = header.round;
  if (block.justify.round < record_.locked_qc_round) KILN_MARK("a TC lets a vote pass the lock");
  record_.locked_qc_round = std::max(record_.locked_qc_round, block.justify.round);
  Observe(block.justify);  // a lock is never above the highest QC, which timeouts must report
  record_.last_vote = vote;
  changed_ = true;
  return vote;
}

absl::StatusOr<Timeout> SafetyRules::SignTimeout(Round round, const QuorumCertificate& high_qc,
                                                 const std::optional<TimeoutCertificate>& last_tc) {
  if (record_.last_timeout.has_value() && record_.last_timeout->round == round) {
    KILN_MARK("a timeout is sent again");
    return *record_.last_timeout;
  }
  if (round < record_.last_voted_round) {
    return Refuse("timeout", round,
                  absl::StrCat("already voted in round ", record_.last_voted_round.value));
  }
  if (IsForgotten(round)) {
    KILN_MARK("a recovered validator abstains");
    return Refuse("timeout", round, "it may have signed in it before its record was lost");
  }
  if (high_qc.epoch != record_.epoch) return Refuse("timeout", round, "another epoch");
  if (high_qc.round < record_.locked_qc_round) {
    return Refuse("timeout", round,
                  absl::StrCat("the QC of round ", high_qc.round.value,
                               " is below the lock of round ", record_.locked_qc_round.value));
  }
  if (high_qc.round >= round) return Refuse("timeout", round, "the round is over");

  Timeout timeout;
  timeout.epoch = record_.epoch;
  timeout.round = round;
  timeout.author = self_;
  timeout.high_qc = high_qc;
  if (last_tc.has_value() && last_tc->round.value + 1 == round.value) timeout.last_tc = last_tc;
  timeout.signature = signer_->Sign(TimeoutBytes(chain_id_, timeout.epoch, round, high_qc.round));
  record_.last_voted_round = round;
  record_.last_timeout = timeout;
  changed_ = true;
  return timeout;
}

absl::StatusOr<crypto::Signature> SafetyRules::SignProposal(const Block& block) {
  const Header& header = block.header;
  if (header.chain_id != chain_id_) return Refuse("proposal", header.round, "another chain");
  if (header.epoch != record_.epoch) return Refuse("proposal", header.round, "another epoch");
  if (header.proposer != self_)
    return Refuse("proposal", header.round, "not this validator's block");
  if (HasProposed(header.round)) {
    return Refuse("proposal", header.round,
                  absl::StrCat("already proposed in round ", proposed_round_.value));
  }
  ReserveProposal(header.round);
  proposed_round_ = header.round;
  return signer_->Sign(ProposalBytes(chain_id_, header.epoch, header.round, block.id));
}

void SafetyRules::ReserveProposal(Round round) {
  if (round <= record_.last_proposed_round) return;
  record_.last_proposed_round = round;
  changed_ = true;
}

void SafetyRules::Observe(const QuorumCertificate& qc) {
  if (qc.epoch != record_.epoch || qc.round <= record_.high_qc.round) return;
  record_.high_qc = qc;
  changed_ = true;
}

void SafetyRules::Observe(const TimeoutCertificate& tc) {
  if (tc.epoch != record_.epoch) return;
  if (record_.last_tc.has_value() && tc.round <= record_.last_tc->round) return;
  record_.last_tc = tc;
  changed_ = true;
}

Standing SafetyRules::SignStanding(ValidatorIndex asker, const Hash& nonce) const {
  Standing standing{.epoch = record_.epoch,
                    .author = self_,
                    .asker = asker,
                    .nonce = nonce,
                    .last_voted_round = record_.last_voted_round,
                    .high_qc = record_.high_qc};
  if (record_.last_tc.has_value() && record_.last_tc->round >= record_.high_qc.round) {
    standing.last_tc = record_.last_tc;
  }
  standing.signature = signer_->Sign(StandingBytes(chain_id_, standing));
  return standing;
}

bool SafetyRules::IsForgotten(Round round) const {
  return round <= record_.last_voted_round && ForgetsLastRound(record_);
}

bool SafetyRules::Knows(const QuorumCertificate& qc) const {
  if (qc.round < record_.last_voted_round || !qc.signers.Contains(self_)) return true;
  if (IsForgotten(qc.round)) return true;
  const std::optional<Vote>& last = record_.last_vote;
  return last.has_value() && last->round == qc.round && last->block_id == qc.block_id;
}

bool SafetyRules::Knows(const TimeoutCertificate& tc) const {
  if (tc.round < record_.last_voted_round || !tc.signers.Contains(self_)) return true;
  if (IsForgotten(tc.round)) return true;
  return record_.last_timeout.has_value() && record_.last_timeout->round == tc.round;
}

bool SafetyRules::TakeChanged() {
  return std::exchange(changed_, false);
}

}  // namespace kiln::consensus
