#include "node/verification_pool.h"

#include <utility>
#include <variant>

#include "absl/time/time.h"
#include "base/log.h"
#include "node/block_answers.h"

namespace kiln::node {

VerificationPool::VerificationPool(const Genesis& genesis,
                                   const consensus::ValidatorSet* validators, int threads,
                                   const storage::Store* store, const DuplicateWindow* window,
                                   VoteLog* vote_log, Sinks sinks)
    : limits_(genesis.limits),
      validators_(validators),
      store_(store),
      window_(window),
      vote_log_(vote_log),
      sinks_(std::move(sinks)),
      verifier_(genesis, validators, Epoch{1}, &signatures_),
      queue_(kFramesMax, kFrameBytesMax),
      thread_count_(threads) {}

void VerificationPool::Start() {
  for (int i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { Run(); });
}

VerificationPool::~VerificationPool() {
  Stop();
}

void VerificationPool::Stop() {
  queue_.Close();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool VerificationPool::Add(ValidatorIndex from, network::Frame frame) {
  const size_t bytes = frame.bytes();
  return queue_.TryPush(Received{from, std::move(frame)}, bytes);
}

void VerificationPool::Run() {
  while (true) {
    std::vector<Received> taken = queue_.TakeUpTo(1, absl::InfiniteFuture());
    if (taken.empty() || queue_.closed()) return;
    Handle(std::move(taken.front()));
  }
}

void VerificationPool::Handle(Received received) {
  const ValidatorIndex from = received.from;
  const size_t bytes = received.frame.bytes();
  absl::StatusOr<network::PeerMessage> message =
      network::DecodeFrame(std::move(received.frame), limits_);
  if (!message.ok()) return Refuse(from, message.status());
  std::visit([&](auto& specific) { Handle(from, std::move(specific), bytes); }, *message);
}

void VerificationPool::Handle(ValidatorIndex from, consensus::Message message, size_t bytes) {
  absl::StatusOr<consensus::VerifiedMessage> verified = verifier_.Verify(from, std::move(message));
  if (!verified.ok()) return Refuse(from, verified.status());
  const auto* vote = std::get_if<consensus::Vote>(&verified->message());
  if (vote != nullptr && vote_log_ != nullptr) {
    if (const absl::Status logged = vote_log_->Append({*vote}); !logged.ok()) {
      KILN_LOG(kError, "audit", "vote not logged", {{"cause", logged.message()}});
    }
  }
  sinks_.event(consensus::Event(*std::move(verified)), bytes);
}

void VerificationPool::Handle(ValidatorIndex from, const consensus::BlockRequest& request, size_t) {
  absl::StatusOr<consensus::Blocks> answer = AnswerBlockRequest(*store_, request, limits_);
  if (!answer.ok()) return;  // the asker's next choice may have them
  sinks_.answer(from, network::EncodeFrame(consensus::Message(*std::move(answer))));
}

void VerificationPool::Handle(ValidatorIndex from, network::TransactionBatch batch, size_t bytes) {
  TransactionsArrived arrived;
  arrived.batch.left_out = window_->FindExecuted(*batch.index);
  if (arrived.batch.left_out.size() == batch.index->entries.size()) return;
  arrived.batch.bytes = std::move(batch.payload);
  arrived.batch.index = std::move(batch.index);
  arrived.origin = from;
  sinks_.event(std::move(arrived), bytes);
}

void VerificationPool::Refuse(ValidatorIndex from, const absl::Status& why) {
  ++refused_;
  KILN_LOG(kWarning, "verify", "message refused",
           {{"peer", validators_->at(from).name}, {"cause", why.message()}});
}

}  // namespace kiln::node
