#include "tools/open_loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/payload.h"
#include "crypto/merkle.h"
#include "network/convert.h"
#include "tools/interrupt.h"

namespace kiln::tools {
namespace {

constexpr uint64_t kAnswered = UINT64_MAX;
constexpr size_t kBatchBytesTarget = 256 << 10;
// After the load, for what was accepted: a full mempool takes many seconds.
constexpr uint64_t kDrainUs = 90'000'000;
constexpr uint64_t kLookAroundUs = 50'000;  // for an interrupt, when nothing happens

uint64_t Microseconds(absl::Duration duration) {
  return static_cast<uint64_t>(absl::ToInt64Microseconds(duration));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OpenLoop>> OpenLoop::Connect(const ClientOptions& chain,
                                                            const LoadPayload* payload,
                                                            const LoadClock* clock,
                                                            LoadRecorder* recorder,
                                                            Schedule schedule) {
  std::unique_ptr<OpenLoop> loop(new OpenLoop(chain, payload, clock, recorder, schedule));
  KILN_ASSIGN_OR_RETURN(loop->verifier_, consensus::ReceiptVerifier::Create(chain.genesis));
  KILN_ASSIGN_OR_RETURN(loop->endpoints_,
                        network::Endpoints::Create(chain, std::make_shared<network::FaultLog>()));
  return loop;
}

void OpenLoop::Run(absl::Duration duration) {
  end_us_ = Microseconds(duration);
  count_ = schedule_.CountBefore(end_us_);
  const std::unique_ptr<network::ClientStream> stream =
      network::ClientStream::Start(endpoints_->at(0).stub.get());
  absl::Status fault = Pump(*stream);
  const absl::Status closed = stream->Close();
  if (absl::IsAborted(fault) && !closed.ok()) fault = closed;
  if (fault.ok()) return recorder_->HoldBack(count_ - next_);
  recorder_->Fail(in_flight_ + count_ - next_, fault);
}

absl::Status OpenLoop::Pump(network::ClientStream& stream) {
  bool can_write = true;
  for (uint64_t now_us = clock_->Read(); now_us < end_us_ || in_flight_ > 0;
       now_us = clock_->Read()) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (now_us >= end_us_ + kDrainUs) return absl::DeadlineExceededError("not answered in time");
    GiveUpOverdue(now_us);
    if (can_write && WantsToWrite(now_us)) {
      stream.Write(NextBatch(now_us));
      next_write_us_ = now_us + Microseconds(kGathered);
    }
    network::ClientStream::Wakeup wakeup = stream.Await(
        WantsToWrite(now_us),
        network::WallNow() + absl::Microseconds(static_cast<int64_t>(WakeAtUs(now_us) - now_us)));
    can_write = wakeup.can_write;
    for (const v1::SubmitResults& results : wakeup.results) KILN_RETURN_IF_ERROR(Handle(results));
    if (wakeup.over) return absl::AbortedError("the stream ended");
  }
  return absl::OkStatus();
}

void OpenLoop::GiveUpOverdue(uint64_t now_us) {
  const uint64_t patience_us = Microseconds(kPatience);
  if (now_us <= patience_us) return;
  const uint64_t overdue = std::min(count_, schedule_.CountBefore(now_us - patience_us));
  if (overdue <= next_) return;
  recorder_->HoldBack(overdue - next_);
  next_ = overdue;
}

uint64_t OpenLoop::WakeAtUs(uint64_t now_us) const {
  const uint64_t look_us = now_us + kLookAroundUs;
  if (next_ == count_ || WantsToWrite(now_us)) return look_us;  // what is awaited is room
  return std::min(look_us, std::max({now_us, next_write_us_, schedule_.DueUs(next_)}));
}

v1::SubmitBatch OpenLoop::NextBatch(uint64_t now_us) {
  const uint64_t first_sequence = sent_.size();
  consensus::PayloadBuilder builder;
  while (IsDue(now_us) && builder.count() < limits_.block_transactions_max) {
    const Transaction transaction = payload_->Make(schedule_.SequenceOf(next_));
    const size_t bytes = consensus::kEnvelopeHeaderBytes + transaction.payload.size();
    if (builder.count() > 0 &&
        builder.BytesWith(bytes) > std::min<size_t>(kBatchBytesTarget, limits_.block_bytes_max)) {
      break;
    }
    builder.Add(consensus::Envelope{.key = transaction.key, .payload = transaction.payload});
    sent_.push_back(next_++);
    ++in_flight_;
  }
  v1::SubmitBatch batch;
  batch.set_first_sequence(first_sequence);
  batch.set_transactions(*std::move(builder).Finish());
  return batch;
}

absl::Status OpenLoop::Handle(const v1::SubmitResults& results) {
  if (results.committed_size() > 0) KILN_RETURN_IF_ERROR(HandleCommitted(results));
  for (const v1::SubmitResults::Refused& refused : results.refused()) {
    KILN_RETURN_IF_ERROR(HandleRefused(refused));
  }
  return absl::OkStatus();
}

absl::Status OpenLoop::HandleCommitted(const v1::SubmitResults& results) {
  KILN_ASSIGN_OR_RETURN(const consensus::Header header,
                        verifier_->VerifyHeader(results.finality()));
  Receipt receipt;
  receipt.height = header.height.value;
  receipt.proof.block_id = consensus::HashOf(header);
  receipt.proof.finality = results.finality();
  crypto::MerkleProofVerifier payload(header.payload_root);
  for (const v1::SubmitResults::Committed& committed : results.committed()) {
    KILN_ASSIGN_OR_RETURN(const uint64_t index, Land(committed.sequence()));
    receipt.index = committed.index();
    receipt.reply = {committed.code(), committed.reply()};
    receipt.proof.inclusion = committed.inclusion();
    const uint64_t sequence = schedule_.SequenceOf(index);
    if (absl::Status lie = verifier_->VerifyInBlock(payload_->Make(sequence), receipt, payload);
        !lie.ok()) {
      ++in_flight_;  // as good as not answered
      return lie;
    }
    recorder_->Record(sequence, schedule_.DueUs(index), clock_->Read(), receipt);
  }
  return absl::OkStatus();
}

absl::Status OpenLoop::HandleRefused(const v1::SubmitResults::Refused& refused) {
  const absl::Status why(network::ToStatusCode(refused.status_code()), refused.message());
  if (why.ok()) return absl::InvalidArgumentError("refused with status OK");
  for (uint64_t i = 0; i < refused.count(); ++i) {
    KILN_RETURN_IF_ERROR(Land(refused.first_sequence() + i).status());
  }
  if (absl::IsResourceExhausted(why)) {
    recorder_->Refuse(refused.count());
  } else {
    recorder_->Fail(refused.count(), why);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> OpenLoop::Land(uint64_t sequence) {
  if (sequence >= sent_.size() || sent_[sequence] == kAnswered) {
    return absl::InvalidArgumentError(
        absl::StrCat("an answer to transaction ", sequence, ", which is not in flight"));
  }
  --in_flight_;
  return std::exchange(sent_[sequence], kAnswered);
}

}  // namespace kiln::tools
