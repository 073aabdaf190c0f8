#include "sim/observed.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "consensus/codec.h"

namespace kiln::sim {
namespace {

// What less than a third of dishonest power guarantees. The rest holds of every honest replica
// whatever others do: no regress, one vote a round, the voting rule, durability, valid
// certificates, bounds.
bool RestsOnHonestMajority(absl::string_view invariant) {
  static const auto& ids = *new std::set<absl::string_view>{
      "S1", "S4", "S9", "S10", "S13", "D-b", "D-e", "L1", "L2", "L3", "L4", "L5", "L6"};
  return ids.contains(invariant);
}

bool Names(const std::vector<uint32_t>& nodes, uint32_t replica) {
  return nodes.empty() || std::count(nodes.begin(), nodes.end(), replica) > 0;
}

}  // namespace

std::string Describe(Round round, const Hash& id) {
  return absl::StrCat("round ", round.value, ", block ", id.Short());
}

Observed::Observed(ObserverContext context)
    : context_(std::move(context)),
      chain_id_(context_.genesis->ChainId()),
      genesis_block_(consensus::GenesisBlock(*context_.genesis)),
      honest_validators_(context_.genesis->validators.size(), true),
      chain_({genesis_block_->id}),
      rounds_({0}) {
  KILN_CHECK_EQ(context_.validator_of.size(), context_.is_honest.size());
  for (uint32_t replica = 0; replica < replicas(); ++replica) {
    if (!IsHonest(replica)) honest_validators_.at(ValidatorOf(replica).value) = false;
  }
  for (uint32_t i = 0; i < honest_validators_.size(); ++i) {
    total_power_ += PowerOf({i});
    if (!honest_validators_[i]) dishonest_power_ += PowerOf({i});
  }
  blocks_[genesis_block_->id].block = genesis_block_;
}

bool Observed::IsQuorum(const std::set<uint32_t>& validators) const {
  uint128 power = 0;
  for (const uint32_t index : validators) power += PowerOf({index});
  return 3 * power > 2 * uint128{total_power_};
}

bool Observed::HasFault(uint32_t replica, std::initializer_list<absl::string_view> rows) const {
  for (const Fault& fault : context_.scenario->faults) {
    if (absl::StartsWith(fault.kind, "recovered_")) continue;  // whole again, and held to it
    const bool is_asked_for = std::count(rows.begin(), rows.end(), fault.row) > 0;
    if (is_asked_for && Names(fault.nodes, replica)) return true;
  }
  return false;
}

uint64_t Observed::HighestWallUs(uint32_t replica, uint64_t now_us) const {
  double ahead_ms = 0;
  for (const Fault& fault : context_.scenario->faults) {
    const bool has_begun = fault.kind == "wall_jump" && fault.at_ms * 1000 <= now_us;
    if (has_begun && Names(fault.nodes, replica)) ahead_ms = std::max(ahead_ms, fault.amount);
  }
  return kWallStartUs + now_us + static_cast<uint64_t>(ahead_ms * 1000);
}

void Observed::Violated(absl::string_view invariant, std::string what) {
  agreement_broken_ |= invariant == "S1";
  const std::vector<std::string>& wanted = context_.scenario->must_violate;
  const bool is_wanted = std::count(wanted.begin(), wanted.end(), invariant) > 0;
  if (beyond_model() && RestsOnHonestMajority(invariant) && !is_wanted) return;
  if (!reported_.insert(std::string(invariant)).second) return;
  context_.violated(invariant, std::move(what));
}

void Observed::Violated(absl::string_view invariant, uint32_t replica, absl::string_view what) {
  Violated(invariant, absl::StrCat("replica ", replica, " ", what));
}

bool Observed::Note(const consensus::BlockPtr& block) {
  if (blocks_.contains(block->id)) return true;
  if (consensus::HashOf(block->header) != block->id) return false;
  blocks_[block->id].block = block;
  return true;
}

bool Observed::Note(const consensus::Proposal& proposal) {
  if (!Note(proposal.block)) return false;
  blocks_[proposal.block->id].is_proposed = true;
  if (proposal.tc.has_value()) Note(proposal.block->id, *proposal.tc);
  return true;
}

void Observed::Note(const Hash& id, const consensus::TimeoutCertificate& tc) {
  const auto seen = blocks_.find(id);
  if (seen == blocks_.end()) return;
  std::vector<consensus::TimeoutCertificate>& tcs = seen->second.tcs;
  if (std::count(tcs.begin(), tcs.end(), tc) == 0) tcs.push_back(tc);
}

void Observed::NoteStored(const storage::Store& store) {
  const storage::RecoveredLedger ledger = store.Recover();
  for (const consensus::BlockPtr& block : ledger.uncommitted) Note(block);
  consensus::BlockPtr block = ledger.committed;
  while (block->header.round.value > forgotten_round_ && Find(block->id) == nullptr &&
         Note(block)) {
    const absl::StatusOr<consensus::BlockPtr> parent = store.BlockById(block->header.parent_id);
    if (!parent.ok()) return;  // rotten
    block = *parent;
  }
}

const SeenBlock* Observed::Find(const Hash& id) const {
  const auto seen = blocks_.find(id);
  return seen == blocks_.end() ? nullptr : &seen->second;
}

void Observed::Extend(const consensus::Header& header, const Hash& id) {
  chain_.push_back(id);
  rounds_.push_back(header.round.value);
  if (chain_.size() % kHeightsKept != 0 || chain_.size() < 2 * kHeightsKept) return;
  const uint64_t lowest = chain_.size() - kHeightsKept;
  forgotten_round_ = rounds_[lowest];
  absl::erase_if(
      blocks_, [&](const auto& entry) { return entry.second.block->header.height.value < lowest; });
}

}  // namespace kiln::sim
