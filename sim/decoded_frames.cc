#include "sim/decoded_frames.h"

namespace kiln::sim {

const absl::StatusOr<network::PeerMessage>& DecodedFrames::Decode(const network::FramePtr& frame) {
  for (const Decoded& known : newest_) {
    if (known.frame == frame) return *known.message;
  }
  Decoded& decoded = newest_[next_];
  next_ = (next_ + 1) % kKept;
  decoded.frame = frame;
  decoded.message = network::DecodeFrame(*frame, *limits_);
  return *decoded.message;
}

}  // namespace kiln::sim
