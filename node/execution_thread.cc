#include "node/execution_thread.h"

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "consensus/payload.h"
#include "node/receipts.h"

namespace kiln::node {

Subscription CommitSubscribers::Add(Seen seen) {
  absl::MutexLock lock(&mutex_);
  const uint64_t number = next_++;
  seen_.emplace(number, std::move(seen));
  return Subscription([self = shared_from_this(), number] {
    absl::MutexLock end_lock(&self->mutex_);
    self->seen_.erase(number);
  });
}

bool CommitSubscribers::empty() const {
  absl::MutexLock lock(&mutex_);
  return seen_.empty();
}

void CommitSubscribers::Notify(const Block& block, const CommitProof& proof) {
  absl::MutexLock lock(&mutex_);
  for (auto& [number, seen] : seen_) seen(block, proof);
}

ExecutionThread::ExecutionThread(const ChainLimits& limits, storage::Store* store,
                                 const DuplicateWindow* window, Executor* executor,
                                 PendingReplies* replies,
                                 std::shared_ptr<CommitSubscribers> subscribers, Hooks hooks)
    : limits_(limits),
      store_(store),
      window_(window),
      executor_(executor),
      replies_(replies),
      subscribers_(std::move(subscribers)),
      hooks_(std::move(hooks)),
      committed_(store->committed_height()),
      executed_(executor->executed().height),
      total_transactions_(executor->total_transactions()) {}

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

uint64_t ExecutionThread::total_transactions() const {
  absl::MutexLock lock(&mutex_);
  return total_transactions_;
}

bool ExecutionThread::Ready() const {
  return stopping_ || woken_ || committed_ > executed_;
}

void ExecutionThread::Run() {
  while (true) {
    Height next;
    bool has_block = false;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithDeadline(absl::Condition(this, &ExecutionThread::Ready),
                               replies_->next_deadline());
      if (stopping_) return;
      woken_ = false;
      next = Height{executed_.value + 1};
      has_block = committed_ > executed_;
    }
    if (has_block && !ExecuteNext(next)) return;
    replies_->Expire(absl::Now());
  }
}

bool ExecutionThread::ExecuteNext(Height height) {
  absl::StatusOr<consensus::BlockPtr> block = store_->BlockAt(height);
  absl::StatusOr<ExecutedBlock> executed =
      block.ok() ? executor_->Execute(*block) : absl::StatusOr<ExecutedBlock>(block.status());
  if (!executed.ok()) {
    hooks_.failed(executed.status());
    return false;
  }
  consensus::SharedBytes finality;
  const auto get_finality = [&]() -> absl::StatusOr<consensus::SharedBytes> {
    if (finality != nullptr) return finality;
    absl::StatusOr<std::string> proof = store_->FinalityAt(height);
    if (!proof.ok()) return proof.status();
    finality = std::make_shared<const std::string>(*std::move(proof));
    return finality;
  };
  {
    absl::MutexLock lock(&mutex_);
    executed_ = height;
    total_transactions_ = executor_->total_transactions();
  }
  replies_->Resolve(*executed, get_finality, [this](absl::Span<const Hash> ids) {
    return FindRecentReceipts(*store_, *window_, ids);
  });
  if (!subscribers_->empty()) {
    if (const absl::StatusOr<consensus::SharedBytes> proof = get_finality(); proof.ok()) {
      Notify(*executed, *proof);
    }
  }
  hooks_.executed(height, executed->state_root);
  RunWaiters(height);
  return true;
}

void ExecutionThread::Notify(const ExecutedBlock& executed,
                             const consensus::SharedBytes& finality) {
  const consensus::Block& block = *executed.block;
  std::vector<absl::string_view> transactions;
  for (size_t i = 0; i < block.index->entries.size(); ++i) {
    if (executed.results.replies[i].code >= Reply::kFirstEngineCode) continue;
    const absl::StatusOr<consensus::Envelope> envelope =
        consensus::DecodeEnvelope(block.index->EnvelopeAt(*block.payload, i), limits_);
    if (envelope.ok() && !envelope->payload.empty()) transactions.push_back(envelope->payload);
  }
  subscribers_->Notify({.height = block.header.height.value,
                        .time = absl::FromUnixMicros(static_cast<int64_t>(block.header.time_us)),
                        .transactions = transactions},
                       {.block_id = block.id, .inclusion = "", .finality = *finality});
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
