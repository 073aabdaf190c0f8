// When messages between replicas arrive, and which never do.
#ifndef KILN_SIM_NETWORK_MODEL_H_
#define KILN_SIM_NETWORK_MODEL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "network/frames.h"
#include "sim/event_queue.h"
#include "sim/scenario.h"
#include "sim/send_line.h"
#include "sim/sim_random.h"

namespace kiln::sim {

// "proposal", "vote", ...: the names that Fault::messages uses.
absl::string_view NameOf(network::FrameKind kind);

// What becomes of a frame that has left its sender's line.
struct FrameFate {
  absl::InlinedVector<uint64_t, 2> arrives_us;  // once for each copy; none: lost
  const Fault* lost_to = nullptr;
};

// Whose network it is.
class NetworkHost {
 public:
  virtual ~NetworkHost() = default;
  // Whether it leads the round that it is in (N4).
  virtual bool IsLeading(uint32_t replica) const = 0;
  virtual void OnLeft(uint32_t from, uint32_t to, const network::FramePtr& frame,
                      const FrameFate& fate) = 0;
  // The oldest frames that waited for the line, as many as this, made room for a newer one.
  virtual void OnDropped(uint32_t from, uint32_t to, uint64_t frames) = 0;
};

// Every replica has a line of its own into the network, which carries so many bytes per ms; then
// each message takes its time on the way, longer between regions. Without faults, messages of one
// link arrive in the order in which they were sent, as on a stream. Rows N1 to N5 bend this while
// they last: a message meets the faults of the moment at which it leaves the line. Not thread-safe.
class NetworkModel {
 public:
  // `events` and `host` outlive it.
  NetworkModel(const Scenario& scenario, uint32_t replicas, SimRandom random, EventQueue* events,
               NetworkHost* host);

  // `fault` outlives its End.
  void Begin(const Fault& fault, uint64_t now_us);
  void End(const Fault& fault);

  void Send(uint32_t from, uint32_t to, network::FramePtr frame);
  // Its process ended, and all its streams with it.
  void Disconnect(uint32_t replica);

  // When the end of a stream that ends now is seen at the other end: after all that it carried.
  uint64_t EndArrivesUs(uint32_t from, uint32_t to) const;
  // When the last message that is under way in order arrives, nearly always: those that wait for a
  // line, too.
  uint64_t busy_until_us() const;

  // How often faults of each row took effect.
  const std::map<std::string, uint64_t>& effects() const { return effects_; }
  // By full send queues.
  uint64_t frames_dropped() const { return frames_dropped_; }

 private:
  struct Active {
    const Fault* fault = nullptr;
    uint64_t end_us = 0;
    std::vector<bool> from;   // by replica
    std::vector<bool> to;     // by replica
    std::vector<bool> kinds;  // by FrameKind
  };

  void OnLeft(uint32_t from, uint32_t to, const network::FramePtr& frame);
  FrameFate Route(uint32_t from, uint32_t to, network::FrameKind kind);
  bool Concerns(const Active& active, uint32_t from, uint32_t to, network::FrameKind kind) const;
  bool Cuts(const Active& active, uint32_t from, uint32_t to);
  bool IsNear(uint32_t a, uint32_t b, uint32_t distance) const;
  uint64_t LeastDelayUs(uint32_t from, uint32_t to) const;
  uint64_t Delay(uint32_t from, uint32_t to);
  uint64_t UsualDelayMaxUs() const;
  // Null when its line is as usual.
  const Fault* SlowLinkOf(uint32_t from) const;
  void SetRates();
  void Count(const Fault& fault) { ++effects_[fault.row]; }

  const uint32_t replicas_;
  const uint64_t delay_min_us_;
  const uint64_t delay_mean_us_;
  const uint64_t region_delay_max_us_;
  const uint64_t link_bytes_per_ms_;
  const uint64_t round_timeout_min_us_;
  SimRandom random_;
  EventQueue* const events_;
  NetworkHost* const host_;
  std::vector<Active> active_;
  std::deque<SendLine> lines_;             // by sender
  std::vector<uint64_t> last_arrival_us_;  // by sender and receiver
  std::vector<uint64_t> region_delay_us_;  // the same
  std::map<std::string, uint64_t> effects_;
  uint64_t frames_dropped_ = 0;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_NETWORK_MODEL_H_
