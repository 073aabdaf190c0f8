#include "network/frames.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/validator_set.h"
#include "crypto/encoding.h"

namespace kiln::network {
namespace {

// What may come beside a payload. The largest body is a timeout's or a proposal's: a quorum
// certificate (64 KiB of signatures at 1,024 validators, bitmap and fixed fields) and a timeout
// certificate (72 KiB likewise, and one more quorum certificate): below 3 x 64 + 8 + 1 KiB.
constexpr size_t kBodyBytesMax = 224 << 10;
static_assert(kBodyBytesMax >
                  3 * 64 * consensus::kValidatorsMax + 8 * consensus::kValidatorsMax + (1 << 10),
              "a proposal with both certificates must fit");
// Votes and requests have a fixed layout of less than this.
constexpr size_t kSmallBodyBytesMax = 256;
// A height, and a Merkle proof with one hash for each of 24 levels.
constexpr size_t kProofBytesMax = 1024;
constexpr size_t kChunkBodyBytesMax = kProofBytesMax + 16;
static_assert(kSnapshotChunkBytesMax + kChunkBodyBytesMax <= kBodyBytesMax + (64 << 10),
              "a chunk must fit a frame of the smallest blocks");

FramePtr MakeFrame(FrameKind kind, std::string body, consensus::SharedBytes payload = nullptr) {
  return std::make_shared<const Frame>(Frame{kind, std::move(body), std::move(payload)});
}

struct MessageEncoder {
  FramePtr operator()(const consensus::Proposal& proposal) const {
    return MakeFrame(FrameKind::kProposal, consensus::EncodeWithoutPayload(proposal),
                     proposal.block->payload);
  }
  FramePtr operator()(const consensus::Vote& vote) const {
    return MakeFrame(FrameKind::kVote, consensus::Encode(vote));
  }
  FramePtr operator()(const consensus::Timeout& timeout) const {
    return MakeFrame(FrameKind::kTimeout, consensus::Encode(timeout));
  }
  FramePtr operator()(const consensus::Certificates& certificates) const {
    return MakeFrame(FrameKind::kCertificates, consensus::Encode(certificates));
  }
  FramePtr operator()(const consensus::Blocks& blocks) const {
    return MakeFrame(FrameKind::kBlocks, consensus::Encode(blocks));
  }
  FramePtr operator()(const consensus::StandingRequest& request) const {
    return MakeFrame(FrameKind::kStandingRequest, consensus::Encode(request));
  }
  FramePtr operator()(const consensus::Standing& standing) const {
    return MakeFrame(FrameKind::kStanding, consensus::Encode(standing));
  }
};

size_t BodyBytesMax(FrameKind kind, const ChainLimits& limits) {
  switch (kind) {
    case FrameKind::kVote:
    case FrameKind::kBlockRequest:
    case FrameKind::kStandingRequest:
    case FrameKind::kSnapshotRequest:
      return kSmallBodyBytesMax;
    case FrameKind::kSnapshotChunk:
      return kChunkBodyBytesMax;
    case FrameKind::kProposal:
    case FrameKind::kTimeout:
    case FrameKind::kCertificates:
    case FrameKind::kStanding:
      return kBodyBytesMax;
    case FrameKind::kBlocks:
      return FrameBytesMax(limits);
    case FrameKind::kTransactions:
    case FrameKind::kSnapshotOffer:
    case FrameKind::kSnapshotOfferRequest:
    case FrameKind::kHello:
      return 0;
  }
  return 0;
}

size_t PayloadBytesMax(FrameKind kind, const ChainLimits& limits) {
  switch (kind) {
    case FrameKind::kProposal:
    case FrameKind::kTransactions:
      return limits.block_bytes_max;
    case FrameKind::kSnapshotOffer:
      return SnapshotOfferBytesMax(limits);
    case FrameKind::kSnapshotChunk:
      return kSnapshotChunkBytesMax;
    default:
      return 0;
  }
}

absl::Status CheckSizes(const Frame& frame, const ChainLimits& limits) {
  const auto kind = static_cast<int>(frame.kind);
  if (frame.body.size() > BodyBytesMax(frame.kind, limits)) {
    return absl::InvalidArgumentError(
        absl::StrCat("frame of kind ", kind, ": a body of ", frame.body.size(), " bytes"));
  }
  const size_t payload_bytes = frame.payload == nullptr ? 0 : frame.payload->size();
  if (payload_bytes > PayloadBytesMax(frame.kind, limits)) {
    return absl::InvalidArgumentError(
        absl::StrCat("frame of kind ", kind, ": a payload of ", payload_bytes, " bytes"));
  }
  return absl::OkStatus();
}

absl::StatusOr<TransactionBatch> DecodeBatch(consensus::SharedBytes payload,
                                             const ChainLimits& limits) {
  TransactionBatch batch;
  KILN_ASSIGN_OR_RETURN(batch.index, consensus::IndexBatch(*payload, limits));
  if (batch.index->entries.empty()) return absl::InvalidArgumentError("batch: no transactions");
  batch.payload = std::move(payload);
  return batch;
}

absl::StatusOr<SnapshotRequest> DecodeSnapshotRequest(absl::string_view body) {
  crypto::Decoder decoder("snapshot request", body);
  SnapshotRequest request;
  request.height = Height{decoder.U64()};
  request.chunk = decoder.U32();
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return request;
}

absl::StatusOr<SnapshotChunk> DecodeSnapshotChunk(absl::string_view body,
                                                  consensus::SharedBytes bytes) {
  crypto::Decoder decoder("snapshot chunk", body);
  SnapshotChunk chunk;
  chunk.height = Height{decoder.U64()};
  chunk.proof = std::string(decoder.Bytes(kProofBytesMax));
  if (bytes->empty()) decoder.Fail("without a byte");
  KILN_RETURN_IF_ERROR(decoder.Finish());
  chunk.bytes = std::move(bytes);
  return chunk;
}

// A decoded message as a PeerMessage.
template <typename T>
absl::StatusOr<PeerMessage> Wrap(absl::StatusOr<T> decoded) {
  if (!decoded.ok()) return decoded.status();
  if constexpr (std::is_constructible_v<consensus::Message, T>) {
    return PeerMessage(consensus::Message(*std::move(decoded)));
  } else {
    return PeerMessage(*std::move(decoded));
  }
}

}  // namespace

FramePtr EncodeFrame(const consensus::Message& message) {
  return std::visit(MessageEncoder(), message);
}

FramePtr EncodeFrame(const consensus::BlockRequest& request) {
  return MakeFrame(FrameKind::kBlockRequest, consensus::Encode(request));
}

FramePtr EncodeFrame(const TransactionBatch& batch) {
  return MakeFrame(FrameKind::kTransactions, "", batch.payload);
}

FramePtr EncodeFrame(const SnapshotOffer& offer) {
  return MakeFrame(FrameKind::kSnapshotOffer, "", offer.bytes);
}

FramePtr EncodeFrame(const SnapshotOfferRequest&) {
  return MakeFrame(FrameKind::kSnapshotOfferRequest, "");
}

FramePtr EncodeFrame(const SnapshotRequest& request) {
  crypto::Encoder body;
  body.U64(request.height.value).U32(request.chunk);
  return MakeFrame(FrameKind::kSnapshotRequest, std::move(body).Take());
}

FramePtr EncodeFrame(const SnapshotChunk& chunk) {
  crypto::Encoder body;
  body.U64(chunk.height.value).Bytes(chunk.proof);
  return MakeFrame(FrameKind::kSnapshotChunk, std::move(body).Take(), chunk.bytes);
}

absl::StatusOr<PeerMessage> DecodeFrame(Frame frame, const ChainLimits& limits) {
  KILN_RETURN_IF_ERROR(CheckSizes(frame, limits));
  // A payload without a byte and no payload travel alike.
  consensus::SharedBytes payload =
      frame.payload == nullptr ? std::make_shared<const std::string>() : std::move(frame.payload);
  switch (frame.kind) {
    case FrameKind::kProposal:
      return Wrap(consensus::DecodeProposal(frame.body, std::move(payload), limits));
    case FrameKind::kVote:
      return Wrap(consensus::DecodeVote(frame.body));
    case FrameKind::kTimeout:
      return Wrap(consensus::DecodeTimeout(frame.body));
    case FrameKind::kCertificates:
      return Wrap(consensus::DecodeCertificates(frame.body));
    case FrameKind::kBlocks:
      return Wrap(consensus::DecodeBlocks(frame.body, limits));
    case FrameKind::kTransactions:
      return Wrap(DecodeBatch(std::move(payload), limits));
    case FrameKind::kBlockRequest:
      return Wrap(consensus::DecodeBlockRequest(frame.body));
    case FrameKind::kStandingRequest:
      return Wrap(consensus::DecodeStandingRequest(frame.body));
    case FrameKind::kStanding:
      return Wrap(consensus::DecodeStanding(frame.body));
    case FrameKind::kSnapshotOffer:
      return PeerMessage(SnapshotOffer{.bytes = std::move(payload)});
    case FrameKind::kSnapshotRequest:
      return Wrap(DecodeSnapshotRequest(frame.body));
    case FrameKind::kSnapshotChunk:
      return Wrap(DecodeSnapshotChunk(frame.body, std::move(payload)));
    case FrameKind::kSnapshotOfferRequest:
      return PeerMessage(SnapshotOfferRequest{});
    case FrameKind::kHello:
      break;
  }
  return absl::InvalidArgumentError("frame: unknown kind");
}

size_t FrameBytesMax(const ChainLimits& limits) {
  return limits.block_bytes_max + kBodyBytesMax;
}

size_t SnapshotOfferBytesMax(const ChainLimits& limits) {
  return FrameBytesMax(limits);
}

}  // namespace kiln::network
