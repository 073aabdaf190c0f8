#include "node/execution_thread.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace kiln::node {

ExecutionThread::ExecutionThread(ValidatorCore* core, Sinks sinks)
    : core_(core),
      sinks_(std::move(sinks)),
      committed_(core->executed_height()),
      executed_(core->executed_height()),
      needs_room_(core->snapshots().IsDue()) {}

ExecutionThread::~ExecutionThread() {
  Stop();
}

void ExecutionThread::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ExecutionThread::Committed(Height height) {
  absl::MutexLock lock(&mutex_);
  committed_ = std::max(committed_, height);
}

void ExecutionThread::SetHasRoom(bool has_room) {
  absl::MutexLock lock(&mutex_);
  has_room_ = has_room;
}

void ExecutionThread::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

void ExecutionThread::WaitForHeight(Height height, Waiter waiter) {
  {
    absl::MutexLock lock(&mutex_);
    if (!stopping_ && height > executed_) {
      waiters_.emplace(height, std::move(waiter));
      return;
    }
  }
  std::move(waiter)();
}

void ExecutionThread::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  RunWaiters(Height{UINT64_MAX});
}

bool ExecutionThread::Ready() const {
  return stopping_ || woken_ || HasBlock();
}

bool ExecutionThread::HasBlock() const {
  return committed_ > executed_ && (has_room_ || !needs_room_);
}

void ExecutionThread::Run() {
  while (true) {
    Height next;
    bool has_block = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithDeadline(absl::Condition(this, &ExecutionThread::Ready),
                               core_->replies().next_deadline());
      if (stopping_) return;
      woken_ = false;
      next = Height{executed_.value + 1};
      has_block = HasBlock();
    }
    if (has_block && !ExecuteNext(next)) return;
    core_->replies().Expire(absl::Now());
  }
}

bool ExecutionThread::ExecuteNext(Height height) {
  if (absl::Status executed = core_->ExecuteNext(height); !executed.ok()) {
    sinks_.failed(std::move(executed));
    return false;
  }
  const bool needs_room = core_->snapshots().IsDue();
  {
    absl::MutexLock lock(&mutex_);
    executed_ = height;
    needs_room_ = needs_room;
  }
  RunWaiters(height);
  return true;
}

void ExecutionThread::RunWaiters(Height height) {
  std::vector<Waiter> due;
  {
    absl::MutexLock lock(&mutex_);
    const auto end = waiters_.upper_bound(height);
    for (auto it = waiters_.begin(); it != end; ++it) due.push_back(std::move(it->second));
    waiters_.erase(waiters_.begin(), end);
  }
  for (Waiter& waiter : due) std::move(waiter)();
}

}  // namespace kiln::node
