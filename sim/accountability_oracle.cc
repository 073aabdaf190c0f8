#include "sim/accountability_oracle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "consensus/finality.h"

namespace kiln::sim {

void AccountabilityOracle::OnRecord(const consensus::SafetyRecord& record) {
  if (!observed_->beyond_model()) return;
  Take(record.high_qc);
  if (record.last_tc.has_value()) Take(*record.last_tc);
}

void AccountabilityOracle::OnVote(const consensus::Vote& vote) {
  if (!observed_->beyond_model()) return;
  const SeenBlock* const seen = observed_->Find(vote.block_id);
  if (seen != nullptr) Take(seen->block->justify);
}

void AccountabilityOracle::OnEnd(const storage::Store& store) {
  if (!observed_->agreement_broken()) return;
  const Height committed = store.committed_height();
  for (uint64_t height = store.base().lowest().value; height <= committed.value; ++height) {
    const absl::StatusOr<consensus::BlockPtr> block = store.BlockAt(Height{height});
    if (block.ok()) Take((*block)->justify);
  }
  const absl::StatusOr<std::string> bytes = store.FinalityAt(committed);
  if (!bytes.ok()) return;
  const auto proof = consensus::DecodeFinalityProof(*bytes);
  if (proof.ok()) Take(proof->certificate);
}

void AccountabilityOracle::Take(const consensus::QuorumCertificate& qc) {
  const SeenBlock* const seen = observed_->Find(qc.block_id);
  const Voted voted = {qc.block_id, seen == nullptr ? 0 : seen->block->justify.round.value};
  for (uint32_t i = 0; i < observed_->genesis().validators.size(); ++i) {
    if (!qc.signers.Contains({i})) continue;
    std::vector<Voted>& known = votes_[i][qc.round.value];
    if (std::count(known.begin(), known.end(), voted) == 0) known.push_back(voted);
  }
}

void AccountabilityOracle::Take(const consensus::TimeoutCertificate& tc) {
  size_t place = 0;
  for (uint32_t i = 0; i < observed_->genesis().validators.size(); ++i) {
    if (tc.signers.Contains({i}))
      timeouts_[i][tc.round.value].insert(tc.high_qc_rounds.at(place++).value);
  }
}

// Two votes in a round, two timeouts of a round, or a timeout that hides what an earlier vote had
// locked.
bool AccountabilityOracle::IsGuilty(uint32_t validator) const {
  uint64_t hidden_below = 0;
  const auto votes = votes_.find(validator);
  const auto timeouts = timeouts_.find(validator);
  const Signed none;
  const Signed& voted = votes == votes_.end() ? none : votes->second;
  if (std::any_of(voted.begin(), voted.end(),
                  [](const auto& of) { return of.second.size() > 1; })) {
    return true;
  }
  if (timeouts == timeouts_.end()) return false;
  for (const auto& [round, reported] : timeouts->second) {
    if (reported.size() > 1) return true;
    for (const auto& [vote_round, of] : voted) {
      if (vote_round <= round) hidden_below = std::max(hidden_below, of.front().locks);
    }
    if (*reported.begin() < hidden_below) return true;
  }
  return false;
}

void AccountabilityOracle::Judge() {
  if (!observed_->agreement_broken()) return;
  uint128 guilty = 0;
  for (uint32_t i = 0; i < observed_->genesis().validators.size(); ++i) {
    if (IsGuilty(i)) guilty += observed_->PowerOf({i});
  }
  if (3 * guilty >= observed_->total_power()) return;
  observed_->Violated(
      "S12",
      absl::StrCat("agreement is broken, and what honest replicas hold proves only power ",
                   static_cast<uint64_t>(guilty), " of ", observed_->total_power(), " guilty"));
}

}  // namespace kiln::sim
