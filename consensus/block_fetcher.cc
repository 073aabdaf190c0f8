#include "consensus/block_fetcher.h"

#include <algorithm>
#include <utility>

#include "base/mark.h"

namespace kiln::consensus {

void BlockFetcher::Want(const QuorumCertificate& qc, uint64_t now_us) {
  if (wanted_.contains(qc.block_id)) return;
  Wanted wanted{
      .qc = qc, .signers = {}, .next = 0, .asked = self_, .reached = {}, .due_us = now_us};
  for (const ValidatorIndex& signer : qc.signers.Members()) {
    if (signer != self_) wanted.signers.push_back(signer);
  }
  if (wanted.signers.empty()) return;
  // Start somewhere that differs between replicas and blocks, so that one signer is not asked by
  // all.
  wanted.next = (self_.value + qc.round.value) % wanted.signers.size();
  wanted_.emplace(qc.block_id, std::move(wanted));
  if (wanted_.size() > kWantedMax) DropLowest();
}

// But not the one whose answer is under way: on a chain that goes on all others are higher soon.
void BlockFetcher::DropLowest() {
  const Wanted* lowest = nullptr;
  for (const auto& [id, wanted] : wanted_) {
    if (open_.has_value() && open_->id == id) continue;
    if (lowest == nullptr || wanted.qc.round < lowest->qc.round) lowest = &wanted;
  }
  Erase(Hash(lowest->qc.block_id));
}

std::optional<QuorumCertificate> BlockFetcher::HighestWanted() const {
  const Wanted* highest = nullptr;
  for (const auto& [id, wanted] : wanted_) {
    if (highest == nullptr || wanted.qc.round > highest->qc.round) highest = &wanted;
  }
  if (highest == nullptr) return std::nullopt;
  return highest->qc;
}

std::optional<QuorumCertificate> BlockFetcher::CertificateFor(const Hash& id) const {
  const auto it = wanted_.find(id);
  if (it == wanted_.end()) return std::nullopt;
  return it->second.qc;
}

void BlockFetcher::Forget(const Hash& id) {
  Erase(id);
  patience_.NoteHelp();
}

void BlockFetcher::Erase(const Hash& id) {
  if (open_.has_value() && open_->id == id) open_.reset();
  wanted_.erase(id);
}

void BlockFetcher::ForgetUpTo(Round round) {
  std::vector<Hash> forgotten;
  for (const auto& [id, wanted] : wanted_) {
    if (wanted.qc.round <= round) forgotten.push_back(id);
  }
  for (const Hash& id : forgotten) Erase(id);
  if (wanted_.empty()) patience_.NoteHelp();
}

bool BlockFetcher::NoteAnswer(ValidatorIndex from, Height reached, uint64_t now_us) {
  if (!open_.has_value() || open_->to != from) return false;
  const Open answered = *std::exchange(open_, std::nullopt);
  Wanted& wanted = wanted_.at(answered.id);
  if (reached > answered.above_height) {
    KILN_MARK("an answer brings a part of the blocks");
    patience_.NoteHelp();
    const auto place = std::find(wanted.signers.begin(), wanted.signers.end(), from);
    wanted.next = static_cast<size_t>(place - wanted.signers.begin());
    wanted.reached = reached;
    wanted.due_us = now_us;
    return true;
  }
  wanted.reached = Height{0};
  if (wanted.next == 0) KILN_MARK("no signer had the block");
  // After a whole turn without success, wait: the others may be as far behind.
  if (wanted.next != 0) wanted.due_us = now_us;
  return false;
}

// In turn, of those whose streams are up, if any are.
size_t BlockFetcher::NextSigner(const Wanted& wanted, const PeerPresence& peers) {
  for (size_t i = 0; i < wanted.signers.size(); ++i) {
    const size_t signer = (wanted.next + i) % wanted.signers.size();
    if (peers.IsConnected(wanted.signers[signer])) return signer;
  }
  return wanted.next;
}

std::optional<Fetch> BlockFetcher::TakeDue(Height committed_height, const PeerPresence& peers,
                                           uint64_t now_us) {
  if (open_.has_value() && now_us < wanted_.at(open_->id).due_us) return std::nullopt;
  if (open_.has_value()) patience_.NoteSilence(wanted_.at(open_->id).signers.size());
  open_.reset();
  Wanted* highest = nullptr;
  for (auto& [id, wanted] : wanted_) {
    if (now_us < wanted.due_us) continue;
    if (highest == nullptr || wanted.qc.round > highest->qc.round) highest = &wanted;
  }
  if (highest == nullptr) return std::nullopt;
  const size_t next = NextSigner(*highest, peers);
  const ValidatorIndex signer = highest->signers[next];
  if (signer != highest->asked) highest->reached = Height{0};
  highest->asked = signer;
  const Height above = std::max(committed_height, highest->reached);
  open_ = Open{highest->qc.block_id, signer, above};
  highest->next = (next + 1) % highest->signers.size();
  highest->due_us = now_us + patience_.wait_us();
  return Fetch{
      open_->to,
      BlockRequest{.block_id = open_->id, .above_height = above, .count = kBlocksPerAnswerMax}};
}

uint64_t BlockFetcher::deadline_us() const {
  if (open_.has_value()) return wanted_.at(open_->id).due_us;
  uint64_t earliest = UINT64_MAX;
  for (const auto& [id, wanted] : wanted_) earliest = std::min(earliest, wanted.due_us);
  return earliest;
}

}  // namespace kiln::consensus
