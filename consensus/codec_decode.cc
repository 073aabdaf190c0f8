#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/validator_set.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln::consensus {
namespace {

using crypto::Decoder;

constexpr size_t kBitmapBytesMax = kValidatorsMax / 8;

Header ReadHeader(Decoder& from) {
  Header header;
  header.chain_id = from.Digest();
  header.epoch = {from.U64()};
  header.round = {from.U64()};
  header.height = {from.U64()};
  header.parent_id = from.Digest();
  header.parent_round = {from.U64()};
  header.justify_hash = from.Digest();
  header.payload_root = from.Digest();
  header.executed_height = {from.U64()};
  header.state_root = from.Digest();
  header.time_us = from.U64();
  header.proposer = {from.U32()};
  header.epoch_end = from.Bool();
  return header;
}

SignerBitmap ReadBitmap(Decoder& from) {
  return SignerBitmap::FromBytes(std::string(from.Bytes(kBitmapBytesMax)));
}

// The length of a list that has one item for each signer; 0 when it is any other. The bitmap bounds
// it, so that a caller may reserve.
size_t ReadCountFor(const SignerBitmap& signers, absl::string_view list, Decoder& from) {
  const size_t count = from.U16();
  if (count == signers.Count()) return count;
  from.Fail(absl::StrCat(list, ": ", count, " for ", signers.Count(), " signers"));
  return 0;
}

std::vector<crypto::Signature> ReadSignatures(const SignerBitmap& signers, Decoder& from) {
  const size_t count = ReadCountFor(signers, "signatures", from);
  std::vector<crypto::Signature> signatures(count);
  for (crypto::Signature& signature : signatures) signature = from.Array<64>();
  return signatures;
}

QuorumCertificate ReadQuorumCertificate(Decoder& from) {
  QuorumCertificate qc;
  qc.epoch = {from.U64()};
  qc.round = {from.U64()};
  qc.block_id = from.Digest();
  qc.signers = ReadBitmap(from);
  qc.signatures = ReadSignatures(qc.signers, from);
  return qc;
}

TimeoutCertificate ReadTimeoutCertificate(Decoder& from) {
  TimeoutCertificate tc;
  tc.epoch = {from.U64()};
  tc.round = {from.U64()};
  tc.signers = ReadBitmap(from);
  tc.high_qc_rounds.resize(ReadCountFor(tc.signers, "high QC rounds", from));
  for (Round& round : tc.high_qc_rounds) round = {from.U64()};
  tc.signatures = ReadSignatures(tc.signers, from);
  tc.high_qc = ReadQuorumCertificate(from);
  return tc;
}

Vote ReadVote(Decoder& from) {
  Vote vote;
  vote.epoch = {from.U64()};
  vote.round = {from.U64()};
  vote.block_id = from.Digest();
  vote.author = {from.U32()};
  vote.signature = from.Array<64>();
  return vote;
}

template <typename T>
std::optional<T> ReadOptional(Decoder& from, T (*read)(Decoder&)) {
  if (!from.Bool()) return std::nullopt;
  return read(from);
}

Timeout ReadTimeout(Decoder& from) {
  Timeout timeout;
  timeout.epoch = {from.U64()};
  timeout.round = {from.U64()};
  timeout.author = {from.U32()};
  timeout.high_qc = ReadQuorumCertificate(from);
  timeout.last_tc = ReadOptional(from, &ReadTimeoutCertificate);
  timeout.signature = from.Array<64>();
  return timeout;
}

template <typename T>
absl::StatusOr<T> DecodeOne(absl::string_view what, absl::string_view bytes, T (*read)(Decoder&)) {
  Decoder decoder(what, bytes);
  T value = read(decoder);
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return value;
}

// A block with everything its invariant asks for, or what it lacks.
absl::StatusOr<BlockPtr> Assemble(const Header& header, QuorumCertificate justify,
                                  SharedBytes payload, const ChainLimits& limits) {
  if (HashOf(justify) != header.justify_hash) {
    return absl::InvalidArgumentError("justify hash is not that of the certificate");
  }
  KILN_ASSIGN_OR_RETURN(std::shared_ptr<const PayloadIndex> index, IndexPayload(*payload, limits));
  if (index->root != header.payload_root) {
    return absl::InvalidArgumentError("payload root is not that of the payload");
  }
  return AssembleBlock(header, std::move(justify), std::move(payload), std::move(index));
}

Certificates ReadCertificates(Decoder& from) {
  Certificates certificates;
  certificates.high_qc = ReadQuorumCertificate(from);
  certificates.last_tc = ReadOptional(from, &ReadTimeoutCertificate);
  return certificates;
}

BlockRequest ReadBlockRequest(Decoder& from) {
  BlockRequest request;
  request.block_id = from.Digest();
  request.above_height = {from.U64()};
  request.count = from.U32();
  if (request.count == 0 || request.count > kBlocksPerAnswerMax) {
    from.Fail(absl::StrCat("count is ", request.count, ", allowed are 1 to ", kBlocksPerAnswerMax));
  }
  return request;
}

StandingRequest ReadStandingRequest(Decoder& from) {
  return {.nonce = from.Digest()};
}

Standing ReadStanding(Decoder& from) {
  Standing standing;
  standing.epoch = {from.U64()};
  standing.author = {from.U32()};
  standing.asker = {from.U32()};
  standing.nonce = from.Digest();
  standing.last_voted_round = {from.U64()};
  standing.high_qc = ReadQuorumCertificate(from);
  standing.last_tc = ReadOptional(from, &ReadTimeoutCertificate);
  standing.signature = from.Array<64>();
  return standing;
}

SafetyRecord ReadSafetyRecord(Decoder& from) {
  SafetyRecord record;
  record.epoch = {from.U64()};
  record.last_voted_round = {from.U64()};
  record.locked_qc_round = {from.U64()};
  record.last_proposed_round = {from.U64()};
  record.high_qc = ReadQuorumCertificate(from);
  record.last_tc = ReadOptional(from, &ReadTimeoutCertificate);
  record.last_vote = ReadOptional(from, &ReadVote);
  record.last_timeout = ReadOptional(from, &ReadTimeout);
  return record;
}

// Bytes can be whole and still not be what any replica wrote.
absl::Status CheckConsistency(const SafetyRecord& record) {
  const auto contradiction = [&record](absl::string_view what, Round round) {
    return absl::DataLossError(absl::StrCat("safety record: last voted round is ",
                                            record.last_voted_round.value, ", but a ", what,
                                            " for round ", round.value, " was signed"));
  };
  if (record.last_vote.has_value() && record.last_vote->round > record.last_voted_round) {
    return contradiction("vote", record.last_vote->round);
  }
  if (record.last_timeout.has_value() && record.last_timeout->round > record.last_voted_round) {
    return contradiction("timeout", record.last_timeout->round);
  }
  if (record.locked_qc_round > record.high_qc.round) {
    return absl::DataLossError(
        absl::StrCat("safety record: locked round is ", record.locked_qc_round.value,
                     ", but the highest QC has round ", record.high_qc.round.value));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Header> DecodeHeader(absl::string_view bytes) {
  return DecodeOne("header", bytes, &ReadHeader);
}
absl::StatusOr<QuorumCertificate> DecodeQuorumCertificate(absl::string_view bytes) {
  return DecodeOne("quorum certificate", bytes, &ReadQuorumCertificate);
}
absl::StatusOr<TimeoutCertificate> DecodeTimeoutCertificate(absl::string_view bytes) {
  return DecodeOne("timeout certificate", bytes, &ReadTimeoutCertificate);
}
absl::StatusOr<Vote> DecodeVote(absl::string_view bytes) {
  return DecodeOne("vote", bytes, &ReadVote);
}
absl::StatusOr<Timeout> DecodeTimeout(absl::string_view bytes) {
  return DecodeOne("timeout", bytes, &ReadTimeout);
}
absl::StatusOr<Certificates> DecodeCertificates(absl::string_view bytes) {
  return DecodeOne("certificates", bytes, &ReadCertificates);
}
absl::StatusOr<BlockRequest> DecodeBlockRequest(absl::string_view bytes) {
  return DecodeOne("block request", bytes, &ReadBlockRequest);
}

absl::StatusOr<StandingRequest> DecodeStandingRequest(absl::string_view bytes) {
  return DecodeOne("standing request", bytes, &ReadStandingRequest);
}
absl::StatusOr<Standing> DecodeStanding(absl::string_view bytes) {
  return DecodeOne("standing", bytes, &ReadStanding);
}

absl::StatusOr<SafetyRecord> DecodeSafetyRecord(absl::string_view bytes) {
  if (bytes.size() < Hash::kBytes) {
    return absl::DataLossError(
        absl::StrCat("safety record: only ", bytes.size(), " bytes are left of it"));
  }
  const absl::string_view body = bytes.substr(0, bytes.size() - Hash::kBytes);
  if (crypto::HashBytes(crypto::kDomainChecksum, body).view() != bytes.substr(body.size())) {
    return absl::DataLossError("safety record: checksum does not match");
  }
  absl::StatusOr<SafetyRecord> record = DecodeOne("safety record", body, &ReadSafetyRecord);
  if (!record.ok()) return absl::DataLossError(record.status().message());
  KILN_RETURN_IF_ERROR(CheckConsistency(*record));
  return record;
}

absl::StatusOr<BlockPtr> DecodeBlock(absl::string_view bytes_without_payload, SharedBytes payload,
                                     const ChainLimits& limits) {
  Decoder decoder("block", bytes_without_payload);
  const Header header = ReadHeader(decoder);
  QuorumCertificate justify = ReadQuorumCertificate(decoder);
  KILN_RETURN_IF_ERROR(decoder.Finish());
  absl::StatusOr<BlockPtr> block = Assemble(header, std::move(justify), std::move(payload), limits);
  if (!block.ok()) return Annotate(block.status(), "block");
  return block;
}

absl::StatusOr<Proposal> DecodeProposal(absl::string_view bytes_without_payload,
                                        SharedBytes payload, const ChainLimits& limits) {
  Decoder decoder("proposal", bytes_without_payload);
  const Header header = ReadHeader(decoder);
  QuorumCertificate justify = ReadQuorumCertificate(decoder);
  Proposal proposal;
  proposal.tc = ReadOptional(decoder, &ReadTimeoutCertificate);
  proposal.signature = decoder.Array<64>();
  KILN_RETURN_IF_ERROR(decoder.Finish());
  absl::StatusOr<BlockPtr> block = Assemble(header, std::move(justify), std::move(payload), limits);
  if (!block.ok()) return Annotate(block.status(), "proposal");
  proposal.block = *std::move(block);
  return proposal;
}

absl::StatusOr<Blocks> DecodeBlocks(absl::string_view bytes, const ChainLimits& limits) {
  Decoder decoder("blocks", bytes);
  const size_t count = decoder.U16();
  if (count == 0 || count > kBlocksPerAnswerMax) {
    decoder.Fail(absl::StrCat(count, " of them, allowed are 1 to ", kBlocksPerAnswerMax));
  }
  Blocks blocks;
  for (size_t i = 0; i < count && decoder.ok(); ++i) {
    const Header header = ReadHeader(decoder);
    QuorumCertificate justify = ReadQuorumCertificate(decoder);
    const absl::string_view payload = decoder.Bytes(limits.block_bytes_max);
    KILN_RETURN_IF_ERROR(decoder.status());
    absl::StatusOr<BlockPtr> block =
        Assemble(header, std::move(justify), std::make_shared<const std::string>(payload), limits);
    if (!block.ok()) return Annotate(block.status(), absl::StrCat("blocks: block ", i));
    blocks.blocks.push_back(*std::move(block));
  }
  blocks.tip_qc = ReadOptional(decoder, &ReadQuorumCertificate);
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return blocks;
}

}  // namespace kiln::consensus
