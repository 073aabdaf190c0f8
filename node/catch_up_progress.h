// How a validator that is far behind gets on, for logs and status.
#ifndef KILN_NODE_CATCH_UP_PROGRESS_H_
#define KILN_NODE_CATCH_UP_PROGRESS_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "base/ids.h"
#include "kiln/types.h"

namespace kiln::node {

// Told now and then where the validator stands, it knows how fast it goes and when to say so.
// The rate is that of the last kWindowUs; the target of a chain that goes on moves, so the time
// left is that to what is known now. Targets that follow each other within kPauseUs are one
// catching up. Not thread-safe; times are monotonic microseconds.
class CatchUpProgress {
 public:
  static constexpr uint64_t kWindowUs = 5'000'000;
  static constexpr uint64_t kPauseUs = 1'000'000;
  static constexpr uint64_t kSayEveryUs = 2'000'000;

  // What to write into the log now.
  enum class Line { kNone, kBegun, kGoesOn, kDone };

  // `target` is 0 while it is not behind. Times do not decrease.
  Line Note(Height executed, Height target, uint64_t now_us);

  // None when it is not catching up.
  const std::optional<CatchUpStatus>& status() const { return status_; }
  // Of the catching up that is under way or was the last: blocks and seconds.
  uint64_t blocks() const { return last_.height.value - first_.height.value; }
  double seconds() const { return static_cast<double>(last_.at_us - first_.at_us) / 1e6; }

 private:
  struct Sample {
    Height height;
    uint64_t at_us = 0;
  };

  void Measure(Height target);

  std::optional<CatchUpStatus> status_;
  Sample first_;
  Sample last_;                 // while there was a target
  std::deque<Sample> samples_;  // of the window, oldest first
  uint64_t said_us_ = 0;
};

}  // namespace kiln::node

#endif  // KILN_NODE_CATCH_UP_PROGRESS_H_
