#include "network/submit_many.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/payload.h"
#include "network/check_transaction.h"
#include "network/convert.h"

namespace kiln::network {
namespace {

constexpr size_t kBatchBytesTarget = 256 << 10;
constexpr absl::Duration kPauseMin = absl::Milliseconds(10);
constexpr absl::Duration kPauseMax =
    absl::Milliseconds(500);  // a validator busy for longer is left

}  // namespace

SubmitManyRun::SubmitManyRun(const Setup& setup, const std::vector<Transaction>* transactions,
                             Done* done)
    : setup_(setup),
      transactions_(*transactions),
      done_(*done),
      answered_(transactions->size(), false) {}

absl::Status SubmitManyRun::Run() {
  RefuseTheImpossible();
  size_t at = setup_.endpoints->preferred();
  size_t useless = 0;  // validators in a row that answered nothing
  while (!AllAnswered() && WallNow() < setup_.deadline) {
    const size_t answered_before = answered_count_;
    RunOver(setup_.endpoints->at(at));
    if (AllAnswered()) break;
    useless = answered_count_ > answered_before ? 0 : useless + 1;
    again_.insert(again_.end(), elsewhere_.begin(), elsewhere_.end());
    elsewhere_.clear();
    ++at;
    if (useless % setup_.endpoints->size() == 0 && useless > 0) {
      setup_.endpoints->Pause(at, std::min(kAllFailedPause, setup_.deadline - WallNow()));
    }
  }
  setup_.endpoints->Prefer(at);
  if (AllAnswered()) return absl::OkStatus();
  AnswerTheRest();
  return absl::DeadlineExceededError(absl::StrCat("not all are answered; last: ", last_error_));
}

void SubmitManyRun::RefuseTheImpossible() {
  for (uint32_t i = 0; i < transactions_.size(); ++i) {
    const absl::Status checked = CheckTransaction(transactions_[i], *setup_.limits);
    if (!checked.ok()) Answer(i, checked);
  }
}

void SubmitManyRun::AnswerTheRest() {
  const absl::Status unknown =
      absl::DeadlineExceededError(absl::StrCat("outcome unknown; last: ", last_error_));
  for (uint32_t i = 0; i < transactions_.size(); ++i) {
    if (!answered_[i]) Answer(i, unknown);
  }
}

void SubmitManyRun::RunOver(const Endpoint& endpoint) {
  pause_ = absl::ZeroDuration();
  paused_until_ = absl::InfinitePast();
  const std::unique_ptr<ClientStream> stream = ClientStream::Start(endpoint.stub.get());
  absl::Status fault = Pump(*stream);
  const absl::Status closed = stream->Close();
  if (absl::IsAborted(fault) && !closed.ok()) fault = closed;
  if (!fault.ok()) {
    last_error_ = absl::StrCat(endpoint.address, ": ", fault.message());
    setup_.faults->Record(endpoint.address, fault.message());
  }
  TakeBackAll();
}

absl::Status SubmitManyRun::Pump(ClientStream& stream) {
  bool can_write = true;
  while (!AllAnswered() && (in_flight_ > 0 || HasUnsent())) {
    const absl::Time now = WallNow();
    if (now >= setup_.deadline) return absl::OkStatus();
    if (in_flight_ > 0 && now - last_progress_ >= setup_.attempt_timeout) {
      return absl::DeadlineExceededError(
          absl::StrCat("silent for ", absl::FormatDuration(setup_.attempt_timeout)));
    }
    if (can_write && MaySend(now)) {
      if (in_flight_ == 0) last_progress_ = now;
      if (v1::SubmitBatch batch = NextBatch(); !batch.transactions().empty()) {
        stream.Write(std::move(batch));
      }
    }
    ClientStream::Wakeup wakeup = stream.Await(MaySend(now), WakeAt(now));
    can_write = wakeup.can_write;
    if (!wakeup.results.empty()) last_progress_ = WallNow();
    for (v1::SubmitResults& results : wakeup.results) KILN_RETURN_IF_ERROR(Handle(results));
    if (wakeup.over) return absl::AbortedError("the stream ended");
  }
  return absl::OkStatus();
}

absl::Time SubmitManyRun::WakeAt(absl::Time now) const {
  absl::Time at = setup_.deadline;
  if (in_flight_ > 0) at = std::min(at, last_progress_ + setup_.attempt_timeout);
  if (HasUnsent() && paused_until_ > now) at = std::min(at, paused_until_);
  return at;
}

uint32_t SubmitManyRun::TakeUnsent() {
  while (!again_.empty()) {
    const uint32_t index = again_.front();
    again_.pop_front();
    if (!answered_[index]) return index;
  }
  while (next_fresh_ < transactions_.size()) {
    const uint32_t index = next_fresh_++;
    if (!answered_[index]) return index;
  }
  return kAnswered;
}

v1::SubmitBatch SubmitManyRun::NextBatch() {
  const size_t count_max =
      std::min<size_t>(setup_.in_flight_max - in_flight_, setup_.limits->block_transactions_max);
  const size_t bytes_max = std::min<size_t>(kBatchBytesTarget, setup_.limits->block_bytes_max);
  const uint64_t first_sequence = sent_.size();
  consensus::PayloadBuilder builder;
  while (builder.count() < count_max) {
    const uint32_t index = TakeUnsent();
    if (index == kAnswered) break;
    const Transaction& transaction = transactions_[index];
    const size_t envelope_bytes =
        consensus::kEnvelopeHeaderBytes + transaction.key.size() + transaction.payload.size();
    if (builder.count() > 0 && builder.BytesWith(envelope_bytes) > bytes_max) {
      again_.push_front(index);
      break;
    }
    builder.Add(consensus::Envelope{.key = transaction.key, .payload = transaction.payload});
    sent_.push_back(index);
    ++in_flight_;
  }
  v1::SubmitBatch batch;
  if (builder.count() == 0) return batch;
  batch.set_first_sequence(first_sequence);
  batch.set_transactions(*std::move(builder).Finish());
  return batch;
}

void SubmitManyRun::TakeBackAll() {
  for (const uint32_t index : sent_) {
    if (index != kAnswered) again_.push_back(index);
  }
  sent_.clear();
  in_flight_ = 0;
}

absl::Status SubmitManyRun::Handle(v1::SubmitResults& results) {
  if (results.committed_size() > 0) KILN_RETURN_IF_ERROR(HandleCommitted(results));
  for (const v1::SubmitResults::Refused& refused : results.refused()) {
    KILN_RETURN_IF_ERROR(HandleRefused(refused));
  }
  return absl::OkStatus();
}

absl::Status SubmitManyRun::HandleCommitted(v1::SubmitResults& results) {
  KILN_ASSIGN_OR_RETURN(const consensus::Header header,
                        setup_.verifier->VerifyHeader(results.finality()));
  const Hash block_id = consensus::HashOf(header);
  if (absl::string_view(results.block_id()) != block_id.view() ||
      results.height() != header.height.value) {
    return absl::InvalidArgumentError(
        "block id or height: the finality proof is for another block");
  }
  crypto::MerkleProofVerifier payload(header.payload_root);
  for (v1::SubmitResults::Committed& committed : *results.mutable_committed()) {
    KILN_ASSIGN_OR_RETURN(const uint32_t index, Land(committed.sequence()));
    Receipt receipt;
    receipt.height = header.height.value;
    receipt.index = committed.index();
    receipt.reply = {committed.code(), std::move(*committed.mutable_reply())};
    receipt.proof.block_id = block_id;
    receipt.proof.inclusion = std::move(*committed.mutable_inclusion());
    receipt.proof.finality = results.finality();
    if (absl::Status verified =
            setup_.verifier->VerifyInBlock(transactions_[index], receipt, payload);
        !verified.ok()) {
      again_.push_back(index);
      return verified;
    }
    if (receipt.reply.code >= Reply::kFirstEngineCode) {
      SetAside(index);
    } else {
      Answer(index, std::move(receipt));
    }
  }
  pause_ = absl::ZeroDuration();
  return absl::OkStatus();
}

absl::Status SubmitManyRun::HandleRefused(const v1::SubmitResults::Refused& refused) {
  const absl::Status status(ToStatusCode(refused.status_code()), refused.message());
  if (status.ok()) return absl::InvalidArgumentError("refused with status OK");
  const bool is_refusal = KindOf(status) == ErrorKind::kRefusal;
  for (uint64_t i = 0; i < refused.count(); ++i) {
    KILN_ASSIGN_OR_RETURN(const uint32_t index, Land(refused.first_sequence() + i));
    if (is_refusal) {
      Refuse(index, status);
    } else {
      again_.push_back(index);
    }
  }
  return is_refusal ? absl::OkStatus() : Pause(status);
}

absl::Status SubmitManyRun::Pause(const absl::Status& why) {
  last_error_ = std::string(why.message());
  pause_ = std::max(kPauseMin, pause_ * 2);
  if (pause_ > kPauseMax) return why;
  paused_until_ = WallNow() + pause_;
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> SubmitManyRun::Land(uint64_t sequence) {
  if (sequence >= sent_.size() || sent_[sequence] == kAnswered) {
    return absl::InvalidArgumentError(
        absl::StrCat("an answer to transaction ", sequence, ", which is not in flight"));
  }
  --in_flight_;
  return std::exchange(sent_[sequence], kAnswered);
}

void SubmitManyRun::Refuse(uint32_t index, const absl::Status& status) {
  if (setup_.endpoints->IsBelievable(++refusals_[index])) return Answer(index, status);
  elsewhere_.push_back(index);
}

void SubmitManyRun::SetAside(uint32_t index) {
  if (++set_aside_[index] < kSetAsideMax) return again_.push_back(index);
  Answer(index,
         absl::UnavailableError("outcome unknown: set aside as a duplicate or as expired, and "
                                "its receipt was not given"));
}

void SubmitManyRun::Answer(uint32_t index, absl::StatusOr<Receipt> answer) {
  if (answered_[index]) return;
  answered_[index] = true;
  ++answered_count_;
  done_(index, std::move(answer));
}

}  // namespace kiln::network
