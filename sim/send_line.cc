#include "sim/send_line.h"

#include <algorithm>
#include <utility>

namespace kiln::sim {

SendLine::SendLine(EventQueue* events, uint32_t receivers, uint64_t bytes_per_ms, Leave leave)
    : events_(events),
      leave_(std::move(leave)),
      bytes_per_ms_(bytes_per_ms),
      waiting_(receivers,
               network::SendQueue(network::kSendQueueFramesMax, network::kSendQueueBytesMax)) {}

uint64_t SendLine::WorkOf(const network::Frame& frame) {
  return (frame.bytes() + kFrameOverheadBytes) * 1000;
}

uint64_t SendLine::Send(uint32_t to, network::FramePtr frame) {
  const uint64_t dropped = waiting_[to].Push(std::move(frame));
  waiting_frames_ = waiting_frames_ + 1 - dropped;
  if (is_free()) CarryNext();
  return dropped;
}

void SendLine::CarryNext() {
  while (is_free() && waiting_frames_ > 0) {
    carried_ = PopNext();
    work_left_ = WorkOf(*carried_);
    since_us_ = events_->now_us();
    if (bytes_per_ms_ > 0) return ScheduleEnd();
    LetGo();
  }
}

// REQUIRES: one waits.
network::FramePtr SendLine::PopNext() {
  --waiting_frames_;
  while (waiting_[turn_].frames() == 0) turn_ = (turn_ + 1) % waiting_.size();
  carried_to_ = std::exchange(turn_, (turn_ + 1) % waiting_.size());
  return waiting_[carried_to_].Pop();
}

void SendLine::ScheduleEnd() {
  const uint64_t takes_us = bytes_per_ms_ == 0 ? 0 : work_left_ / bytes_per_ms_;
  events_->At(since_us_ + takes_us, [this, end = ++ends_] {
    if (end != ends_) return;
    LetGo();
    CarryNext();
  });
}

void SendLine::LetGo() {
  leave_(carried_to_, std::exchange(carried_, nullptr));
}

uint64_t SendLine::WorkLeft() const {
  return work_left_ - std::min(work_left_, (events_->now_us() - since_us_) * bytes_per_ms_);
}

void SendLine::SetRate(uint64_t bytes_per_ms) {
  if (bytes_per_ms == bytes_per_ms_) return;
  if (!is_free()) work_left_ = WorkLeft();
  since_us_ = events_->now_us();
  bytes_per_ms_ = bytes_per_ms;
  if (!is_free()) ScheduleEnd();
}

void SendLine::Disconnect(uint32_t to) {
  waiting_frames_ -= waiting_[to].frames();
  waiting_[to].Clear();
  if (is_free() || carried_to_ != to) return;
  carried_.reset();
  ++ends_;
  CarryNext();
}

void SendLine::DisconnectAll() {
  for (uint32_t to = 0; to < waiting_.size(); ++to) {
    waiting_[to].Clear();
  }
  waiting_frames_ = 0;
  carried_.reset();
  ++ends_;
}

uint64_t SendLine::free_at_us() const {
  if (is_free() || bytes_per_ms_ == 0) return events_->now_us();
  uint64_t work = WorkLeft();
  for (const network::SendQueue& queue : waiting_) {
    work += (queue.bytes() + queue.frames() * kFrameOverheadBytes) * 1000;
  }
  return events_->now_us() + work / bytes_per_ms_;
}

}  // namespace kiln::sim
