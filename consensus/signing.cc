#include "consensus/signing.h"

#include <utility>

#include "consensus/codec.h"
#include "crypto/encoding.h"

namespace kiln::consensus {
namespace {

constexpr size_t kUsualBytes = 128;  // nothing that is signed is longer

// u8 length of the domain, domain, chain id, u64 epoch, u64 round: in front of whatever is signed.
crypto::Encoder SignedContext(absl::string_view domain, const Hash& chain_id, Epoch epoch,
                              Round round) {
  crypto::Encoder encoder;
  encoder.Reserve(kUsualBytes);
  encoder.U8(static_cast<uint8_t>(domain.size()))
      .Raw(domain)
      .Digest(chain_id)
      .U64(epoch.value)
      .U64(round.value);
  return encoder;
}

}  // namespace

std::string VoteBytes(const Hash& chain_id, Epoch epoch, Round round, const Hash& block_id) {
  crypto::Encoder encoder = SignedContext(kVoteDomain, chain_id, epoch, round);
  encoder.Digest(block_id);
  return std::move(encoder).Take();
}

std::string TimeoutBytes(const Hash& chain_id, Epoch epoch, Round round, Round high_qc_round) {
  crypto::Encoder encoder = SignedContext(kTimeoutDomain, chain_id, epoch, round);
  encoder.U64(high_qc_round.value);
  return std::move(encoder).Take();
}

std::string ProposalBytes(const Hash& chain_id, Epoch epoch, Round round, const Hash& block_id) {
  crypto::Encoder encoder = SignedContext(kProposalDomain, chain_id, epoch, round);
  encoder.Digest(block_id);
  return std::move(encoder).Take();
}

std::string StandingBytes(const Hash& chain_id, const Standing& standing) {
  crypto::Encoder encoder =
      SignedContext(kStandingDomain, chain_id, standing.epoch, standing.round());
  encoder.Digest(HashWithoutSignature(standing));
  return std::move(encoder).Take();
}

}  // namespace kiln::consensus
