#include "tools/closed_loop.h"

#include <algorithm>
#include <utility>

#include "tools/interrupt.h"

namespace kiln::tools {
namespace {

// Long enough that the empty window between two chunks hardly counts, short enough to end on time.
constexpr double kChunkSeconds = 2;
constexpr size_t kFirstChunkWindows = 4;  // before the rate is known
constexpr size_t kChunkTransactionsMax = 200'000;
constexpr absl::Duration kAnswerTimeout = absl::Seconds(30);
constexpr int kFailedChunksMax = 3;  // in a row, before the stream gives up

}  // namespace

ClosedLoop::ClosedLoop(Client* client, const LoadPayload* payload, const LoadClock* clock,
                       LoadRecorder* recorder, StreamShare share)
    : client_(client),
      payload_(payload),
      clock_(clock),
      recorder_(recorder),
      share_(share),
      next_sequence_(share.first) {}

size_t ClosedLoop::ChunkSize(uint64_t left_us) const {
  const size_t window = share_.in_flight;
  if (per_second_ == 0) return window * kFirstChunkWindows;
  const double seconds = std::min(kChunkSeconds, static_cast<double>(left_us) / 1e6);
  return std::clamp<size_t>(static_cast<size_t>(per_second_ * seconds), window,
                            std::max(window, kChunkTransactionsMax));
}

void ClosedLoop::Answer(size_t index, const absl::StatusOr<Receipt>& receipt) {
  const uint64_t now_us = clock_->Read();
  uint64_t sent_us = chunk_start_us_;
  {
    const absl::MutexLock lock(&mutex_);
    if (index >= share_.in_flight && index - share_.in_flight < answered_us_.size()) {
      sent_us = answered_us_[index - share_.in_flight];
    }
    answered_us_.push_back(now_us);
  }
  recorder_->Record(chunk_first_ + index * share_.stride, sent_us, now_us, receipt);
}

size_t ClosedLoop::SubmitChunk(size_t count) {
  std::vector<Transaction> transactions;
  transactions.reserve(count);
  chunk_first_ = next_sequence_;
  for (size_t i = 0; i < count; ++i, next_sequence_ += share_.stride) {
    transactions.push_back(payload_->Make(next_sequence_));
  }
  {
    const absl::MutexLock lock(&mutex_);
    answered_us_.clear();
    answered_us_.reserve(count);
  }
  chunk_start_us_ = clock_->Read();
  const absl::Status status = client_->SubmitMany(
      std::move(transactions), share_.in_flight, kAnswerTimeout,
      [this](size_t index, absl::StatusOr<Receipt> receipt) { Answer(index, receipt); });
  const absl::MutexLock lock(&mutex_);
  const size_t answered = answered_us_.size();
  if (answered < count) {
    recorder_->Fail(count - answered, status.ok() ? absl::InternalError("no answer") : status);
  }
  return answered;
}

void ClosedLoop::Run(absl::Duration duration) {
  const uint64_t end_us = static_cast<uint64_t>(absl::ToInt64Microseconds(duration));
  int failed = 0;
  for (uint64_t now_us = clock_->Read();
       now_us < end_us && failed < kFailedChunksMax && !Interrupted();) {
    const size_t answered = SubmitChunk(ChunkSize(end_us - now_us));
    failed = answered == 0 ? failed + 1 : 0;
    const uint64_t after_us = std::max(clock_->Read(), now_us + 1);
    per_second_ = static_cast<double>(answered) * 1e6 / static_cast<double>(after_us - now_us);
    now_us = after_us;
  }
}

}  // namespace kiln::tools
