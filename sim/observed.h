// What all oracles share: who is held to the rules, what was seen, and what was agreed on.
#ifndef KILN_SIM_OBSERVED_H_
#define KILN_SIM_OBSERVED_H_

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/certificates.h"
#include "consensus/messages.h"
#include "kiln/types.h"
#include "sim/observer.h"
#include "storage/store.h"

namespace kiln::sim {

using uint128 = unsigned __int128;

// A block that somebody sent or stored, and the timeout certificates that came with it in
// proposals.
struct SeenBlock {
  consensus::BlockPtr block;
  std::vector<consensus::TimeoutCertificate> tcs;
  bool is_proposed = false;  // somebody sent it in a proposal
};

// Facts, no judgement. Invariant: every block in here has the hash of its header as its id.
// Not thread-safe.
class Observed {
 public:
  explicit Observed(ObserverContext context);

  const ObserverContext& context() const { return context_; }
  const Genesis& genesis() const { return *context_.genesis; }
  const Hash& chain_id() const { return chain_id_; }
  const consensus::BlockPtr& genesis_block() const { return genesis_block_; }

  size_t replicas() const { return context_.validator_of.size(); }
  ValidatorIndex ValidatorOf(uint32_t replica) const { return context_.validator_of.at(replica); }
  // Whether the replica is held to the rules; a validator is when all of its replicas are.
  bool IsHonest(uint32_t replica) const { return context_.is_honest.at(replica); }
  bool IsHonestValidator(ValidatorIndex index) const {
    return index.value < honest_validators_.size() && honest_validators_[index.value];
  }
  bool all_honest() const { return dishonest_power_ == 0; }
  // A third of the power or more is dishonest: agreement and all that follows from it is lost.
  bool beyond_model() const { return uint128{3} * dishonest_power_ >= total_power_; }

  uint64_t PowerOf(ValidatorIndex index) const {
    return genesis().validators.at(index.value).power;
  }
  uint64_t total_power() const { return total_power_; }
  // 3 * power > 2 * total, over distinct validators of the set.
  bool IsQuorum(const std::set<uint32_t>& validators) const;

  // Whether the scenario has a fault of one of these rows ("D5") for this replica, after which it
  // may refuse to go on.
  bool HasFault(uint32_t replica, std::initializer_list<absl::string_view> rows) const;

  // S1 was violated, whether or not it can be kept in this world.
  bool agreement_broken() const { return agreement_broken_; }

  // The most that the replica's wall clock may have shown until now.
  uint64_t HighestWallUs(uint32_t replica, uint64_t now_us) const;

  // Each invariant is reported once. One that cannot be kept in this world (see beyond_model) is
  // reported only when the scenario asks for its violation.
  void Violated(absl::string_view invariant, std::string what);
  void Violated(absl::string_view invariant, uint32_t replica, absl::string_view what);

  // False when the block's id is not what it says.
  bool Note(const consensus::BlockPtr& block);
  bool Note(const consensus::Proposal& proposal);
  // A TC that came with the block, or stands beside the vote for it on a disk.
  void Note(const Hash& id, const consensus::TimeoutCertificate& tc);
  // What a replica starts with, down to what was seen. A leader that crashed before its proposal
  // left votes for it again; one whose own vote is a quorum may have committed it as well.
  void NoteStored(const storage::Store& store);
  // Null when nobody sent it, or long ago.
  const SeenBlock* Find(const Hash& id) const;

  // The first commit of each height by an honest replica fixes it. Height 0 is the genesis block.
  size_t chain_size() const { return chain_.size(); }
  const Hash& ChainAt(uint64_t height) const { return chain_.at(height); }
  uint64_t highest_committed() const { return chain_.size() - 1; }
  void Extend(const consensus::Header& header, const Hash& id);
  // Blocks of rounds up to this may have been forgotten.
  uint64_t forgotten_round() const { return forgotten_round_; }

 private:
  // Blocks this far below the newest commit are nobody's business any more.
  static constexpr uint64_t kHeightsKept = 256;

  const ObserverContext context_;
  const Hash chain_id_;
  const consensus::BlockPtr genesis_block_;
  std::vector<bool> honest_validators_;
  uint64_t dishonest_power_ = 0;
  uint64_t total_power_ = 0;
  std::set<std::string> reported_;
  bool agreement_broken_ = false;
  absl::flat_hash_map<Hash, SeenBlock> blocks_;
  std::vector<Hash> chain_;
  std::vector<uint64_t> rounds_;  // of the blocks in chain_
  uint64_t forgotten_round_ = 0;
};

// For messages: "round 7, block 1a2b3c4d".
std::string Describe(Round round, const Hash& id);

}  // namespace kiln::sim

#endif  // KILN_SIM_OBSERVED_H_
