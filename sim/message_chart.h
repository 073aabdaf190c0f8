// The last messages of a run, small enough for a test's failure.
#ifndef KILN_SIM_MESSAGE_CHART_H_
#define KILN_SIM_MESSAGE_CHART_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "sim/recorder.h"

namespace kiln::sim {

// Keeps the last events of a run. Not thread-safe.
class TraceTail final : public Recorder {
 public:
  // A line of a chart may take one event for each replica twice: sent and received.
  static constexpr size_t kEventsMax = 10'000;

  void Record(const TraceEvent& event) override {
    events_.push_back(event);
    if (events_.size() > kEventsMax) events_.pop_front();
  }
  const std::deque<TraceEvent>& events() const { return events_; }

 private:
  std::deque<TraceEvent> events_;
};

// A column for each replica, a line for each message (to all its receivers) and for each commit,
// start and end of a process: the last `lines_max` of them, below a line that explains the symbols.
std::string MessageChart(const std::deque<TraceEvent>& events, size_t replicas, size_t lines_max);

}  // namespace kiln::sim

#endif  // KILN_SIM_MESSAGE_CHART_H_
