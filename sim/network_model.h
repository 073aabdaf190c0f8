// When messages between replicas arrive, and which never do.
#ifndef KILN_SIM_NETWORK_MODEL_H_
#define KILN_SIM_NETWORK_MODEL_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "network/frames.h"
#include "sim/scenario.h"
#include "sim/sim_random.h"

namespace kiln::sim {

// "proposal", "vote", ...: the names that Fault::messages uses.
absl::string_view NameOf(network::FrameKind kind);

// Every replica has a line of its own into the network, which carries so many bytes per ms; then
// each message takes its time on the way. Without faults, messages of one link arrive in the order
// in which they were sent, as on a stream. Rows N1 to N5 bend this while they last. Not
// thread-safe.
class NetworkModel {
 public:
  // `is_leader` says whether a replica leads the round that it is in (N4).
  NetworkModel(const Scenario& scenario, uint32_t replicas, SimRandom random,
               std::function<bool(uint32_t replica)> is_leader);

  // `fault` outlives its End.
  void Begin(const Fault& fault, uint64_t now_us);
  void End(const Fault& fault);

  struct Fate {
    absl::InlinedVector<uint64_t, 2> arrives_us;  // once for each copy; none: lost
    const Fault* lost_to = nullptr;
  };
  Fate Route(uint32_t from, uint32_t to, network::FrameKind kind, size_t bytes, uint64_t now_us);

  // When the last message that is under way in order arrives: one that a slow line holds up, too.
  uint64_t busy_until_us() const {
    return *std::max_element(last_arrival_us_.begin(), last_arrival_us_.end());
  }

  // The largest delay of a message when nothing is wrong, nearly always: for liveness bounds.
  static uint64_t UsualDelayMaxUs(const Scenario& scenario);
  // How often faults of each row took effect.
  const std::map<std::string, uint64_t>& effects() const { return effects_; }

 private:
  struct Active {
    const Fault* fault = nullptr;
    uint64_t end_us = 0;
    std::vector<bool> from;   // by replica
    std::vector<bool> to;     // by replica
    std::vector<bool> kinds;  // by FrameKind
  };

  bool Concerns(const Active& active, uint32_t from, uint32_t to, network::FrameKind kind) const;
  bool Cuts(const Active& active, uint32_t from, uint32_t to);
  bool IsNear(uint32_t a, uint32_t b, uint32_t distance) const;
  uint64_t Delay();
  uint64_t LeaveLine(uint32_t from, size_t bytes, uint64_t now_us);
  void Count(const Fault& fault) { ++effects_[fault.row]; }

  const uint32_t replicas_;
  const uint64_t delay_min_us_;
  const uint64_t delay_mean_us_;
  const uint64_t link_bytes_per_ms_;
  const uint64_t round_timeout_min_us_;
  SimRandom random_;
  const std::function<bool(uint32_t)> is_leader_;
  std::vector<Active> active_;
  std::vector<uint64_t> line_free_us_;     // by sender
  std::vector<uint64_t> last_arrival_us_;  // by sender and receiver
  std::map<std::string, uint64_t> effects_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_NETWORK_MODEL_H_
