// Which part of a run a diagram shows, and where each moment of it lies.
#ifndef KILN_SIM_TRACE_WINDOW_H_
#define KILN_SIM_TRACE_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/recorder.h"
#include "sim/trace_html.h"

namespace kiln::sim {

// Events [first, last) of the run, and the moments of both ends.
struct TraceWindow {
  size_t first = 0;
  size_t last = 0;
  uint64_t from_us = 0;
  uint64_t to_us = 0;
};

// At most options.events_max events: those of the range that is asked for, those up to the first
// violation and a few after it, or the first ones.
TraceWindow ChooseWindow(const std::vector<TraceEvent>& events, const TraceHtmlOptions& options);

// Time to pixels. Long waits in which nothing happens are cut short, so that what happens has room.
// Otherwise to scale. Not thread-safe.
class TimeAxis {
 public:
  // A wait that was cut short.
  struct Cut {
    uint64_t from_us = 0;
    uint64_t to_us = 0;
  };

  TimeAxis(const std::vector<TraceEvent>& events, const TraceWindow& window, double width);

  // Moments outside of the window are at its ends.
  double At(uint64_t us) const;
  double width() const { return points_.back().x; }
  const std::vector<Cut>& cuts() const { return cuts_; }
  // Round numbers, far enough from each other to be written.
  std::vector<uint64_t> Ticks(double pixels_min) const;

 private:
  struct Point {
    uint64_t us = 0;
    double x = 0;
  };
  bool IsInCut(uint64_t us) const;

  double pixels_per_us_ = 0;
  std::vector<Point> points_;
  std::vector<Cut> cuts_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_TRACE_WINDOW_H_
