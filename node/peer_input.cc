#include "node/peer_input.h"

#include <utility>
#include <variant>

#include "base/log.h"
#include "base/mark.h"
#include "node/block_answers.h"

namespace kiln::node {

PeerInput::PeerInput(const Genesis& genesis, const consensus::ValidatorSet* validators,
                     const consensus::LeaderElection* leaders,
                     const consensus::SignatureVerifier* signatures, const storage::Store* store,
                     const DuplicateWindow* window, SnapshotAnswers* snapshot_answers,
                     SnapshotSync* snapshot_sync, VoteLog* vote_log, Sinks sinks,
                     StageProfile* profile)
    : limits_(genesis.limits),
      store_(store),
      window_(window),
      snapshot_answers_(snapshot_answers),
      snapshot_sync_(snapshot_sync),
      vote_log_(vote_log),
      sinks_(std::move(sinks)),
      profile_(profile),
      verifier_(genesis, validators, leaders, Epoch{1}, signatures) {}

void PeerInput::Handle(ValidatorIndex from, network::Frame frame) {
  const size_t bytes = frame.bytes();
  StageTimer timer(profile_, Stage::kDecode, bytes);
  absl::StatusOr<network::PeerMessage> message = network::DecodeFrame(std::move(frame), limits_);
  timer.Next(Stage::kVerify, 1);
  Handle(from, std::move(message), bytes);
}

void PeerInput::Handle(ValidatorIndex from, absl::StatusOr<network::PeerMessage> message,
                       size_t bytes) {
  if (!message.ok()) return Refuse(from, message.status());
  std::visit([&](auto& specific) { HandleMessage(from, std::move(specific), bytes); }, *message);
}

void PeerInput::HandleMessage(ValidatorIndex from, consensus::Message message, size_t bytes) {
  if (ComesTooLate(message)) return;
  absl::StatusOr<consensus::VerifiedMessage> verified = verifier_.Verify(from, std::move(message));
  if (!verified.ok()) return Refuse(from, verified.status());
  if (const auto* blocks = std::get_if<consensus::Blocks>(&verified->message());
      blocks != nullptr && sinks_.blocks != nullptr && sinks_.blocks(from, *blocks)) {
    return;
  }
  LogVote(verified->message());
  sinks_.event(consensus::Event(*std::move(verified)), bytes);
}

void PeerInput::HandleMessage(ValidatorIndex from, const consensus::BlockRequest& request, size_t) {
  absl::StatusOr<consensus::Blocks> answer = AnswerBlockRequest(*store_, request, limits_);
  if (!answer.ok()) {  // the asker's next choice may have them
    if (snapshot_answers_->IsPruned(request)) OfferSnapshot(from);
    return;
  }
  sinks_.answer(from, network::EncodeFrame(consensus::Message(*std::move(answer))));
}

void PeerInput::HandleMessage(ValidatorIndex from, const network::SnapshotOfferRequest&, size_t) {
  OfferSnapshot(from);
}

void PeerInput::OfferSnapshot(ValidatorIndex to) {
  absl::StatusOr<network::FramePtr> offer = snapshot_answers_->Offer(to, sinks_.now_us());
  if (offer.ok()) sinks_.answer(to, *std::move(offer));
}

void PeerInput::HandleMessage(ValidatorIndex from, network::TransactionBatch batch, size_t bytes) {
  TransactionsArrived arrived;
  arrived.batch.left_out = window_->FindExecuted(*batch.index);
  if (arrived.batch.left_out.size() == batch.index->entries.size()) return;
  arrived.batch.bytes = std::move(batch.payload);
  arrived.batch.index = std::move(batch.index);
  arrived.origin = from;
  sinks_.event(std::move(arrived), bytes);
}

void PeerInput::HandleMessage(ValidatorIndex from, const network::SnapshotOffer& offer, size_t) {
  const absl::Status taken = snapshot_sync_->OnOffer(from, offer, sinks_.now_us());
  if (!taken.ok()) Refuse(from, taken);
}

void PeerInput::HandleMessage(ValidatorIndex from, const network::SnapshotRequest& request,
                              size_t) {
  absl::StatusOr<network::FramePtr> answer =
      snapshot_answers_->Answer(from, request, sinks_.now_us());
  if (answer.ok()) sinks_.answer(from, *std::move(answer));
}

void PeerInput::HandleMessage(ValidatorIndex from, const network::SnapshotChunk& chunk, size_t) {
  const absl::Status taken = snapshot_sync_->OnChunk(from, chunk, sinks_.now_us());
  if (!taken.ok()) Refuse(from, taken);
}

// A log of votes is for whoever looks for lies: it gets all that are signed.
bool PeerInput::ComesTooLate(const consensus::Message& message) const {
  const auto* vote = std::get_if<consensus::Vote>(&message);
  if (vote == nullptr || vote_log_ != nullptr || vote->round.value > certified_round_) return false;
  KILN_MARK("a vote comes after its certificate");
  return true;
}

void PeerInput::LogVote(const consensus::Message& message) {
  const auto* vote = std::get_if<consensus::Vote>(&message);
  if (vote == nullptr || vote_log_ == nullptr) return;
  if (const absl::Status logged = vote_log_->Append({*vote}); !logged.ok()) {
    KILN_LOG(kError, "audit", "vote not logged", {{"cause", logged.message()}});
  }
}

void PeerInput::Refuse(ValidatorIndex from, const absl::Status& why) {
  ++refused_;
  if (sinks_.refused != nullptr) sinks_.refused(from, why);
}

}  // namespace kiln::node
