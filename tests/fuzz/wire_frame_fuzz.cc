#include <memory>
#include <string>

#include "network/peer_wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wire.h"

namespace kiln::fuzz {
namespace {

constexpr size_t kBytesMax = 8 << 10;  // of a frame: inputs reach it

bool Equal(const network::Frame& a, const network::Frame& b) {
  const absl::string_view none;
  return a.kind == b.kind && a.body == b.body &&
         (a.payload == nullptr ? none : *a.payload) == (b.payload == nullptr ? none : *b.payload);
}

}  // namespace

// The length of slices, the frame. Protocol Buffers have no canonical encoding.
KILN_FUZZ_TARGET(wire_frame) {
  const size_t slice_bytes = 1 + TakeByte(&input);
  const absl::StatusOr<network::Frame> frame =
      network::DecodeWireFrame(ToByteBuffer(input, slice_bytes), kBytesMax);
  const absl::StatusOr<network::Frame> whole =
      network::DecodeWireFrame(ToByteBuffer(input, kInputBytesMax), kBytesMax);
  Expect(frame.status() == whole.status(), "slices make no difference");
  if (!frame.ok()) {
    ExpectReadable(frame.status());
    return false;
  }
  Expect(Equal(*frame, *whole), "slices make no difference to what is read");
  Expect(frame->bytes() <= kBytesMax && frame->bytes() <= input.size(), "frames are bounded");
  const grpc::ByteBuffer again =
      network::EncodeWireFrame(std::make_shared<const network::Frame>(*frame));
  const absl::StatusOr<network::Frame> twice = network::DecodeWireFrame(again, kBytesMax);
  Expect(twice.ok() && Equal(*frame, *twice), "what decodes encodes to an equal frame");
  return true;
}

}  // namespace kiln::fuzz
