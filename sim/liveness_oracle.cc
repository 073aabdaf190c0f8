#include "sim/liveness_oracle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kiln::sim {
namespace {

// A short cycle of rounds may look the same a few times by chance, where messages take nearly as
// long as rounds do.
constexpr uint64_t kLassoRoundsMin = 60;

// Who leads, by the scenario's schedule or the protocol's.
ValidatorIndex LeaderOf(const Observed& observed, uint64_t round) {
  const std::vector<uint32_t>& schedule = observed.context().scenario->leaders;
  if (!schedule.empty()) return {schedule[(round - 1) % schedule.size()]};
  return observed.context().leaders->LeaderOf(Round{round});
}

uint64_t CycleOf(const Observed& observed) {
  const size_t scheduled = observed.context().scenario->leaders.size();
  return scheduled > 0 ? scheduled : observed.context().leaders->cycle_length();
}

// The most rounds in a row until two good leaders follow each other; 0 when they never do within
// a cycle (looked at for a while only: a cycle of large powers is long).
uint64_t LongestWait(const Observed& observed, const std::vector<bool>& faulty) {
  const uint64_t rounds = 2 * std::min<uint64_t>(CycleOf(observed), 4096) + 2;
  uint64_t longest = 0;
  uint64_t since = 0;
  bool any = false;
  for (uint64_t round = 1; round <= rounds; ++round) {
    ++since;
    const bool is_pair =
        !faulty[LeaderOf(observed, round).value] && !faulty[LeaderOf(observed, round + 1).value];
    if (!is_pair) continue;
    any = true;
    longest = std::max(longest, since);
    since = 0;
  }
  return any ? longest : 0;
}

}  // namespace

LivenessBounds BoundsOf(const Observed& observed, const std::vector<bool>& faulty, uint64_t gap) {
  const Scenario& scenario = *observed.context().scenario;
  const uint64_t timeout_max_us = scenario.round_timeout_max_ms * 1000;
  const uint64_t timeout_min_us = scenario.round_timeout_min_ms * 1000;
  const uint64_t heartbeat_us = scenario.heartbeat_ms * 1000;
  const uint64_t listen_us = scenario.listen_ms * 1000;  // by who started just before the heal
  const bool is_loaded = scenario.transactions_per_s > 0;
  const uint64_t validators = faulty.size();
  const uint64_t f = std::count(faulty.begin(), faulty.end(), true);
  LivenessBounds bounds;
  // Of an exponential distribution one draw in e^20 = 5 x 10^8 is longer than 20 means. A block,
  // or the certificates of many validators, has to go through its sender's line once for each
  // receiver before that.
  const uint64_t bytes =
      std::max<uint64_t>(scenario.block_bytes_max / 16, CertificatesBytes(validators));
  const uint64_t line_us =
      scenario.link_bytes_per_ms == 0 ? 0 : 1000 * validators * bytes / scenario.link_bytes_per_ms;
  bounds.delay_us =
      RegionDelayMaxUs(scenario) + scenario.delay_min_us +
      20 * (scenario.delay_mean_us - std::min(scenario.delay_mean_us, scenario.delay_min_us)) +
      2 * scenario.sync_us + line_us;
  // What one alone was shown (a QC that a dying leader sent, a TC that a liar gave it), the others
  // learn from its timeout, which repeats the certificate: its timer, which an idle chain's
  // heartbeat lengthens, then one repetition in case the first was sent before the heal, and two
  // delays.
  bounds.round_us = 2 * timeout_max_us + heartbeat_us + 2 * bounds.delay_us + listen_us;
  // A validator with much power fails in many rounds of a cycle, a schedule may be as it likes;
  // with equal powers and the protocol's leaders this is f. Between two good leaders that follow
  // each other, every other round at least fails.
  const uint64_t failing = std::max(f, (LongestWait(observed, faulty) + 1) / 2);
  // A round that fails after one that did not lasts at most the two shortest timers, of which one
  // is half as long again.
  const uint64_t fails_us = std::max(timeout_max_us, 5 * timeout_min_us / 2);
  bounds.commit_us = (failing + 4) * fails_us + 2 * bounds.delay_us +
                     (is_loaded ? 1 : failing + 4) * heartbeat_us + listen_us;
  // Four delays, generously, for proposal and votes; all of them wait for syncs and execution.
  bounds.interval_us =
      (validators + 2) * (4 * (RegionDelayMaxUs(scenario) + scenario.delay_mean_us) +
                          4 * scenario.sync_us + scenario.execute_us) +
      2 * failing * fails_us;
  // 64 blocks come in one answer to one request; all are executed.
  bounds.catch_up_us = (gap / 64 + 1) * 2 * bounds.delay_us + gap * scenario.execute_us;
  return bounds;
}

LivenessOracle::LivenessOracle(Observed* observed)
    : observed_(observed), replicas_(observed->replicas()) {}

void LivenessOracle::OnHealed(uint64_t now_us, const std::vector<bool>& is_up) {
  healed_us_ = now_us;
  committed_at_heal_ = highest_committed_;
  round_at_heal_ = highest_round_;
  last_sequence_at_heal_ = last_sequence_;
  for (uint32_t i = 0; i < replicas_.size(); ++i) {
    replicas_[i].is_expected = is_up.at(i) && observed_->IsHonest(i);
    if (!replicas_[i].is_expected) continue;
    gap_at_heal_ = std::max(
        gap_at_heal_, highest_committed_ - std::min(replicas_[i].committed, highest_committed_));
  }
  SetBounds();
  entered_.clear();
  entered_.emplace_back(round_at_heal_, now_us);
  lasso_ = Lasso{.round = round_at_heal_, .committed = UINT64_MAX, .shape = {}};
}

void LivenessOracle::SetBounds() {
  std::vector<bool> faulty(observed_->genesis().validators.size(), true);
  for (uint32_t i = 0; i < replicas_.size(); ++i) {
    if (replicas_[i].is_expected) faulty[observed_->ValidatorOf(i).value] = false;
  }
  uint128 power = 0;
  for (uint32_t i = 0; i < faulty.size(); ++i) power += faulty[i] ? observed_->PowerOf({i}) : 0;
  const bool good_leaders = LongestWait(*observed_, faulty) > 0;
  may_judge_ = 3 * power < observed_->total_power() && good_leaders;
  bounds_ = BoundsOf(*observed_, faulty, gap_at_heal_);
}

void LivenessOracle::OnStatus(uint32_t replica, uint64_t now_us,
                              const consensus::ReplicaStatus& status) {
  Replica& known = replicas_.at(replica);
  known.round = status.round.value;
  known.high_qc_round = status.high_qc_round.value;
  if (known.round > highest_round_ && (known.is_expected || !IsHealed())) {
    highest_round_ = known.round;
    if (IsHealed() && known.round <= round_at_heal_ + RoundsCompared()) {
      entered_.emplace_back(known.round, now_us);
    }
    CheckLasso(now_us);
  }
  Check(now_us);
}

void LivenessOracle::OnCommitted(uint32_t replica, uint64_t now_us, Height height) {
  Replica& known = replicas_.at(replica);
  known.committed = std::max(known.committed, height.value);
  highest_committed_ = std::max(highest_committed_, height.value);
  Check(now_us);
}

void LivenessOracle::OnExecuted(uint32_t replica, Height height) {
  replicas_[replica].executed = height.value;
}

void LivenessOracle::OnEnded(uint32_t replica, const std::string& why) {
  Replica& known = replicas_.at(replica);
  known.round = 0;
  known.high_qc_round = 0;
  for (auto it = unanswered_.begin(); it != unanswered_.end();) {
    it->first.first == replica ? unanswered_.erase(it++) : static_cast<void>(++it);
  }
  if (!known.is_expected) return;
  known.is_expected = false;
  SetBounds();
  if (why.empty() || observed_->HasFault(replica, {"D3", "D4", "D5", "D6", "D8"})) return;
  observed_->Violated("L1", replica, absl::StrCat("stopped after the heal: ", why));
}

void LivenessOracle::OnSubmitted(uint32_t replica, uint64_t now_us, const Hash& id) {
  if (!observed_->IsHonest(replica)) return;
  const Place place(replica, id);
  const uint64_t sequence = ++last_sequence_;
  unanswered_[place].push_back({sequence, replicas_.at(replica).committed});
  waiting_.push_back({place, sequence, now_us});
  while (!waiting_.empty() && !IsWaiting(waiting_.front())) waiting_.pop_front();
}

void LivenessOracle::OnAnswered(uint32_t replica, const Hash& id,
                                const absl::StatusOr<Receipt>& answer) {
  const auto found = unanswered_.find(Place(replica, id));
  if (found == unanswered_.end()) return;
  const Submitted submitted = found->second.front();
  found->second.pop_front();
  if (found->second.empty()) unanswered_.erase(found);
  // The last height is half a window, rounded down, above what was committed at least.
  const uint64_t last_height =
      submitted.committed + observed_->genesis().limits.duplicate_window_blocks / 2;
  const bool expired_early =
      answer.ok() && answer->reply.code == Reply::kExpired && answer->height <= last_height;
  if (!expired_early) return;
  observed_->Violated("L2", replica,
                      absl::StrCat("called transaction ", id.Short(), " expired at height ",
                                   answer->height, ", before its last height ", last_height));
}

void LivenessOracle::OnEnd(uint64_t now_us) {
  Check(now_us);
}

bool LivenessOracle::IsSatisfied() const {
  if (!IsHealed()) return false;
  if (!may_judge_) return true;
  if (!CommittedAll()) return false;
  for (const Waiting& waiting : waiting_) {
    if (waiting.sequence > last_sequence_at_heal_) break;
    if (IsWaiting(waiting) && replicas_[waiting.place.first].is_expected) return false;
  }
  // Idle rounds take a heartbeat each.
  const uint64_t rounds =
      observed_->context().scenario->transactions_per_s > 0 ? RoundsCompared() : 4;
  return std::all_of(replicas_.begin(), replicas_.end(), [&](const Replica& replica) {
    return !replica.is_expected || replica.round >= round_at_heal_ + rounds;
  });
}

void LivenessOracle::Check(uint64_t now_us) {
  if (!IsHealed() || !may_judge_) return;
  CheckCommits(now_us);
  CheckAnswers(now_us);
  CheckRounds(now_us);
}

bool LivenessOracle::CommittedAll() const {
  return std::all_of(replicas_.begin(), replicas_.end(), [&](const Replica& replica) {
    return !replica.is_expected || replica.committed > committed_at_heal_;
  });
}

void LivenessOracle::CheckCommits(uint64_t now_us) {
  if (commits_checked_ || now_us < *healed_us_ + bounds_.commit_us + bounds_.catch_up_us) return;
  commits_checked_ = true;
  for (uint32_t i = 0; i < replicas_.size(); ++i) {
    if (!replicas_[i].is_expected || replicas_[i].committed > committed_at_heal_) continue;
    observed_->Violated(
        "L1", i,
        absl::StrCat("is at height ", replicas_[i].committed, " ", (now_us - *healed_us_) / 1000,
                     " ms after the heal, when the chain was at height ", committed_at_heal_));
  }
}

bool LivenessOracle::IsWaiting(const Waiting& waiting) const {
  const auto found = unanswered_.find(waiting.place);
  return found != unanswered_.end() &&
         std::any_of(found->second.begin(), found->second.end(), [&](const Submitted& submitted) {
           return submitted.sequence == waiting.sequence;
         });
}

void LivenessOracle::CheckAnswers(uint64_t now_us) {
  const uint64_t within_us = bounds_.commit_us + bounds_.catch_up_us + bounds_.interval_us;
  while (!waiting_.empty()) {
    const Waiting& oldest = waiting_.front();
    const bool is_waiting = IsWaiting(oldest);
    if (is_waiting && now_us < std::max(oldest.at_us, *healed_us_) + within_us) return;
    if (is_waiting && replicas_[oldest.place.first].is_expected) {
      observed_->Violated("L2", oldest.place.first,
                          absl::StrCat("did not answer transaction ", oldest.place.second.Short(),
                                       " within ", within_us / 1000, " ms"));
    }
    waiting_.pop_front();
  }
}

void LivenessOracle::CheckRounds(uint64_t now_us) {
  const uint64_t within_us = bounds_.round_us + bounds_.catch_up_us;
  while (!entered_.empty() && entered_.front().second + within_us <= now_us) {
    const uint64_t round = entered_.front().first;
    entered_.pop_front();
    for (uint32_t i = 0; i < replicas_.size(); ++i) {
      if (!replicas_[i].is_expected || replicas_[i].round + 1 >= round) continue;
      observed_->Violated("L3", i,
                          absl::StrCat("is in round ", replicas_[i].round, ", ", within_us / 1000,
                                       " ms after another entered round ", round));
    }
  }
}

void LivenessOracle::CheckLasso(uint64_t now_us) {
  const bool is_settled =
      IsHealed() && may_judge_ && now_us >= *healed_us_ + bounds_.round_us + bounds_.catch_up_us;
  const uint64_t cycle = CycleOf(*observed_);
  if (!is_settled || highest_round_ < lasso_.round + cycle) return;
  Lasso now{
      .round = highest_round_, .committed = highest_committed_, .shape = {highest_round_ % cycle}};
  uint64_t highest_qc = 0;
  for (const Replica& replica : replicas_) {
    if (replica.is_expected) highest_qc = std::max(highest_qc, replica.high_qc_round);
  }
  for (const Replica& replica : replicas_) {
    if (!replica.is_expected) continue;
    now.shape.push_back(highest_round_ - replica.round);
    now.shape.push_back(highest_qc - replica.high_qc_round);
    now.shape.push_back(replica.executed);  // a vote may wait for it
  }
  const bool is_same = now.committed == lasso_.committed && now.shape == lasso_.shape;
  now.repeated = is_same ? lasso_.repeated + 1 : 0;
  lasso_ = now;
  if (lasso_.repeated < 2 || lasso_.repeated * cycle < kLassoRoundsMin) return;
  observed_->Violated("L6", absl::StrCat("the cluster runs in a circle of ", cycle,
                                         " rounds and commits nothing: round ", highest_round_,
                                         ", height ", highest_committed_));
}

}  // namespace kiln::sim
