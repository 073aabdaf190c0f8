// The hash that stands for a validator set in states and proofs.
#ifndef KILN_CONSENSUS_VALIDATOR_SET_HASH_H_
#define KILN_CONSENSUS_VALIDATOR_SET_HASH_H_

#include <cstdint>

#include "absl/types/span.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "kiln/types.h"

namespace kiln::consensus {

// Of members in their order, sound or not: ValidatorSet::Create is where they are checked, which
// costs two multiplications on the curve for each. `Member` is a Validator or a GenesisValidator.
template <typename Member>
Hash HashOfValidators(absl::Span<const Member> members) {
  crypto::Encoder encoder;
  encoder.U32(static_cast<uint32_t>(members.size()));
  for (const Member& member : members) {
    encoder.Bytes(member.name).Array(member.consensus_key).Array(member.node_key).U64(member.power);
  }
  return crypto::HashBytes(crypto::kDomainValidatorSet, encoder.view());
}

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_VALIDATOR_SET_HASH_H_
