// Frames as they travel: the Protocol Buffers encoding of kiln.v1.Frame, written and read by hand
// so that bodies and payloads are never copied on the way out and once on the way in, and so that
// nothing is allocated beyond what arrived.
#ifndef KILN_NETWORK_PEER_WIRE_H_
#define KILN_NETWORK_PEER_WIRE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "crypto/ed25519.h"
#include "kiln/types.h"
#include "network/frames.h"

namespace grpc {
class ByteBuffer;
}  // namespace grpc

namespace kiln::network {

// Tags and lengths in front of body and payload.
inline constexpr size_t kWireOverheadBytesMax = 32;
inline constexpr size_t kHelloBytesMax = 256;

// Who speaks, before anything else is said.
struct Hello {
  uint32_t protocol_version = kProtocolVersion;
  Hash chain_id;
  crypto::PublicKey node_key{};
  ValidatorIndex index;
};

// Shares the frame's bytes. REQUIRES: frame->kind is not kHello.
grpc::ByteBuffer EncodeWireFrame(const FramePtr& frame);
grpc::ByteBuffer EncodeWireHello(const Hello& hello);

// InvalidArgument for a hello in place of a frame and the reverse, unknown kinds, unknown, repeated
// and cut fields, and for more than `bytes_max` bytes of body and payload.
absl::StatusOr<Frame> DecodeWireFrame(const grpc::ByteBuffer& wire, size_t bytes_max);
absl::StatusOr<Hello> DecodeWireHello(const grpc::ByteBuffer& wire);

}  // namespace kiln::network

#endif  // KILN_NETWORK_PEER_WIRE_H_
