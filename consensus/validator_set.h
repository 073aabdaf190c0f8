// Who votes in an epoch, and how much each vote counts (DESIGN: quorums by voting power).
#ifndef KILN_CONSENSUS_VALIDATOR_SET_H_
#define KILN_CONSENSUS_VALIDATOR_SET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "crypto/ed25519.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::consensus {

inline constexpr size_t kValidatorsMax = 1024;
// Totals stay far from overflow in every sum that follows (the bound CometBFT uses).
inline constexpr uint64_t kTotalPowerMax = INT64_MAX / 8;

struct Validator {
  std::string name;
  crypto::PublicKey consensus_key{};
  crypto::PublicKey node_key{};
  uint64_t power = 0;
};

// Immutable; thread-safe. Invariant: not empty, keys and names unique, every power positive, the
// total at most kTotalPowerMax. The order is part of the set: an index means the same on every
// machine.
class ValidatorSet {
 public:
  // InvalidArgument names the validator and the rule it breaks.
  static absl::StatusOr<ValidatorSet> Create(std::vector<Validator> validators);
  static absl::StatusOr<ValidatorSet> FromGenesis(const Genesis& genesis);

  size_t size() const { return validators_.size(); }
  bool Contains(ValidatorIndex index) const { return index.value < validators_.size(); }
  // REQUIRES: Contains(index).
  const Validator& at(ValidatorIndex index) const;
  uint64_t PowerOf(ValidatorIndex index) const { return at(index).power; }
  uint64_t total_power() const { return total_power_; }

  // 3 * power > 2 * total: any two such groups share an honest validator.
  bool IsQuorum(uint64_t power) const;
  // 3 * power > total: any such group has an honest member.
  bool IsBlockingShare(uint64_t power) const;

  std::optional<ValidatorIndex> FindByConsensusKey(const crypto::PublicKey& key) const;
  std::optional<ValidatorIndex> FindByNodeKey(const crypto::PublicKey& key) const;
  std::optional<ValidatorIndex> FindByName(absl::string_view name) const;

  // Covers every member in order.
  const Hash& hash() const { return hash_; }

 private:
  ValidatorSet() = default;

  std::vector<Validator> validators_;
  uint64_t total_power_ = 0;
  Hash hash_;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_VALIDATOR_SET_H_
