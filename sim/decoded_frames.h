// What the newest frames mean.
#ifndef KILN_SIM_DECODED_FRAMES_H_
#define KILN_SIM_DECODED_FRAMES_H_

#include <array>
#include <cstddef>
#include <optional>

#include "absl/status/statusor.h"
#include "kiln/genesis.h"
#include "network/frames.h"

namespace kiln::sim {

// One frame often reaches several replicas, and means the same to each: decoding depends on its
// bytes and the chain's limits alone, and what comes of it never changes. So it is done once. Each
// replica verifies for itself. Not thread-safe.
class DecodedFrames {
 public:
  // `limits` outlives it.
  explicit DecodedFrames(const ChainLimits* limits) : limits_(limits) {}

  // What network::DecodeFrame makes of it. Valid until the next call.
  const absl::StatusOr<network::PeerMessage>& Decode(const network::FramePtr& frame);

 private:
  static constexpr size_t kKept = 16;

  // Keeps its frame, so that no other one gets its address.
  struct Decoded {
    network::FramePtr frame;
    std::optional<absl::StatusOr<network::PeerMessage>> message;
  };

  const ChainLimits* const limits_;
  std::array<Decoded, kKept> newest_;
  size_t next_ = 0;  // the oldest of them
};

}  // namespace kiln::sim

#endif  // KILN_SIM_DECODED_FRAMES_H_
