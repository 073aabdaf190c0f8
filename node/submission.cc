#include "node/submission.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/payload.h"
#include "node/receipts.h"

namespace kiln::node {
namespace {

// Of the mempool's share for own clients, this part may wait however slow the chain is.
constexpr uint64_t kShareThatMayAlwaysWait = 16;

// Half of the window: the transaction may wait that long, and be resubmitted for as long again.
Height LastHeightFor(const storage::Store& store, const ChainLimits& limits) {
  return Height{store.committed_height().value + limits.duplicate_window_blocks / 2};
}

void RefuseAll(network::SubmitSink& sink, uint64_t first_sequence, uint32_t count,
               const absl::Status& why) {
  network::SubmitOutcomes outcomes;
  outcomes.status = why;
  outcomes.entries.resize(count);
  for (uint32_t i = 0; i < count; ++i) outcomes.entries[i].sequence = first_sequence + i;
  sink.Deliver(std::move(outcomes));
}

}  // namespace

Submission::Submission(const ChainLimits& limits, const storage::Store* store,
                       const Application* application, const DuplicateWindow* window,
                       MempoolBudget* budget, PendingReplies* replies, Hooks hooks,
                       StageProfile* profile)
    : limits_(limits),
      store_(store),
      application_(application),
      window_(window),
      budget_(budget),
      pace_(budget->limit().transactions / kShareThatMayAlwaysWait),
      replies_(replies),
      hooks_(std::move(hooks)),
      profile_(profile) {}

void Submission::Close(const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  closed_ = why;
}

void Submission::SetPaused(const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  paused_ = why;
}

absl::Status Submission::WhyClosed() const {
  absl::MutexLock lock(&mutex_);
  return closed_.ok() ? paused_ : closed_;
}

absl::Status Submission::Reserve(const MempoolCharge& charge) {
  const uint64_t reserved = reserved_;
  const uint64_t waiting = std::min(reserved, budget_->used().transactions);
  if (!pace_.Admits(waiting, charge.transactions, reserved - waiting, hooks_.now_us())) {
    KILN_MARK("a submission finds more waiting than is committed in a second");
    return absl::ResourceExhaustedError(
        "more transactions wait than are committed in a second: submit again later");
  }
  if (!budget_->TryReserve(charge)) {
    KILN_MARK("a submission finds the mempool full");
    return absl::ResourceExhaustedError("mempool is full: submit again later");
  }
  reserved_ += charge.transactions;
  return absl::OkStatus();
}

std::vector<std::pair<uint32_t, absl::Status>> Submission::Check(
    const std::string& batch, const consensus::PayloadIndex& index, bool may_be_barrier) const {
  std::vector<std::pair<uint32_t, absl::Status>> refused;
  const storage::Store::View view = store_->state_view();
  for (uint32_t i = 0; i < index.entries.size(); ++i) {
    const absl::StatusOr<consensus::Envelope> envelope =
        consensus::DecodeEnvelope(index.EnvelopeAt(batch, i), limits_);
    absl::Status advice = envelope.status();
    if (envelope.ok() && envelope->payload.empty()) {
      if (!may_be_barrier) advice = absl::InvalidArgumentError("transaction: the payload is empty");
    } else if (envelope.ok()) {
      const absl::Status checked = application_->Check(*view.state, envelope->payload);
      if (!checked.ok()) advice = absl::InvalidArgumentError(checked.message());
    }
    if (!advice.ok()) refused.emplace_back(i, advice);
  }
  return refused;
}

void Submission::Submit(uint64_t first_sequence, std::string batch, absl::Time deadline,
                        std::shared_ptr<network::SubmitSink> sink, bool may_be_barrier) {
  StageTimer timer(profile_, Stage::kSubmit);
  const auto refuse = [&](const absl::Status& why) {
    RefuseAll(*sink, first_sequence, consensus::ClaimedCount(batch, limits_), why);
  };
  if (const absl::Status closed = WhyClosed(); !closed.ok()) return refuse(closed);
  const Height last_height = LastHeightFor(*store_, limits_);
  consensus::StampLastHeight(last_height, &batch);
  absl::StatusOr<std::shared_ptr<const consensus::PayloadIndex>> index =
      consensus::IndexBatch(batch, limits_);
  if (!index.ok()) return refuse(index.status());
  const MempoolCharge charge = ChargeOf(**index);
  timer.AddItems(charge.transactions);
  if (const absl::Status reserved = Reserve(charge); !reserved.ok()) return refuse(reserved);

  const PendingReplies::Ticket ticket =
      replies_->Add(*index, first_sequence, last_height, std::move(sink), deadline);
  if (hooks_.deadline_added != nullptr) hooks_.deadline_added();
  std::vector<uint32_t> left_out = window_->FindExecuted(**index);
  if (!left_out.empty()) {
    KILN_MARK("a repeated submission gets the receipt of then");
    replies_->AnswerExecuted(ticket, left_out, [this](absl::Span<const Hash> ids) {
      return FindRecentReceipts(*store_, *window_, ids);
    });
  }
  for (const auto& [entry, advice] : Check(batch, **index, may_be_barrier)) {
    if (std::binary_search(left_out.begin(), left_out.end(), entry)) continue;
    replies_->Refuse(ticket, {entry}, advice);
    left_out.insert(std::upper_bound(left_out.begin(), left_out.end(), entry), entry);
  }
  TransactionsArrived arrived;
  const size_t bytes = batch.size();
  arrived.batch.bytes = std::make_shared<const std::string>(std::move(batch));
  arrived.batch.index = *std::move(index);
  arrived.batch.left_out = std::move(left_out);
  if (!hooks_.enqueue(std::move(arrived), bytes)) {
    budget_->Release(charge);
    reserved_ -= charge.transactions;
    replies_->Refuse(ticket, {}, absl::ResourceExhaustedError("node is busy: submit again later"));
  }
}

}  // namespace kiln::node
