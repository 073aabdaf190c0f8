#include "consensus/safety_recovery.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"

namespace kiln::consensus {
namespace {

template <typename... Parts>
absl::Status DoesNotCount(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

}  // namespace

void RaiseCertificates(SafetyRecord* record, const QuorumCertificate& high_qc,
                       const std::optional<TimeoutCertificate>& last_tc) {
  if (high_qc.round > record->high_qc.round) record->high_qc = high_qc;
  if (!last_tc.has_value()) return;
  if (last_tc->high_qc.round > record->high_qc.round) record->high_qc = last_tc->high_qc;
  const bool is_higher = !record->last_tc.has_value() || last_tc->round > record->last_tc->round;
  if (is_higher) record->last_tc = last_tc;
}

SafetyRecovery::SafetyRecovery(ValidatorIndex self, const ValidatorSet* validators,
                               const Hash& nonce, const SafetyRecord& known)
    : self_(self), validators_(validators), nonce_(nonce), known_(known) {
  KILN_CHECK(validators->Contains(self));
}

bool SafetyRecovery::IsPossible() const {
  return validators_->IsQuorum(validators_->total_power() - validators_->PowerOf(self_));
}

absl::Status SafetyRecovery::Add(const VerifiedMessage& message) {
  const Standing* const standing = std::get_if<Standing>(&message.message());
  KILN_CHECK(standing != nullptr);
  if (standing->author == self_) return DoesNotCount("it is this validator's own");
  if (standing->asker != self_) {
    return DoesNotCount("it is for validator ", standing->asker.value, ", who asked for its own");
  }
  if (standing->nonce != nonce_) {
    KILN_MARK("a standing of another recovery does not count");
    return DoesNotCount("it answers an earlier recovery: what was signed since is not in it");
  }
  if (standing->round() < standing->last_voted_round) {
    KILN_MARK("a standing of a recovering validator does not count");
    return DoesNotCount("its validator recovers itself: it is in round ", standing->round().value,
                        " and may have signed up to round ", standing->last_voted_round.value,
                        "; it counts when it comes there");
  }
  if (statements_.emplace(standing->author, *standing).second) {
    power_ += validators_->PowerOf(standing->author);
  }
  return absl::OkStatus();
}

bool SafetyRecovery::HasQuorum() const {
  return validators_->IsQuorum(power_);
}

// To sign in a round, one has a certificate for the round before it; somebody honest among those
// who answered signed in that one, and stands there or later.
Round SafetyRecovery::AbstainsUpTo() const {
  KILN_CHECK(HasQuorum());
  Round highest;
  for (const auto& [author, standing] : statements_) {
    highest = std::max(highest, standing.round());
  }
  return std::max(Round{highest.value + 1}, known_.last_voted_round);
}

SafetyRecord SafetyRecovery::Adopt() const {
  SafetyRecord record = known_;
  record.last_vote.reset();  // what may have followed them is not known
  record.last_timeout.reset();
  record.last_voted_round = AbstainsUpTo();
  record.last_proposed_round = std::max(record.last_proposed_round, record.last_voted_round);
  for (const auto& [author, standing] : statements_) {
    RaiseCertificates(&record, standing.high_qc, standing.last_tc);
  }
  record.locked_qc_round = std::max(record.locked_qc_round, record.high_qc.round);
  KILN_CHECK(ForgetsLastRound(record));
  return record;
}

}  // namespace kiln::consensus
