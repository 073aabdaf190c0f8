#include "consensus/block_fetcher.h"

#include <algorithm>
#include <utility>

namespace kiln::consensus {

void BlockFetcher::Want(const QuorumCertificate& qc, uint64_t now_us) {
  if (wanted_.contains(qc.block_id)) return;
  Wanted wanted{.qc = qc, .signers = {}, .next = 0, .asked = std::nullopt, .due_us = now_us};
  for (const ValidatorIndex& signer : qc.signers.Members()) {
    if (signer != self_) wanted.signers.push_back(signer);
  }
  if (wanted.signers.empty()) return;
  // Start somewhere that differs between replicas and blocks, so that one signer is not asked by
  // all.
  wanted.next = (self_.value + qc.round.value) % wanted.signers.size();
  wanted_.emplace(qc.block_id, std::move(wanted));
  if (wanted_.size() <= kWantedMax) return;
  wanted_.erase(std::min_element(wanted_.begin(), wanted_.end(), [](const auto& a, const auto& b) {
    return a.second.qc.round < b.second.qc.round;
  }));
}

std::optional<QuorumCertificate> BlockFetcher::CertificateFor(const Hash& id) const {
  const auto it = wanted_.find(id);
  if (it == wanted_.end()) return std::nullopt;
  return it->second.qc;
}

void BlockFetcher::ForgetUpTo(Round round) {
  for (auto it = wanted_.begin(); it != wanted_.end();) {
    it = it->second.qc.round <= round ? wanted_.erase(it) : std::next(it);
  }
}

void BlockFetcher::NoteProgress(ValidatorIndex from, uint64_t now_us) {
  for (auto& [id, wanted] : wanted_) {
    if (wanted.asked != from) continue;
    const auto place = std::find(wanted.signers.begin(), wanted.signers.end(), from);
    if (place != wanted.signers.end()) wanted.next = place - wanted.signers.begin();
    wanted.asked = std::nullopt;
    wanted.due_us = now_us;
  }
}

void BlockFetcher::NoteUseless(ValidatorIndex from, uint64_t now_us) {
  for (auto& [id, wanted] : wanted_) {
    if (wanted.asked != from) continue;
    wanted.asked = std::nullopt;
    // After a whole turn without success, wait: the others may be as far behind.
    if (wanted.next != 0) wanted.due_us = now_us;
  }
}

std::vector<Fetch> BlockFetcher::TakeDue(Height above_height, uint64_t now_us) {
  std::vector<Fetch> due;
  for (auto& [id, wanted] : wanted_) {
    if (now_us < wanted.due_us) continue;
    const ValidatorIndex to = wanted.signers[wanted.next];
    wanted.next = (wanted.next + 1) % wanted.signers.size();
    wanted.asked = to;
    wanted.due_us = now_us + retry_us_;
    due.push_back(
        {to,
         BlockRequest{.block_id = id, .above_height = above_height, .count = kBlocksPerAnswerMax}});
  }
  return due;
}

uint64_t BlockFetcher::deadline_us() const {
  uint64_t earliest = UINT64_MAX;
  for (const auto& [id, wanted] : wanted_) earliest = std::min(earliest, wanted.due_us);
  return earliest;
}

}  // namespace kiln::consensus
