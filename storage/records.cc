#include "storage/records.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"

namespace kiln::storage {
namespace {

// Bytes of a part of a record: the longest are certificates of 1,024 signers, about 66 KiB.
constexpr size_t kPartBytesMax = 1 << 20;
constexpr size_t kReplyHeaderBytes = 8;  // code, length

// Two parts, each with its length in front.
std::string EncodePair(absl::string_view first, absl::string_view second) {
  crypto::Encoder encoder;
  encoder.Reserve(first.size() + second.size() + 8);
  encoder.Bytes(first).Bytes(second);
  return std::move(encoder).Take();
}

struct HeaderAndCertificate {
  consensus::Header header;
  consensus::QuorumCertificate certificate;
};

absl::StatusOr<HeaderAndCertificate> DecodePair(absl::string_view what, absl::string_view bytes) {
  crypto::Decoder decoder(what, bytes);
  const absl::string_view header_bytes = decoder.Bytes(kPartBytesMax);
  const absl::string_view certificate_bytes = decoder.Bytes(kPartBytesMax);
  KILN_RETURN_IF_ERROR(decoder.Finish());
  KILN_ASSIGN_OR_RETURN(consensus::Header header, consensus::DecodeHeader(header_bytes));
  KILN_ASSIGN_OR_RETURN(consensus::QuorumCertificate certificate,
                        consensus::DecodeQuorumCertificate(certificate_bytes));
  return HeaderAndCertificate{std::move(header), std::move(certificate)};
}

}  // namespace

std::string EncodeBlockRecord(const consensus::Block& block) {
  return EncodePair(consensus::Encode(block.header), consensus::Encode(block.justify));
}

absl::StatusOr<BlockRecord> DecodeBlockRecord(absl::string_view bytes) {
  KILN_ASSIGN_OR_RETURN(HeaderAndCertificate pair, DecodePair("block record", bytes));
  return BlockRecord{std::move(pair.header), std::move(pair.certificate)};
}

std::string EncodeCommitRecord(const consensus::Header& child,
                               const consensus::QuorumCertificate& certificate) {
  return EncodePair(consensus::Encode(child), consensus::Encode(certificate));
}

absl::StatusOr<CommitRecord> DecodeCommitRecord(absl::string_view bytes) {
  KILN_ASSIGN_OR_RETURN(HeaderAndCertificate pair, DecodePair("commit record", bytes));
  return CommitRecord{std::move(pair.header), std::move(pair.certificate)};
}

std::string EncodeResultIds(const BlockResults& results) {
  crypto::Encoder encoder;
  const std::string state = consensus::Encode(results.state);
  encoder.Reserve(state.size() + 4 + results.ids.size() * sizeof(TransactionIdPrefix) + 24);
  encoder.Bytes(state).U64(results.total_transactions);
  for (const TransactionIdPrefix& id : results.ids) encoder.Array(id);
  return std::move(encoder).Take();
}

absl::StatusOr<ResultIds> DecodeResultIds(absl::string_view bytes) {
  crypto::Decoder decoder("result ids", bytes);
  const absl::string_view state_bytes = decoder.Bytes(kPartBytesMax);
  const uint64_t total_transactions = decoder.U64();
  const absl::string_view prefixes = decoder.Raw(decoder.remaining());
  if (prefixes.size() % sizeof(TransactionIdPrefix) != 0) decoder.Fail("an id prefix is cut");
  KILN_RETURN_IF_ERROR(decoder.Finish());
  KILN_ASSIGN_OR_RETURN(consensus::ExecutedState state,
                        consensus::DecodeExecutedState(state_bytes));
  return ResultIds{std::move(state), total_transactions, prefixes};
}

std::string EncodeReplies(const std::vector<Reply>& replies) {
  size_t bytes = 4;
  for (const Reply& reply : replies) bytes += kReplyHeaderBytes + reply.bytes.size();
  crypto::Encoder encoder;
  encoder.Reserve(bytes + 16);
  encoder.U32(static_cast<uint32_t>(replies.size()));
  for (const Reply& reply : replies) encoder.U32(reply.code).Bytes(reply.bytes);
  return std::move(encoder).Take();
}

absl::StatusOr<std::vector<Reply>> DecodeReplies(absl::string_view bytes) {
  crypto::Decoder decoder("replies", bytes);
  const uint32_t count = decoder.U32();
  if (count > decoder.remaining() / kReplyHeaderBytes) decoder.Fail("more replies than bytes");
  std::vector<Reply> replies;
  if (decoder.ok()) replies.reserve(count);
  for (uint32_t i = 0; i < count && decoder.ok(); ++i) {
    const uint32_t code = decoder.U32();
    const absl::string_view text = decoder.Bytes(bytes.size());
    replies.push_back({.code = code, .bytes = std::string(text)});
  }
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return replies;
}

std::string EncodeWindowIds(const std::vector<TransactionIdPrefix>& ids) {
  crypto::Encoder encoder;
  encoder.Reserve(ids.size() * sizeof(TransactionIdPrefix));
  for (const TransactionIdPrefix& id : ids) encoder.Array(id);
  return std::move(encoder).Take();
}

absl::StatusOr<std::vector<TransactionIdPrefix>> DecodeWindowIds(absl::string_view bytes) {
  constexpr size_t kIdBytes = sizeof(TransactionIdPrefix);
  if (bytes.size() % kIdBytes != 0) return absl::InvalidArgumentError("window ids: one is cut");
  std::vector<TransactionIdPrefix> ids(bytes.size() / kIdBytes);
  for (size_t i = 0; i < ids.size(); ++i) {
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(i * kIdBytes), kIdBytes, ids[i].begin());
  }
  return ids;
}

std::string EncodeIndexedHeight(Height height) {
  crypto::Encoder encoder;
  encoder.U64(height.value);
  return std::move(encoder).Take();
}

std::string EncodeHead(const HeadRecord& head) {
  crypto::Encoder encoder;
  encoder.U64(head.height.value).Digest(head.id);
  return std::move(encoder).Take();
}

absl::StatusOr<HeadRecord> DecodeHead(absl::string_view bytes) {
  crypto::Decoder decoder("committed head", bytes);
  const HeadRecord head{.height = Height{decoder.U64()}, .id = decoder.Digest()};
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return head;
}

}  // namespace kiln::storage
