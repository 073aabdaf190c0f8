#include "sim/vote_rules_oracle.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "consensus/block.h"

namespace kiln::sim {

using consensus::Block;
using consensus::Header;
using consensus::SafetyRecord;
using consensus::Timeout;
using consensus::Vote;

namespace {

// Of a vote, a timeout or a TC.
template <typename T>
uint64_t RoundOf(const std::optional<T>& of_round) {
  return of_round.has_value() ? of_round->round.value : 0;
}

}  // namespace

VoteRulesOracle::VoteRulesOracle(Observed* observed, CertificatesOracle* certificates,
                                 RootAt root_at)
    : observed_(observed),
      certificates_(certificates),
      root_at_(std::move(root_at)),
      lives_(observed->replicas()) {}

// --- From record to record

void VoteRulesOracle::OnRecord(uint32_t replica, const SafetyRecord& record) {
  Life& life = lives_.at(replica);
  if (record.last_vote.has_value() && record.last_tc.has_value()) {
    observed_->Note(record.last_vote->block_id, *record.last_tc);
  }
  if (life.record == record) return;
  SafetyRecord before = record;
  before.last_vote.reset();
  before.last_timeout.reset();
  before.last_voted_round = Round{0};
  before.locked_qc_round = Round{0};
  if (life.record.has_value()) before = *std::move(life.record);
  life.record = record;
  CheckNoRegress(replica, before, record);
  CheckSigned(replica, before, record);
}

void VoteRulesOracle::CheckNoRegress(uint32_t replica, const SafetyRecord& before,
                                     const SafetyRecord& after) {
  const auto expect = [&](bool holds, absl::string_view what) {
    if (!holds) observed_->Violated("S2", replica, absl::StrCat("lowered its durable ", what));
  };
  expect(after.epoch >= before.epoch, "epoch");
  expect(after.last_voted_round >= before.last_voted_round, "last voted round");
  expect(after.locked_qc_round >= before.locked_qc_round, "lock");
  expect(after.last_proposed_round >= before.last_proposed_round, "last proposed round");
  expect(RoundOf(after.last_vote) >= RoundOf(before.last_vote), "last vote");
  expect(RoundOf(after.last_timeout) >= RoundOf(before.last_timeout), "last timeout");
  expect(after.high_qc.round >= before.high_qc.round, "highest QC");
  expect(RoundOf(after.last_tc) >= RoundOf(before.last_tc), "last TC");
}

void VoteRulesOracle::CheckSigned(uint32_t replica, const SafetyRecord& before,
                                  const SafetyRecord& after) {
  const bool new_vote = after.last_vote.has_value() && after.last_vote != before.last_vote;
  const bool new_timeout =
      after.last_timeout.has_value() && after.last_timeout != before.last_timeout;
  // Rule 3: above every round voted in or given up on.
  if (new_vote && after.last_vote->round <= before.last_voted_round) {
    observed_->Violated("S6", replica,
                        absl::StrCat("signed a vote in round ", after.last_vote->round.value,
                                     " after it had voted in or given up on round ",
                                     before.last_voted_round.value));
  }
  if (new_timeout && after.last_timeout->round < before.last_voted_round) {
    observed_->Violated("S6", replica,
                        absl::StrCat("gave up on round ", after.last_timeout->round.value,
                                     " after round ", before.last_voted_round.value));
  }
  const Round abstains_up_to = lives_[replica].abstains_up_to;
  if ((new_vote && after.last_vote->round <= abstains_up_to) ||
      (new_timeout && after.last_timeout->round <= abstains_up_to)) {
    observed_->Violated("S6", replica,
                        absl::StrCat("signs in a round in which it may have signed before its "
                                     "record was lost: abstains up to ",
                                     abstains_up_to.value));
  }
  const bool repeated = new_timeout && before.last_timeout.has_value() &&
                        after.last_timeout->round <= before.last_timeout->round;
  if (repeated) {
    observed_->Violated(
        "S6", replica,
        absl::StrCat("signed two timeouts of round ", after.last_timeout->round.value));
  }
  if (new_timeout && after.last_timeout->high_qc.round < before.locked_qc_round) {
    observed_->Violated("S8", replica,
                        absl::StrCat("gave up on round ", after.last_timeout->round.value,
                                     " with a QC below its lock"));
  }
  if (new_vote) lives_[replica].unjudged = after.last_vote;
}

// What was signed last before the loss must be ruled out after it; certificates and the lock may be
// lower ones.
void VoteRulesOracle::OnRecovered(uint32_t replica, const SafetyRecord& record) {
  Life& life = lives_.at(replica);
  if (life.record.has_value() && record.last_voted_round < life.record->last_voted_round) {
    observed_->Violated(
        "S6", replica,
        absl::StrCat("recovers a record that lets it sign in round ",
                     record.last_voted_round.value + 1, ", although it had signed in round ",
                     life.record->last_voted_round.value));
  }
  if (record.last_proposed_round < life.last_proposed_round) {  // not those reserved only
    observed_->Violated(
        "S6", replica,
        absl::StrCat("recovers a record that lets it propose in round ",
                     record.last_proposed_round.value + 1, ", although it had proposed in round ",
                     life.last_proposed_round.value));
  }
  life.record = record;
  life.abstains_up_to = record.last_voted_round;
  life.unjudged.reset();
}

// --- From message to message

void VoteRulesOracle::OnSent(uint32_t replica, uint64_t now_us, const consensus::Message& message) {
  if (const auto* vote = std::get_if<Vote>(&message)) {
    OnVote(replica, now_us, *vote);
  } else if (const auto* timeout = std::get_if<Timeout>(&message)) {
    OnTimeout(replica, *timeout);
  }
  if (const auto* proposal = std::get_if<consensus::Proposal>(&message)) {
    Round& last = lives_.at(replica).last_proposed_round;
    last = std::max(last, proposal->block->header.round);
  }
  // A vote for the own proposal may be durable before the proposal is sent, which comes first then.
  std::optional<Vote>& unjudged = lives_.at(replica).unjudged;
  if (!unjudged.has_value() || observed_->Find(unjudged->block_id) == nullptr) return;
  CheckVote(replica, now_us, *std::exchange(unjudged, std::nullopt));
}

void VoteRulesOracle::CheckVote(uint32_t replica, uint64_t now_us, const Vote& vote) {
  std::string wrong = JudgeVote(vote);
  if (wrong.empty()) wrong = JudgeTime(replica, now_us, vote);
  if (wrong.empty()) return;
  observed_->Violated(
      "S8", replica,
      absl::StrCat("voted in ", Describe(vote.round, vote.block_id), ", although ", wrong));
}

void VoteRulesOracle::OnVote(uint32_t replica, uint64_t now_us, const Vote& vote) {
  Life& life = lives_.at(replica);
  if (vote.author != observed_->ValidatorOf(replica)) {
    observed_->Violated("S6", replica, "sends a vote in another's name");
  }
  if (life.last_vote == vote) return;
  if (life.last_vote.has_value() && vote.round <= life.last_vote->round) {
    observed_->Violated("S6", replica,
                        absl::StrCat("sends a vote in round ", vote.round.value,
                                     " after another in round ", life.last_vote->round.value));
  }
  const bool below_timeout = life.last_timeout.has_value() && vote.round < life.last_timeout->round;
  const bool after_timeout = life.last_timeout.has_value() &&
                             vote.round == life.last_timeout->round &&
                             life.vote_at_timeout.has_value() && *life.vote_at_timeout != vote;
  if (below_timeout || after_timeout) {
    observed_->Violated(
        "S6", replica,
        absl::StrCat("sends a vote in round ", vote.round.value, " after it gave up on round ",
                     life.last_timeout->round.value));
  }
  life.last_vote = vote;
  CheckVote(replica, now_us, vote);
  const SeenBlock* const seen = observed_->Find(vote.block_id);
  if (seen == nullptr || !life.record.has_value() || life.record->last_vote != vote) return;
  if (life.record->locked_qc_round < seen->block->justify.round) {
    observed_->Violated(
        "S8", replica,
        absl::StrCat("voted without a lock on the QC of ", Describe(vote.round, vote.block_id)));
  }
}

void VoteRulesOracle::OnTimeout(uint32_t replica, const Timeout& timeout) {
  Life& life = lives_.at(replica);
  if (timeout.author != observed_->ValidatorOf(replica)) {
    observed_->Violated("S6", replica, "sends a timeout in another's name");
  }
  if (life.last_timeout == timeout) return;
  if (life.last_timeout.has_value() && timeout.round <= life.last_timeout->round) {
    observed_->Violated("S6", replica,
                        absl::StrCat("sends another timeout of round ", timeout.round.value,
                                     " after one of round ", life.last_timeout->round.value));
  }
  if (life.last_vote.has_value() && timeout.round < life.last_vote->round) {
    observed_->Violated("S6", replica,
                        absl::StrCat("gives up on round ", timeout.round.value,
                                     " after it voted in round ", life.last_vote->round.value));
  }
  life.last_timeout = timeout;
  life.vote_at_timeout.reset();
  if (life.record.has_value() && life.record->last_voted_round == timeout.round) {
    life.vote_at_timeout = life.record->last_vote;
  }
}

// --- The voting rule

std::string VoteRulesOracle::JudgeVote(const Vote& vote) {
  const SeenBlock* const seen = observed_->Find(vote.block_id);
  if (seen == nullptr) {
    return vote.round.value <= observed_->forgotten_round() ? "" : "nobody sent that block";
  }
  const Block& block = *seen->block;
  const Header& header = block.header;
  if (header.round != vote.round) return "the block is of another round";
  if (header.epoch != vote.epoch) return "the block is of another epoch";
  if (may_be_voted_for_.contains(block.id)) return "";
  if (header.chain_id != observed_->chain_id()) return "the block is of another chain";
  if (header.epoch.value != 1) return "there is no such epoch";
  const bool has_schedule = !observed_->context().scenario->leaders.empty();
  if (!has_schedule && observed_->context().leaders->LeaderOf(header.round) != header.proposer) {
    return "its proposer does not lead that round";
  }
  const SeenBlock* const parent = observed_->Find(header.parent_id);
  if (parent == nullptr) {
    return header.parent_round.value <= observed_->forgotten_round() ? ""
                                                                     : "nobody sent its parent";
  }
  std::string wrong = JudgeLink(block, *parent->block);
  if (wrong.empty()) wrong = JudgeExecution(block, *parent->block);
  if (wrong.empty()) wrong = JudgeExtension(*seen, vote.author);
  if (!wrong.empty()) return wrong;
  if (may_be_voted_for_.size() > 4096) may_be_voted_for_.clear();
  may_be_voted_for_.insert(block.id);
  return "";
}

// Rule 1: it follows its parent.
std::string VoteRulesOracle::JudgeLink(const Block& block, const Block& parent) const {
  const Header& header = block.header;
  if (header.parent_round != parent.header.round) return "it names another round of its parent";
  if (header.round <= parent.header.round) return "its round is not above its parent's";
  if (header.height.value != parent.header.height.value + 1) return "its height is wrong";
  if (header.time_us < parent.header.time_us) return "it is older than its parent";
  if (block.justify.block_id != parent.id || block.justify.round != parent.header.round) {
    return "its QC is not its parent's";
  }
  if (header.epoch_end) return "it ends the epoch";
  return "";
}

// Rule 1, the executed height, and rule 2, the state root.
std::string VoteRulesOracle::JudgeExecution(const Block& block, const Block& parent) const {
  const Header& header = block.header;
  const uint64_t executed = header.executed_height.value;
  if (header.executed_height < parent.header.executed_height) {
    return "its executed height is below its parent's";
  }
  if (header.executed_height == parent.header.executed_height &&
      header.state_root != parent.header.state_root) {
    return "it gives the executed height another root than its parent";
  }
  if (const std::optional<uint64_t> committed = CommittedBy(parent); committed.has_value()) {
    const uint64_t lag_max = observed_->genesis().limits.execution_lag_max;
    if (executed > *committed) return "it claims to have executed what its chain does not commit";
    if (executed + lag_max < *committed) return "its execution trails by too much";
  }
  const std::optional<Hash> root = root_at_(executed);
  if (root.has_value() && *root != header.state_root && !observed_->beyond_model()) {
    return absl::StrCat("its state root at height ", executed, " is wrong");
  }
  return "";
}

// The two-chain rule: a block of round r whose QC is shown commits its parent when that is of round
// r - 1. Every block below `parent` has its QC in its child, and `parent` in the block on it.
std::optional<uint64_t> VoteRulesOracle::CommittedBy(const Block& parent) const {
  const Block* certified = &parent;
  while (certified->header.height.value > 0) {
    if (certified->header.round.value == certified->header.parent_round.value + 1) {
      return certified->header.height.value - 1;
    }
    const SeenBlock* const below = observed_->Find(certified->header.parent_id);
    if (below == nullptr) return std::nullopt;
    certified = below->block.get();
  }
  return 0;
}

// Rule 1, the clock: a block's time is its parent's, or not far ahead.
std::string VoteRulesOracle::JudgeTime(uint32_t replica, uint64_t now_us, const Vote& vote) const {
  const SeenBlock* const seen = observed_->Find(vote.block_id);
  if (seen == nullptr) return "";
  const Header& header = seen->block->header;
  const SeenBlock* const parent = observed_->Find(header.parent_id);
  if (parent == nullptr || header.time_us == parent->block->header.time_us) return "";
  const uint64_t latest_us = observed_->HighestWallUs(replica, now_us) +
                             observed_->genesis().limits.clock_skew_max_ms * 1000;
  if (header.time_us <= latest_us) return "";
  return absl::StrCat("its time is ahead of the voter's clock by ",
                      (header.time_us - latest_us) / 1000, " ms more than may be");
}

// Rule 4: the QC is of the round before, or a TC is of the round before and no signer of it
// reported a higher QC. A leader that died before its proposal left may have been in a later round
// by then: its record has that round's TC, and nobody ever saw the one before.
std::string VoteRulesOracle::JudgeExtension(const SeenBlock& seen, ValidatorIndex voter) {
  if (!seen.is_proposed && voter == seen.block->header.proposer) return "";
  const uint64_t round = seen.block->header.round.value;
  const Round qc_round = seen.block->justify.round;
  if (qc_round.value + 1 == round) return "";
  for (const consensus::TimeoutCertificate& tc : seen.tcs) {
    if (tc.round.value + 1 != round || tc.high_qc_rounds.empty()) continue;
    const Round reported = *std::max_element(tc.high_qc_rounds.begin(), tc.high_qc_rounds.end());
    if (reported <= qc_round && certificates_->Judge(tc).empty()) return "";
  }
  return absl::StrCat("it extends the QC of round ", qc_round.value,
                      ", and no TC of the round before lets it");
}

}  // namespace kiln::sim
