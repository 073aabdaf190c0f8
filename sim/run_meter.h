// How fast a simulated cluster is, and what its lines carry.
#ifndef KILN_SIM_RUN_METER_H_
#define KILN_SIM_RUN_METER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "network/frames.h"
#include "sim/run_result.h"

namespace kiln::sim {

// Counts what happens from one moment to another, that one excluded. Times must not run backwards.
// Not thread-safe.
class RunMeter {
 public:
  RunMeter(uint64_t from_us, uint64_t to_us, uint32_t replicas);

  // A replica's line has carried a frame to one receiver.
  void OnLeft(uint64_t now_us, uint32_t replica, const network::Frame& frame);
  void OnReceipt(uint64_t now_us, uint64_t since_us);
  void OnRefused(uint64_t now_us);
  // Where one of the replicas is now; others may be further.
  void OnHeight(uint64_t now_us, uint64_t height);
  void OnRound(uint64_t now_us, uint64_t round);

  RunFigures Figures() const;

 private:
  // A number that only grows: what it was when measuring began, and what it is.
  struct Counter {
    uint64_t at_first = 0;
    uint64_t now = 0;
  };

  bool IsMeasured(uint64_t now_us) const { return from_us_ <= now_us && now_us < to_us_; }
  // Whether it grew.
  bool Raise(uint64_t now_us, uint64_t value, Counter* counter) const;

  const uint64_t from_us_;
  const uint64_t to_us_;
  std::vector<uint32_t> latencies_us_;
  uint64_t refused_ = 0;
  Counter height_;
  Counter round_;
  uint64_t grew_us_;  // the height; when measuring began, to begin with
  uint64_t longest_pause_us_ = 0;
  std::array<RunFigures::Messages, static_cast<size_t>(network::kLastFrameKind) + 1> messages_;
  std::vector<uint64_t> line_bytes_;  // by replica
  std::vector<uint64_t> receipts_in_second_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_RUN_METER_H_
