#include "sim/evidence_oracle.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "absl/strings/str_cat.h"
#include "sim/signed_bytes.h"

namespace kiln::sim {

EvidenceOracle::EvidenceOracle(Observed* observed)
    : observed_(observed),
      histories_(observed->genesis().validators.size()),
      recovered_up_to_(histories_.size()) {}

void EvidenceOracle::OnRecovered(ValidatorIndex validator, Round abstains_up_to) {
  recovered_up_to_.at(validator.value) = abstains_up_to;
}

void EvidenceOracle::OnSent(uint32_t replica, const consensus::Message& message) {
  const Hash& chain = observed_->chain_id();
  if (const auto* vote = std::get_if<consensus::Vote>(&message)) {
    const auto signed_bytes = [&] {
      return SignedVote(chain, vote->epoch.value, vote->round.value, vote->block_id);
    };
    if (!IsAuthentic(replica, vote->author, signed_bytes, vote->signature)) return;
    Voted(vote->author, vote->round, vote->block_id);
  } else if (const auto* timeout = std::get_if<consensus::Timeout>(&message)) {
    const auto signed_bytes = [&] {
      return SignedTimeout(chain, timeout->epoch.value, timeout->round.value,
                           timeout->high_qc.round.value);
    };
    if (!IsAuthentic(replica, timeout->author, signed_bytes, timeout->signature)) return;
    TimedOut(timeout->author, timeout->round, timeout->high_qc.round);
  } else if (const auto* proposal = std::get_if<consensus::Proposal>(&message)) {
    const consensus::Header& header = proposal->block->header;
    const auto signed_bytes = [&] {
      return SignedProposal(chain, header.epoch.value, header.round.value, proposal->block->id);
    };
    if (!IsAuthentic(replica, header.proposer, signed_bytes, proposal->signature)) return;
    Proposed(header.proposer, header.round, proposal->block->id);
  }
}

bool EvidenceOracle::IsAuthentic(uint32_t sender, ValidatorIndex author,
                                 absl::FunctionRef<std::string()> signed_bytes,
                                 const crypto::Signature& signature) const {
  if (!observed_->IsHonestValidator(author)) return false;
  if (observed_->ValidatorOf(sender) == author) return true;
  const GenesisValidator& validator = observed_->genesis().validators[author.value];
  return observed_->context().signatures->Verify(validator.consensus_key, signed_bytes(),
                                                 signature);
}

void EvidenceOracle::OnCertificate(const consensus::QuorumCertificate& qc) {
  for (uint32_t i = 0; i < histories_.size(); ++i) {
    if (qc.signers.Contains({i})) Voted({i}, qc.round, qc.block_id);
  }
}

void EvidenceOracle::OnCertificate(const consensus::TimeoutCertificate& tc) {
  size_t place = 0;
  for (uint32_t i = 0; i < histories_.size(); ++i) {
    if (tc.signers.Contains({i})) TimedOut({i}, tc.round, tc.high_qc_rounds.at(place++));
  }
}

EvidenceOracle::Statements* EvidenceOracle::At(ValidatorIndex author, Round round) {
  if (!observed_->IsHonestValidator(author)) return nullptr;
  History& history = histories_[author.value];
  if (!history.empty()) {
    const uint64_t newest = history.rbegin()->first;
    if (round.value + kRoundsKept < newest) return nullptr;
    while (!history.empty() &&
           history.begin()->first + kRoundsKept < std::max(newest, round.value)) {
      history.erase(history.begin());
    }
  }
  return &history[round.value];
}

void EvidenceOracle::Voted(ValidatorIndex author, Round round, const Hash& id) {
  Statements* const said = At(author, round);
  if (said == nullptr) return;
  if (said->vote.has_value() && *said->vote != id) return Guilty(author, "voted twice", round);
  const bool is_new = !said->vote.has_value() || !said->vote_locked.has_value();
  said->vote = id;
  const SeenBlock* const seen = observed_->Find(id);
  if (!is_new || seen == nullptr) return;
  said->vote_locked = seen->block->justify.round.value;
  const History& history = histories_[author.value];
  for (auto later = history.find(round.value); later != history.end(); ++later) {
    CheckAmnesia(author, later);
  }
}

void EvidenceOracle::Proposed(ValidatorIndex author, Round round, const Hash& id) {
  Statements* const said = At(author, round);
  if (said == nullptr) return;
  if (said->proposal.has_value() && *said->proposal != id) {
    return Guilty(author, "proposed twice", round);
  }
  said->proposal = id;
}

void EvidenceOracle::TimedOut(ValidatorIndex author, Round round, Round qc_round) {
  Statements* const said = At(author, round);
  if (said == nullptr || said->reported == qc_round.value) return;
  if (said->reported.has_value()) return Guilty(author, "gave up twice, differently,", round);
  said->reported = qc_round.value;
  CheckAmnesia(author, histories_[author.value].find(round.value));
}

// A vote in round v locks the QC of the block voted for; a timeout of round t >= v is signed after
// it, because nobody votes in a round given up on, so it must report that QC's round at least.
void EvidenceOracle::CheckAmnesia(ValidatorIndex author, History::const_iterator said) {
  if (!said->second.reported.has_value()) return;
  const History& history = histories_[author.value];
  const uint64_t recovered_up_to = recovered_up_to_[author.value].value;
  for (auto vote = history.begin(); vote != std::next(said); ++vote) {
    if (vote->first <= recovered_up_to && said->first > recovered_up_to) continue;
    if (vote->second.vote_locked.value_or(0) > *said->second.reported) {
      return Guilty(author, "forgot what it had locked and gave up", Round{said->first});
    }
  }
}

void EvidenceOracle::Guilty(ValidatorIndex author, absl::string_view what, Round round) {
  observed_->Violated("S12", absl::StrCat("evidence against the honest validator ", author.value,
                                          ": it ", what, " in round ", round.value));
}

}  // namespace kiln::sim
