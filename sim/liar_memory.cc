#include "sim/liar_base.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;
using consensus::QuorumCertificate;
using consensus::TimeoutCertificate;

template <typename Map>
void Trim(Map* map) {
  while (map->size() > LiarMemory::kRoundsMax) map->erase(map->begin());
}

}  // namespace

LiarMemory::LiarMemory(const Genesis& genesis)
    : genesis_block_(consensus::GenesisBlock(genesis)),
      genesis_certificate_(consensus::GenesisCertificate(genesis)) {
  qcs_.emplace(Round{0}, genesis_certificate_);
}

// Other liars' inventions would push out what is true.
bool LiarMemory::IsPlausible(Round round) const {
  return round.value < HighestQc().round.value + kRoundsMax;
}

void LiarMemory::Note(ValidatorIndex from, const network::PeerMessage& message) {
  if (const auto* proposal = As<consensus::Proposal>(message)) {
    Note(proposal->block);
    if (proposal->tc.has_value()) Note(*proposal->tc);
  } else if (const auto* vote = As<consensus::Vote>(message)) {
    if (vote->author == from && IsPlausible(vote->round))
      votes_[vote->round].try_emplace(from, *vote);
    Trim(&votes_);
  } else if (const auto* timeout = As<consensus::Timeout>(message)) {
    if (timeout->author == from && IsPlausible(timeout->round)) {
      timeouts_[timeout->round].try_emplace(from, *timeout);
    }
    Trim(&timeouts_);
    Note(timeout->high_qc);
    if (timeout->last_tc.has_value()) Note(*timeout->last_tc);
  } else if (const auto* certificates = As<consensus::Certificates>(message)) {
    Note(certificates->high_qc);
    if (certificates->last_tc.has_value()) Note(*certificates->last_tc);
  } else if (const auto* answer = As<consensus::Blocks>(message)) {
    for (const BlockPtr& block : answer->blocks) Note(block);
    if (answer->tip_qc.has_value()) Note(*answer->tip_qc);
  }
}

void LiarMemory::Note(const QuorumCertificate& qc) {
  // How long a validator can be away.
  constexpr uint64_t kAheadMax = 1'000'000;
  const bool plausible = qc.epoch.value == 1 && qc.signers.Count() == qc.signatures.size() &&
                         !qc.signatures.empty() &&
                         qc.round.value < HighestQc().round.value + kAheadMax;
  if (!plausible || qcs_.contains(qc.round)) return;
  qcs_.emplace(qc.round, qc);
  Trim(&qcs_);
}

void LiarMemory::Note(const TimeoutCertificate& tc) {
  Note(tc.high_qc);
  if (!IsPlausible(tc.round) || tc.signatures.empty() || tcs_.contains(tc.round)) return;
  tcs_.emplace(tc.round, tc);
  Trim(&tcs_);
}

void LiarMemory::Note(const BlockPtr& block) {
  Note(block->justify);
  if (!IsPlausible(block->header.round)) return;
  if (!blocks_.try_emplace({block->header.round, block->id}, block).second) return;
  Trim(&blocks_);
}

const QuorumCertificate& LiarMemory::HighestQcBelow(Round round) const {
  const auto above = qcs_.lower_bound(round);
  return above == qcs_.begin() ? genesis_certificate_ : std::prev(above)->second;
}

std::optional<TimeoutCertificate> LiarMemory::TcOf(Round round) const {
  const auto it = tcs_.find(round);
  if (it == tcs_.end()) return std::nullopt;
  return it->second;
}

std::optional<TimeoutCertificate> LiarMemory::HighestTc() const {
  if (tcs_.empty()) return std::nullopt;
  return tcs_.rbegin()->second;
}

LiarMemory::Votes LiarMemory::VotesOf(Round round) const {
  const auto it = votes_.find(round);
  return it == votes_.end() ? Votes() : it->second;
}

LiarMemory::Timeouts LiarMemory::TimeoutsOf(Round round) const {
  const auto it = timeouts_.find(round);
  return it == timeouts_.end() ? Timeouts() : it->second;
}

BlockPtr LiarMemory::BlockOf(const Hash& id) const {
  if (id == genesis_block_->id) return genesis_block_;
  for (auto it = blocks_.rbegin(); it != blocks_.rend(); ++it) {
    if (it->first.second == id) return it->second;
  }
  return nullptr;
}

std::vector<BlockPtr> LiarMemory::BlocksOfRound(Round round) const {
  std::vector<BlockPtr> found;
  for (auto it = blocks_.lower_bound({round, Hash{}});
       it != blocks_.end() && it->first.first == round; ++it) {
    found.push_back(it->second);
  }
  return found;
}

std::vector<BlockPtr> LiarMemory::Blocks() const {
  std::vector<BlockPtr> all;
  all.reserve(blocks_.size());
  for (const auto& [key, block] : blocks_) all.push_back(block);
  return all;
}

}  // namespace kiln::sim
