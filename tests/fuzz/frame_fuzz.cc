#include <string>
#include <utility>
#include <variant>

#include "network/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

absl::string_view PayloadOf(const network::Frame& frame) {
  return frame.payload == nullptr ? "" : absl::string_view(*frame.payload);
}

bool Check(const network::Frame& frame) {
  const absl::StatusOr<network::PeerMessage> message = network::DecodeFrame(frame, SampleLimits());
  if (!message.ok()) {
    ExpectReadable(message.status());
    return false;
  }
  const network::FramePtr again =
      std::visit([](const auto& decoded) { return network::EncodeFrame(decoded); }, *message);
  Expect(again->kind == frame.kind, "a frame's kind is its message's");
  Expect(again->body == frame.body, "a frame's body encodes to the very same bytes");
  Expect(PayloadOf(*again) == PayloadOf(frame), "a frame's payload is kept as it came");
  Expect(frame.bytes() <= network::FrameBytesMax(SampleLimits()), "no frame is above the largest");
  return true;
}

}  // namespace

// A kind, the body as a part, the payload.
KILN_FUZZ_TARGET(frame) {
  network::Frame frame = TakeFrame(input);
  const bool accepted = Check(frame);
  MendFrame(&frame);
  Check(frame);
  return accepted;
}

}  // namespace kiln::fuzz
