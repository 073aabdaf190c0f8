#include "consensus/validator_set.h"

#include <utility>

#include "absl/container/btree_set.h"
#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/validator_set_hash.h"
#include "crypto/ed25519.h"

namespace kiln::consensus {
namespace {

constexpr size_t kNameBytesMax = 64;

// Names go into logs and onto terminals, so they are printable ASCII.
absl::Status CheckName(absl::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("name has ", name.size(), " characters, allowed are 1 to ", kNameBytesMax));
  }
  for (const char c : name) {
    if (c < ' ' || c > '~') return absl::InvalidArgumentError("name is not printable ASCII");
  }
  return absl::OkStatus();
}

// What is taken so far; each check says no the second time. One set for both kinds of keys: a key
// is for one purpose.
class Uniqueness {
 public:
  absl::Status Claim(const Validator& validator) {
    if (!names_.insert(validator.name).second) {
      return absl::InvalidArgumentError("name is used twice");
    }
    if (!keys_.insert(validator.consensus_key).second) {
      return absl::InvalidArgumentError("consensus key is used twice");
    }
    if (!keys_.insert(validator.node_key).second) {
      return absl::InvalidArgumentError("node key is used twice");
    }
    return absl::OkStatus();
  }

 private:
  absl::btree_set<std::string> names_;
  absl::btree_set<crypto::PublicKey> keys_;
};

absl::Status CheckValidator(const Validator& validator) {
  KILN_RETURN_IF_ERROR(CheckName(validator.name));
  if (validator.power == 0) return absl::InvalidArgumentError("power is 0, it must be at least 1");
  if (!crypto::IsValidPublicKey(validator.consensus_key)) {
    return absl::InvalidArgumentError("consensus key is not a valid Ed25519 public key");
  }
  if (!crypto::IsValidPublicKey(validator.node_key)) {
    return absl::InvalidArgumentError("node key is not a valid Ed25519 public key");
  }
  return absl::OkStatus();
}

template <typename Predicate>
std::optional<ValidatorIndex> FindFirst(const std::vector<Validator>& validators,
                                        const Predicate& matches) {
  for (uint32_t i = 0; i < validators.size(); ++i) {
    if (matches(validators[i])) return ValidatorIndex{i};
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<ValidatorSet> ValidatorSet::Create(std::vector<Validator> validators) {
  if (validators.empty() || validators.size() > kValidatorsMax) {
    return absl::InvalidArgumentError(absl::StrCat("validators: ", validators.size(),
                                                   " of them, allowed are 1 to ", kValidatorsMax));
  }
  ValidatorSet set;
  Uniqueness uniqueness;
  for (size_t i = 0; i < validators.size(); ++i) {
    const std::string what = absl::StrCat("validators[", i, "]");
    KILN_RETURN_IF_ERROR(Annotate(CheckValidator(validators[i]), what));
    KILN_RETURN_IF_ERROR(Annotate(uniqueness.Claim(validators[i]), what));
    if (validators[i].power > kTotalPowerMax - set.total_power_) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": power ", validators[i].power,
                                                     " takes the total above ", kTotalPowerMax,
                                                     ", the allowed maximum"));
    }
    set.total_power_ += validators[i].power;
  }
  set.hash_ = HashOfValidators(absl::MakeConstSpan(validators));
  set.validators_ = std::move(validators);
  return set;
}

absl::StatusOr<ValidatorSet> ValidatorSet::FromGenesis(const Genesis& genesis) {
  std::vector<Validator> validators;
  validators.reserve(genesis.validators.size());
  for (const GenesisValidator& validator : genesis.validators) {
    validators.push_back({.name = validator.name,
                          .consensus_key = validator.consensus_key,
                          .node_key = validator.node_key,
                          .power = validator.power});
  }
  return Create(std::move(validators));
}

const Validator& ValidatorSet::at(ValidatorIndex index) const {
  KILN_CHECK(Contains(index)) << "validator " << index << " of " << size();
  return validators_[index.value];
}

bool ValidatorSet::IsQuorum(uint64_t power) const {
  return absl::uint128(power) * 3 > absl::uint128(total_power_) * 2;
}

bool ValidatorSet::IsBlockingShare(uint64_t power) const {
  return absl::uint128(power) * 3 > absl::uint128(total_power_);
}

std::optional<ValidatorIndex> ValidatorSet::FindByConsensusKey(const crypto::PublicKey& key) const {
  return FindFirst(validators_, [&key](const Validator& v) { return v.consensus_key == key; });
}

std::optional<ValidatorIndex> ValidatorSet::FindByNodeKey(const crypto::PublicKey& key) const {
  return FindFirst(validators_, [&key](const Validator& v) { return v.node_key == key; });
}

std::optional<ValidatorIndex> ValidatorSet::FindByName(absl::string_view name) const {
  return FindFirst(validators_, [name](const Validator& v) { return v.name == name; });
}

}  // namespace kiln::consensus
