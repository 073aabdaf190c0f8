#include "tools/open_loop.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "tools/interrupt.h"

namespace kiln::tools {
namespace {

constexpr size_t kWorkers = 16;
constexpr uint64_t kTakenMax = 1024;  // by one worker at a time
// At the end, for what is due and found all workers busy. Latency counts from when it was due.
constexpr uint64_t kLateUs = 1'000'000;
constexpr absl::Duration kAnswerTimeout = absl::Seconds(30);

}  // namespace

uint64_t Schedule::CountBefore(uint64_t end_us) const {
  uint64_t low = 0;
  uint64_t high = static_cast<uint64_t>(static_cast<double>(end_us) * rate / 1e6) + 2;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (DueUs(middle) < end_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

OpenLoop::OpenLoop(Client* client, const LoadPayload* payload, const LoadClock* clock,
                   LoadRecorder* recorder, Schedule schedule)
    : client_(client), payload_(payload), clock_(clock), recorder_(recorder), schedule_(schedule) {}

OpenLoop::Due OpenLoop::TakeDue() {
  const absl::MutexLock lock(&turn_);
  if (next_ == count_ || Interrupted()) return {};
  uint64_t now_us = clock_->Read();
  while (now_us < schedule_.DueUs(next_)) {
    absl::SleepFor(absl::Microseconds(static_cast<int64_t>(schedule_.DueUs(next_) - now_us)));
    now_us = clock_->Read();
  }
  if (now_us >= end_us_ + kLateUs) {
    recorder_->Fail(count_ - next_, absl::ResourceExhaustedError(
                                        "not sent by the end: more were due than went through"));
    next_ = count_;
    return {};
  }
  Due due = {next_, next_ + 1};
  while (due.end < count_ && due.end - due.begin < kTakenMax &&
         schedule_.DueUs(due.end) <= now_us) {
    ++due.end;
  }
  next_ = due.end;
  return due;
}

void OpenLoop::Submit(const Due& due) {
  const size_t count = due.end - due.begin;
  std::vector<Transaction> transactions;
  transactions.reserve(count);
  for (uint64_t i = due.begin; i < due.end; ++i) {
    transactions.push_back(payload_->Make(schedule_.first + i * schedule_.stride));
  }
  absl::Mutex mutex;
  size_t answered = 0;
  const absl::Status status =
      client_->SubmitMany(std::move(transactions), count, kAnswerTimeout,
                          [&](size_t index, absl::StatusOr<Receipt> receipt) {
                            const uint64_t i = due.begin + index;
                            recorder_->Record(schedule_.first + i * schedule_.stride,
                                              schedule_.DueUs(i), clock_->Read(), receipt);
                            const absl::MutexLock lock(&mutex);
                            ++answered;
                          });
  const absl::MutexLock lock(&mutex);
  if (answered == count) return;
  recorder_->Fail(count - answered, status.ok() ? absl::InternalError("no answer") : status);
}

void OpenLoop::Work() {
  for (Due due = TakeDue(); due.begin < due.end; due = TakeDue()) Submit(due);
}

void OpenLoop::Run(absl::Duration duration) {
  end_us_ = static_cast<uint64_t>(absl::ToInt64Microseconds(duration));
  count_ = schedule_.CountBefore(end_us_);
  std::vector<std::thread> workers;
  for (size_t i = 0; i < kWorkers; ++i) workers.emplace_back([this] { Work(); });
  for (std::thread& worker : workers) worker.join();
}

}  // namespace kiln::tools
