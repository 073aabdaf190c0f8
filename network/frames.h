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

inline constexpr uint32_t kProtocolVersion = 2;

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
};
inline constexpr FrameKind kLastFrameKind = FrameKind::kStanding;

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

using PeerMessage = std::variant<consensus::Message, consensus::BlockRequest, TransactionBatch>;

FramePtr EncodeFrame(const consensus::Message& message);
FramePtr EncodeFrame(const consensus::BlockRequest& request);
FramePtr EncodeFrame(const TransactionBatch& batch);

// Checks every bound; takes what it can without copying. Hashes payloads: those of large
// frames are not for gRPC's threads.
absl::StatusOr<PeerMessage> DecodeFrame(Frame frame, const ChainLimits& limits);

// The largest frame that an honest peer sends.
size_t FrameBytesMax(const ChainLimits& limits);

}  // namespace kiln::network

#endif  // KILN_NETWORK_FRAMES_H_
