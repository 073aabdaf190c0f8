// Bytes between validators, and what they mean.
#ifndef KILN_NETWORK_FRAMES_H_
#define KILN_NETWORK_FRAMES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/messages.h"
#include "consensus/payload.h"
#include "kiln/genesis.h"

namespace kiln::network {

inline constexpr uint32_t kProtocolVersion = 5;

enum class FrameKind : uint8_t {
  kHello = 0,  // the transport's own
  kProposal = 1,
  kVote = 2,
  kTimeout = 3,
  kCertificates = 4,
  kBlocks = 5,
  kTransactions = 6,  // a batch for the other mempools, laid out as a payload
  kBlockRequest = 7,
  kStandingRequest = 8,
  kStanding = 9,
  kSnapshotOffer = 10,
  kSnapshotRequest = 11,
  kSnapshotChunk = 12,
  kSnapshotOfferRequest = 13,
};
inline constexpr FrameKind kLastFrameKind = FrameKind::kSnapshotOfferRequest;

// Immutable once made; one frame is shared by the queues of all peers that it goes to.
struct Frame {
  FrameKind kind = FrameKind::kHello;
  std::string body;
  consensus::SharedBytes payload;  // may be null: empty

  size_t bytes() const { return body.size() + (payload ? payload->size() : 0); }
};
using FramePtr = std::shared_ptr<const Frame>;

struct TransactionBatch {
  consensus::SharedBytes payload;
  std::shared_ptr<const consensus::PayloadIndex> index;
};

// What is sent in the place of blocks that are gone, or to whoever asks for it: a snapshot, and why
// it is the chain's, in a layout that whoever keeps ledgers knows (storage/snapshot_offer.h).
struct SnapshotOffer {
  consensus::SharedBytes bytes;
};
// From a validator that is too far behind for blocks: which snapshot is there?
struct SnapshotOfferRequest {};
// For one chunk of the snapshot of that height.
struct SnapshotRequest {
  Height height;
  uint32_t chunk = 0;
};
// One chunk, and the Merkle proof that it is the snapshot's: whichever it is, the proof says.
struct SnapshotChunk {
  Height height;
  std::string proof;
  consensus::SharedBytes bytes;
};
inline constexpr size_t kSnapshotChunkBytesMax = 256 << 10;

using PeerMessage =
    std::variant<consensus::Message, consensus::BlockRequest, TransactionBatch, SnapshotOffer,
                 SnapshotRequest, SnapshotChunk, SnapshotOfferRequest>;

FramePtr EncodeFrame(const consensus::Message& message);
FramePtr EncodeFrame(const consensus::BlockRequest& request);
FramePtr EncodeFrame(const TransactionBatch& batch);
FramePtr EncodeFrame(const SnapshotOffer& offer);
FramePtr EncodeFrame(const SnapshotOfferRequest& request);
FramePtr EncodeFrame(const SnapshotRequest& request);
FramePtr EncodeFrame(const SnapshotChunk& chunk);

// Checks every bound; takes what it can without copying. Hashes payloads: those of large
// frames are not for gRPC's threads.
absl::StatusOr<PeerMessage> DecodeFrame(Frame frame, const ChainLimits& limits);

// The largest frame that an honest peer sends.
size_t FrameBytesMax(const ChainLimits& limits);
// Of a SnapshotOffer's bytes.
size_t SnapshotOfferBytesMax(const ChainLimits& limits);

}  // namespace kiln::network

#endif  // KILN_NETWORK_FRAMES_H_
