// Who watches a simulated run for people: traces and diagrams.
#ifndef KILN_SIM_RECORDER_H_
#define KILN_SIM_RECORDER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::sim {

// One thing that happened at one replica.
struct TraceEvent {
  enum class Kind {
    kStarted,     // text: height and round it resumes at
    kCrashed,     // text: what became of its disk
    kStopped,     // it stopped itself or refused to start; text: why
    kRound,       // entered `round`
    kSent,        // message `id` to `peer`, of kind and content `text`; with its delivery time, if
                  // it is delivered at all
    kReceived,    // message `id` of `peer`
    kLost,        // message `id` from this replica to `peer` was lost; text: to what fault
    kRefused,     // a message of `peer` was refused; text: why
    kVoted,       // signed a vote in `round`; text: for which block
    kTimedOut,    // gave up on `round`
    kProposed,    // in `round`; text: which block
    kCommitted,   // up to `height`; text: which block
    kExecuted,    // `height`
    kAnswered,    // a client; text: the outcome
    kFaultBegan,  // text: which; replica UINT32_MAX when it befalls the network
    kFaultEnded,
    kHealed,     // all faults ended: the second phase begins
    kViolation,  // text: invariant and what
  };
  Kind kind = Kind::kStarted;
  uint64_t at_us = 0;
  uint32_t replica = 0;
  uint32_t peer = 0;
  uint64_t id = 0;
  uint64_t round = 0;
  uint64_t height = 0;
  std::string text;
};

// Not thread-safe; called in order of time.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void Record(const TraceEvent& event) = 0;
};

// Keeps all of it.
class TraceLog final : public Recorder {
 public:
  void Record(const TraceEvent& event) override { events_.push_back(event); }
  const std::vector<TraceEvent>& events() const { return events_; }

 private:
  std::vector<TraceEvent> events_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_RECORDER_H_
