#include <utility>

#include "consensus/codec.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln::consensus {
namespace {

using crypto::Encoder;

// A header, or a vote and more, without certificates.
constexpr size_t kFixedBytes = 256;

void Write(Encoder& to, const Header& header) {
  to.Digest(header.chain_id)
      .U64(header.epoch.value)
      .U64(header.round.value)
      .U64(header.height.value)
      .Digest(header.parent_id)
      .U64(header.parent_round.value)
      .Digest(header.justify_hash)
      .Digest(header.payload_root)
      .U64(header.executed_height.value)
      .Digest(header.state_root)
      .U64(header.time_us)
      .U32(header.proposer.value)
      .U8(header.epoch_end ? 1 : 0);
}

void Write(Encoder& to, const std::vector<crypto::Signature>& signatures) {
  to.U16(static_cast<uint16_t>(signatures.size()));
  for (const crypto::Signature& signature : signatures) to.Array(signature);
}

void Write(Encoder& to, const QuorumCertificate& qc) {
  to.U64(qc.epoch.value).U64(qc.round.value).Digest(qc.block_id).Bytes(qc.signers.bytes());
  Write(to, qc.signatures);
}

void Write(Encoder& to, const TimeoutCertificate& tc) {
  to.U64(tc.epoch.value).U64(tc.round.value).Bytes(tc.signers.bytes());
  to.U16(static_cast<uint16_t>(tc.high_qc_rounds.size()));
  for (const Round round : tc.high_qc_rounds) to.U64(round.value);
  Write(to, tc.signatures);
  Write(to, tc.high_qc);
}

void Write(Encoder& to, const Vote& vote) {
  to.U64(vote.epoch.value)
      .U64(vote.round.value)
      .Digest(vote.block_id)
      .U32(vote.author.value)
      .Array(vote.signature);
}

void Write(Encoder& to, const Timeout& timeout);

// u8 0, or u8 1 and the value.
template <typename T>
void Write(Encoder& to, const std::optional<T>& value) {
  to.U8(value.has_value() ? 1 : 0);
  if (value.has_value()) Write(to, *value);
}

void Write(Encoder& to, const Timeout& timeout) {
  to.U64(timeout.epoch.value).U64(timeout.round.value).U32(timeout.author.value);
  Write(to, timeout.high_qc);
  Write(to, timeout.last_tc);
  to.Array(timeout.signature);
}

void WriteWithoutSignature(Encoder& to, const Standing& standing) {
  to.U64(standing.epoch.value)
      .U32(standing.author.value)
      .U32(standing.asker.value)
      .Digest(standing.nonce)
      .U64(standing.last_voted_round.value);
  Write(to, standing.high_qc);
  Write(to, standing.last_tc);
}

void WriteWithoutPayload(Encoder& to, const Block& block) {
  Write(to, block.header);
  Write(to, block.justify);
}

// What a certificate takes with a header or a vote around it, nearly; to reserve, no limit.
size_t UsualBytes(const QuorumCertificate& qc) {
  return kFixedBytes + qc.signatures.size() * sizeof(crypto::Signature);
}

template <typename T>
std::string EncodeOne(const T& value, size_t usual_bytes) {
  Encoder encoder;
  encoder.Reserve(usual_bytes);
  Write(encoder, value);
  return std::move(encoder).Take();
}

}  // namespace

std::string Encode(const Header& header) {
  return EncodeOne(header, kFixedBytes);
}
std::string Encode(const QuorumCertificate& qc) {
  return EncodeOne(qc, UsualBytes(qc));
}
std::string Encode(const TimeoutCertificate& tc) {
  return EncodeOne(tc, 2 * UsualBytes(tc.high_qc));
}
std::string Encode(const Vote& vote) {
  return EncodeOne(vote, kFixedBytes / 2);
}
std::string Encode(const Timeout& timeout) {
  return EncodeOne(timeout, UsualBytes(timeout.high_qc));
}

std::string Encode(const Certificates& certificates) {
  Encoder encoder;
  encoder.Reserve(UsualBytes(certificates.high_qc));
  Write(encoder, certificates.high_qc);
  Write(encoder, certificates.last_tc);
  return std::move(encoder).Take();
}

std::string Encode(const BlockRequest& request) {
  Encoder encoder;
  encoder.Digest(request.block_id).U64(request.above_height.value).U32(request.count);
  return std::move(encoder).Take();
}

std::string Encode(const StandingRequest& request) {
  Encoder encoder;
  encoder.Digest(request.nonce);
  return std::move(encoder).Take();
}

std::string Encode(const Standing& standing) {
  Encoder encoder;
  encoder.Reserve(UsualBytes(standing.high_qc));
  WriteWithoutSignature(encoder, standing);
  encoder.Array(standing.signature);
  return std::move(encoder).Take();
}

std::string Encode(const SafetyRecord& record) {
  Encoder encoder;
  encoder.Reserve(2 * UsualBytes(record.high_qc));
  encoder.U64(record.epoch.value)
      .U64(record.last_voted_round.value)
      .U64(record.locked_qc_round.value)
      .U64(record.last_proposed_round.value);
  Write(encoder, record.high_qc);
  Write(encoder, record.last_tc);
  Write(encoder, record.last_vote);
  Write(encoder, record.last_timeout);
  encoder.Digest(crypto::HashBytes(crypto::kDomainChecksum, encoder.view()));
  return std::move(encoder).Take();
}

std::string EncodeWithoutPayload(const Block& block) {
  Encoder encoder;
  encoder.Reserve(kFixedBytes + UsualBytes(block.justify));
  WriteWithoutPayload(encoder, block);
  return std::move(encoder).Take();
}

std::string EncodeWithoutPayload(const Proposal& proposal) {
  Encoder encoder;
  encoder.Reserve(2 * kFixedBytes + UsualBytes(proposal.block->justify));
  WriteWithoutPayload(encoder, *proposal.block);
  Write(encoder, proposal.tc);
  encoder.Array(proposal.signature);
  return std::move(encoder).Take();
}

std::string Encode(const Blocks& blocks) {
  Encoder encoder;
  encoder.U16(static_cast<uint16_t>(blocks.blocks.size()));
  for (const BlockPtr& block : blocks.blocks) {
    WriteWithoutPayload(encoder, *block);
    encoder.Bytes(*block->payload);
  }
  Write(encoder, blocks.tip_qc);
  return std::move(encoder).Take();
}

Hash HashOf(const Header& header) {
  return crypto::HashBytes(crypto::kDomainBlock, Encode(header));
}

Hash HashOf(const QuorumCertificate& qc) {
  return crypto::HashBytes(crypto::kDomainQuorumCertificate, Encode(qc));
}

Hash HashOf(const TimeoutCertificate& tc) {
  return crypto::HashBytes(crypto::kDomainTimeoutCertificate, Encode(tc));
}

Hash HashWithoutSignature(const Standing& standing) {
  Encoder encoder;
  WriteWithoutSignature(encoder, standing);
  return crypto::HashBytes(crypto::kDomainStanding, encoder.view());
}

}  // namespace kiln::consensus
