#include "node/catch_up_progress.h"

namespace kiln::node {

CatchUpProgress::Line CatchUpProgress::Note(Height executed, Height target, uint64_t now_us) {
  if (target <= executed) {
    if (!status_.has_value() || now_us < last_.at_us + kPauseUs) return Line::kNone;
    status_.reset();
    return Line::kDone;
  }
  last_ = {executed, now_us};
  if (!status_.has_value()) {
    first_ = last_;
    samples_ = {last_};
    said_us_ = now_us;
    Measure(target);
    return Line::kBegun;
  }
  samples_.push_back(last_);
  while (samples_.size() > 2 && samples_.front().at_us + kWindowUs < now_us) samples_.pop_front();
  Measure(target);
  if (now_us < said_us_ + kSayEveryUs) return Line::kNone;
  said_us_ = now_us;
  return Line::kGoesOn;
}

void CatchUpProgress::Measure(Height target) {
  const Sample& oldest = samples_.front();
  CatchUpStatus status{.height = last_.height.value, .target = target.value};
  if (last_.at_us > oldest.at_us) {
    status.blocks_per_second = static_cast<double>(last_.height.value - oldest.height.value) * 1e6 /
                               static_cast<double>(last_.at_us - oldest.at_us);
  }
  if (status.blocks_per_second > 0) {
    status.seconds_left =
        static_cast<double>(target.value - last_.height.value) / status.blocks_per_second;
  }
  status_ = status;
}

}  // namespace kiln::node
