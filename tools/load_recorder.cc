#include "tools/load_recorder.h"

#include <utility>

#include "base/clock.h"
#include "tools/describe_transaction.h"

namespace kiln::tools {

LoadClock::LoadClock() : start_us_(SystemClock()->Read().monotonic_us) {}

uint64_t LoadClock::Read() const {
  return SystemClock()->Read().monotonic_us - start_us_;
}

void LoadRecorder::Record(uint64_t sequence, uint64_t sent_us, uint64_t done_us,
                          const absl::StatusOr<Receipt>& receipt) {
  const absl::MutexLock lock(&mutex_);
  if (!receipt.ok()) {
    CountErrors(1, std::string(receipt.status().message()));
  } else if (!receipt->reply.ok()) {
    CountErrors(1, DescribeReply(receipt->reply));
  } else {
    result_.committed.push_back({sequence, sent_us, done_us, receipt->height});
  }
}

void LoadRecorder::Fail(uint64_t count, const absl::Status& status) {
  const absl::MutexLock lock(&mutex_);
  CountErrors(count, std::string(status.message()));
}

void LoadRecorder::Refuse(uint64_t count) {
  const absl::MutexLock lock(&mutex_);
  result_.refused += count;
}

void LoadRecorder::HoldBack(uint64_t count) {
  const absl::MutexLock lock(&mutex_);
  result_.held_back += count;
}

void LoadRecorder::CountErrors(uint64_t count, std::string message) {
  result_.errors += count;
  if (result_.first_error.empty()) result_.first_error = std::move(message);
}

void LoadRecorder::MoveTo(LoadResult* result) {
  const absl::MutexLock lock(&mutex_);
  result->committed.insert(result->committed.end(), result_.committed.begin(),
                           result_.committed.end());
  result->errors += result_.errors;
  result->refused += result_.refused;
  result->held_back += result_.held_back;
  if (result->first_error.empty()) result->first_error = result_.first_error;
  result_ = LoadResult();
}

}  // namespace kiln::tools
