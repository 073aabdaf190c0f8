#include "sim/trace_window.h"

#include <algorithm>
#include <cmath>

namespace kiln::sim {
namespace {

constexpr double kCutPixels = 70;  // what a wait takes at most

size_t FirstAtOrAfter(const std::vector<TraceEvent>& events, uint64_t us) {
  const auto earlier = [](const TraceEvent& event, uint64_t moment) {
    return event.at_us < moment;
  };
  return static_cast<size_t>(std::lower_bound(events.begin(), events.end(), us, earlier) -
                             events.begin());
}

// Of the first violation; the number of events when there is none.
size_t FirstViolation(const std::vector<TraceEvent>& events) {
  const auto is_violation = [](const TraceEvent& event) {
    return event.kind == TraceEvent::Kind::kViolation;
  };
  return static_cast<size_t>(std::find_if(events.begin(), events.end(), is_violation) -
                             events.begin());
}

void ChooseByRange(const std::vector<TraceEvent>& events, const TraceHtmlOptions& options,
                   TraceWindow* window) {
  if (options.from_ms.has_value()) window->first = FirstAtOrAfter(events, *options.from_ms * 1000);
  if (options.to_ms.has_value()) {
    window->last = std::max(window->first, FirstAtOrAfter(events, *options.to_ms * 1000 + 1));
  }
  if (window->last - window->first <= options.events_max) return;
  if (options.from_ms.has_value()) {
    window->last = window->first + options.events_max;
  } else {
    window->first = window->last - options.events_max;
  }
}

void ChooseByViolation(const std::vector<TraceEvent>& events, size_t events_max,
                       TraceWindow* window) {
  if (events.size() <= events_max) return;
  const size_t violation = FirstViolation(events);
  if (violation == events.size()) {
    window->last = events_max;
    return;
  }
  window->last = std::min(events.size(), std::max(events_max, violation + events_max / 10));
  window->first = window->last - events_max;
}

// What waits of these lengths take together.
double WidthOf(const std::vector<uint64_t>& waits, double pixels_per_us) {
  double width = 0;
  for (const uint64_t wait : waits) {
    width += std::min(kCutPixels, static_cast<double>(wait) * pixels_per_us);
  }
  return width;
}

// So that all takes `width`, or as near to it as it gets.
double FitScale(const std::vector<uint64_t>& waits, double width) {
  double low = 1e-9;
  double high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = std::sqrt(low * high);
    (WidthOf(waits, middle) < width ? low : high) = middle;
  }
  return low;
}

uint64_t RoundStep(double us) {
  uint64_t step = 1;
  while (true) {
    for (const uint64_t factor : {1, 2, 5}) {
      if (static_cast<double>(step * factor) >= us) return step * factor;
    }
    step *= 10;
  }
}

}  // namespace

TraceWindow ChooseWindow(const std::vector<TraceEvent>& events, const TraceHtmlOptions& options) {
  TraceWindow window = {.first = 0, .last = events.size(), .from_us = 0, .to_us = 0};
  if (options.from_ms.has_value() || options.to_ms.has_value()) {
    ChooseByRange(events, options, &window);
  } else {
    ChooseByViolation(events, options.events_max, &window);
  }
  if (window.first == window.last) return window;
  window.from_us = events[window.first].at_us;
  window.to_us = events[window.last - 1].at_us;
  return window;
}

TimeAxis::TimeAxis(const std::vector<TraceEvent>& events, const TraceWindow& window, double width) {
  std::vector<uint64_t> moments = {window.from_us};
  for (size_t i = window.first; i < window.last; ++i) {
    if (events[i].at_us > moments.back()) moments.push_back(events[i].at_us);
  }
  std::vector<uint64_t> waits;
  for (size_t i = 1; i < moments.size(); ++i) waits.push_back(moments[i] - moments[i - 1]);
  pixels_per_us_ = FitScale(waits, width);
  points_.push_back({moments[0], 0});
  for (size_t i = 0; i < waits.size(); ++i) {
    const double scaled = static_cast<double>(waits[i]) * pixels_per_us_;
    if (scaled > kCutPixels) cuts_.push_back({moments[i], moments[i + 1]});
    points_.push_back({moments[i + 1], points_.back().x + std::min(kCutPixels, scaled)});
  }
}

double TimeAxis::At(uint64_t us) const {
  if (us <= points_.front().us) return 0;
  if (us >= points_.back().us) return width();
  const auto earlier = [](uint64_t moment, const Point& point) { return moment < point.us; };
  const auto after = std::upper_bound(points_.begin(), points_.end(), us, earlier);
  const auto before = after - 1;
  const double share =
      static_cast<double>(us - before->us) / static_cast<double>(after->us - before->us);
  return before->x + share * (after->x - before->x);
}

bool TimeAxis::IsInCut(uint64_t us) const {
  return std::any_of(cuts_.begin(), cuts_.end(),
                     [us](const Cut& cut) { return us > cut.from_us && us < cut.to_us; });
}

std::vector<uint64_t> TimeAxis::Ticks(double pixels_min) const {
  std::vector<uint64_t> ticks;
  const uint64_t step = RoundStep(pixels_min / pixels_per_us_);
  const uint64_t begin = (points_.front().us + step - 1) / step * step;
  double last_x = -pixels_min;
  for (uint64_t us = begin; us <= points_.back().us; us += step) {
    const double x = At(us);
    if (IsInCut(us) || x - last_x < pixels_min) continue;
    ticks.push_back(us);
    last_x = x;
  }
  return ticks;
}

}  // namespace kiln::sim
