#include "sim/send_line.h"

#include <algorithm>
#include <utility>

namespace kiln::sim {

SendLine::SendLine(EventQueue* events, uint32_t receivers, uint64_t bytes_per_ms, Leave leave)
    : events_(events),
      leave_(std::move(leave)),
      bytes_per_ms_(bytes_per_ms),
      receivers_(receivers, Receiver{.waiting = network::SendQueue(network::kSendQueueFramesMax,
                                                                   network::kSendQueueBytesMax)}) {}

uint64_t SendLine::Send(uint32_t to, network::FramePtr frame) {
  const uint64_t dropped = receivers_[to].waiting.Push(std::move(frame));
  frames_ = frames_ + 1 - dropped;
  CarryNext();
  return dropped;
}

void SendLine::CarryNext() {
  while (is_free() && frames_ > 0) {
    Receiver& receiver = NextReceiver();
    if (receiver.begun == nullptr) {
      receiver.begun = receiver.waiting.Pop();
      receiver.work_left = WorkOf(receiver.begun->bytes());
    }
    is_busy_ = true;
    since_us_ = events_->now_us();
    slice_ = receiver.work_left;
    if (bytes_per_ms_ == 0) {
      EndSlice();
    } else {
      slice_ = std::min(slice_, WorkOf(kSliceBytes));
      ScheduleEnd();
    }
  }
}

SendLine::Receiver& SendLine::NextReceiver() {
  const auto has_nothing = [](const Receiver& receiver) {
    return receiver.begun == nullptr && receiver.waiting.frames() == 0;
  };
  while (has_nothing(receivers_[turn_])) turn_ = (turn_ + 1) % receivers_.size();
  carried_to_ = std::exchange(turn_, (turn_ + 1) % receivers_.size());
  return receivers_[carried_to_];
}

void SendLine::ScheduleEnd() {
  const uint64_t takes_us = bytes_per_ms_ == 0 ? 0 : slice_ / bytes_per_ms_;
  events_->At(since_us_ + takes_us, [this, end = ++ends_] {
    if (end != ends_) return;
    EndSlice();
    CarryNext();
  });
}

void SendLine::EndSlice() {
  is_busy_ = false;
  Receiver& receiver = receivers_[carried_to_];
  receiver.work_left -= slice_;
  if (receiver.work_left > 0) return;
  --frames_;
  leave_(carried_to_, std::exchange(receiver.begun, nullptr));
}

uint64_t SendLine::DoneOfSlice() const {
  return std::min(slice_, (events_->now_us() - since_us_) * bytes_per_ms_);
}

void SendLine::SetRate(uint64_t bytes_per_ms) {
  if (bytes_per_ms == bytes_per_ms_) return;
  if (!is_free()) {
    const uint64_t done = DoneOfSlice();
    slice_ -= done;
    receivers_[carried_to_].work_left -= done;
  }
  since_us_ = events_->now_us();
  bytes_per_ms_ = bytes_per_ms;
  if (!is_free()) ScheduleEnd();
}

void SendLine::Disconnect(uint32_t to) {
  Receiver& receiver = receivers_[to];
  frames_ -= receiver.waiting.frames() + (receiver.begun != nullptr ? 1 : 0);
  receiver.waiting.Clear();
  receiver.begun.reset();
  if (is_free() || carried_to_ != to) return;
  is_busy_ = false;
  ++ends_;
  CarryNext();
}

void SendLine::DisconnectAll() {
  for (Receiver& receiver : receivers_) {
    receiver.waiting.Clear();
    receiver.begun.reset();
  }
  frames_ = 0;
  is_busy_ = false;
  ++ends_;
}

uint64_t SendLine::free_at_us() const {
  if (is_free() || bytes_per_ms_ == 0) return events_->now_us();
  uint64_t work = 0;
  for (const Receiver& receiver : receivers_) {
    if (receiver.begun != nullptr) work += receiver.work_left;
    work += (receiver.waiting.bytes() + receiver.waiting.frames() * kFrameOverheadBytes) * 1000;
  }
  return events_->now_us() + (work - DoneOfSlice()) / bytes_per_ms_;
}

}  // namespace kiln::sim
