#include "network/submit_stream.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "consensus/payload.h"
#include "network/convert.h"

namespace kiln::network {
namespace {

constexpr size_t kEntryOverheadBytes = 32;  // numbers and tags of one answer on the wire

size_t BytesOf(const SubmitOutcomes::Entry& entry) {
  return kEntryOverheadBytes + entry.reply.bytes.size() + entry.inclusion.size();
}

size_t BytesOf(const SubmitOutcomes& outcomes) {
  size_t bytes = outcomes.status.message().size();
  for (const SubmitOutcomes::Entry& entry : outcomes.entries) bytes += BytesOf(entry);
  return bytes;
}

// Outcomes in the order in which they came, given out as messages of about kResultsBytesTarget.
// Thread-compatible.
class ResultsQueue {
 public:
  // REQUIRES: outcomes.entries is not empty.
  void Push(SubmitOutcomes outcomes) { outcomes_.push_back(std::move(outcomes)); }
  bool empty() const { return outcomes_.empty(); }

  struct Taken {
    uint32_t count = 0;  // transactions answered
    size_t bytes = 0;    // as BytesOf counted them
  };
  // Fills `message` with what belongs to one block, and with refusals. REQUIRES: not empty().
  Taken TakeInto(v1::SubmitResults* message) {
    message->Clear();
    Taken taken;
    while (!outcomes_.empty() && taken.bytes < kResultsBytesTarget) {
      SubmitOutcomes& front = outcomes_.front();
      if (front.status.ok() && !Joins(front, message)) break;
      const size_t end = front.status.ok() ? TakeCommitted(front, message, &taken)
                                           : TakeRefused(front, message, &taken);
      next_ = end;
      if (next_ < front.entries.size()) break;
      outcomes_.pop_front();
      next_ = 0;
    }
    return taken;
  }

 private:
  // Whether the block of `outcomes` is, or becomes, the one that the message is about.
  static bool Joins(const SubmitOutcomes& outcomes, v1::SubmitResults* message) {
    if (!message->block_id().empty()) {
      return absl::string_view(message->block_id()) == outcomes.block_id.view();
    }
    message->set_height(outcomes.height.value);
    message->set_block_id(outcomes.block_id.bytes.data(), outcomes.block_id.bytes.size());
    if (outcomes.finality != nullptr) message->set_finality(*outcomes.finality);
    return true;
  }

  size_t TakeCommitted(SubmitOutcomes& from, v1::SubmitResults* message, Taken* taken) const {
    size_t i = next_;
    for (; i < from.entries.size() && taken->bytes < kResultsBytesTarget; ++i) {
      SubmitOutcomes::Entry& entry = from.entries[i];
      taken->bytes += BytesOf(entry);
      ++taken->count;
      v1::SubmitResults::Committed* to = message->add_committed();
      to->set_sequence(entry.sequence);
      to->set_index(entry.index);
      to->set_code(entry.reply.code);
      to->set_reply(std::move(entry.reply.bytes));
      to->set_inclusion(std::move(entry.inclusion));
    }
    return i;
  }

  // Consecutive sequence numbers become one range.
  size_t TakeRefused(const SubmitOutcomes& from, v1::SubmitResults* message, Taken* taken) const {
    v1::SubmitResults::Refused* range = nullptr;
    for (const SubmitOutcomes::Entry& entry : from.entries) {
      taken->bytes += BytesOf(entry);
      ++taken->count;
      if (range != nullptr && entry.sequence == range->first_sequence() + range->count()) {
        range->set_count(range->count() + 1);
        continue;
      }
      range = message->add_refused();
      range->set_first_sequence(entry.sequence);
      range->set_count(1);
      range->set_status_code(static_cast<int>(from.status.code()));
      range->set_message(std::string(from.status.message().substr(0, kStatusMessageBytesMax)));
    }
    taken->bytes += from.status.message().size();
    return from.entries.size();
  }

  std::deque<SubmitOutcomes> outcomes_;
  size_t next_ = 0;  // entry of the front that is given out next
};

// One call. Reads the next batch while fewer than kStreamTransactionsMax transactions are accepted
// and not yet answered on the wire; then flow control holds the client back. gRPC runs OnReadDone
// and OnWriteDone side by side and handlers deliver from their own threads, hence the mutex;
// nothing of the handler is called under it. The handler may keep the sink for longer than the
// call: late outcomes go nowhere.
class SubmitStream final : public grpc::ServerBidiReactor<v1::SubmitBatch, v1::SubmitResults>,
                           public SubmitSink,
                           public TrackedCall,
                           public std::enable_shared_from_this<SubmitStream> {
 public:
  explicit SubmitStream(std::shared_ptr<ServiceState> state) : state_(std::move(state)) {}

  void Begin() {
    self_ = shared_from_this();
    const absl::Status admitted = state_->submit_streams.Add(this);
    absl::MutexLock lock(&mutex_);
    tracked_ = admitted.ok();
    if (!admitted.ok()) End(admitted);
    ReadMore();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return EndInput();
    const absl::StatusOr<uint32_t> count =
        consensus::CountBatch(batch_.transactions(), state_->limits);
    if (!Accept(count)) return;
    state_->handler->Submit(batch_.first_sequence(), std::move(*batch_.mutable_transactions()),
                            WallNow() + state_->submit_timeout_max, self_);
    absl::MutexLock lock(&mutex_);
    reading_ = false;
    ReadMore();
  }

  void Deliver(SubmitOutcomes outcomes) override {
    if (outcomes.entries.empty()) return;
    const size_t bytes = BytesOf(outcomes);
    absl::MutexLock lock(&mutex_);
    if (finished_ || ended_) return;
    unread_bytes_ += bytes;
    const size_t unread_by_all = state_->unread_bytes.fetch_add(bytes) + bytes;
    if (unread_bytes_ > kUnreadBytesPerStreamMax || unread_by_all > kUnreadBytesMax) {
      return End(absl::ResourceExhaustedError(
          absl::StrCat("results are not being read: ", unread_bytes_, " bytes wait")));
    }
    results_.Push(std::move(outcomes));
    WriteMore();
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    KILN_CHECK_GE(outstanding_, in_write_.count) << "more outcomes than transactions";
    outstanding_ -= in_write_.count;
    Read(in_write_.bytes);
    if (!ok) return End(absl::CancelledError("the client is gone"));
    WriteMore();
    ReadMore();
    MaybeFinish();
  }

  void OnCancel() override {
    absl::MutexLock lock(&mutex_);
    End(absl::CancelledError("cancelled"));
  }

  void OnServerStopping() override {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    MaybeFinish();
  }

  void OnDone() override {
    bool tracked = false;
    {
      absl::MutexLock lock(&mutex_);
      Read(unread_bytes_);
      tracked = tracked_;
    }
    const std::shared_ptr<SubmitStream> self = std::move(self_);
    if (tracked) state_->submit_streams.Remove(this);
  }

 private:
  void EndInput() {
    absl::MutexLock lock(&mutex_);
    reading_ = false;
    input_ended_ = true;
    MaybeFinish();
  }

  // Counts a batch in; false when it is not to be submitted.
  bool Accept(const absl::StatusOr<uint32_t>& count) {
    absl::MutexLock lock(&mutex_);
    if (count.ok() && !ended_ && !finished_ && !stopping_) {
      outstanding_ += *count;
      return true;
    }
    reading_ = false;
    if (!count.ok()) End(count.status());
    MaybeFinish();
    return false;
  }

  void ReadMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (reading_ || input_ended_ || ended_ || finished_ || stopping_) return;
    if (outstanding_ >= kStreamTransactionsMax) return;
    reading_ = true;
    StartRead(&batch_);
  }

  void WriteMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || ended_ || finished_ || results_.empty()) return;
    in_write_ = results_.TakeInto(&message_);
    writing_ = true;
    StartWrite(&message_);
  }

  // These bytes wait for the client no longer.
  void Read(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    KILN_CHECK_GE(unread_bytes_, bytes);
    unread_bytes_ -= bytes;
    state_->unread_bytes.fetch_sub(bytes);
  }

  // Gives the call up with `status`; what was accepted goes on without it.
  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!ended_) end_ = status;
    ended_ = true;
    MaybeFinish();
  }

  void MaybeFinish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_ || writing_) return;
    if (!ended_ && (outstanding_ > 0 || !(input_ended_ || stopping_))) return;
    if (!ended_ && !input_ended_) end_ = absl::UnavailableError("this validator is stopping");
    finished_ = true;
    Finish(ToGrpcStatus(end_));
  }

  const std::shared_ptr<ServiceState> state_;
  std::shared_ptr<SubmitStream> self_;  // until OnDone
  v1::SubmitBatch batch_;               // gRPC's while reading_, then OnReadDone's

  absl::Mutex mutex_;
  ResultsQueue results_ ABSL_GUARDED_BY(mutex_);
  v1::SubmitResults message_ ABSL_GUARDED_BY(mutex_);  // gRPC's while writing_
  ResultsQueue::Taken in_write_ ABSL_GUARDED_BY(mutex_);
  uint32_t outstanding_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t unread_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
  bool tracked_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool input_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;     // early, with end_
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;  // Finish was called
};

}  // namespace

grpc::ServerBidiReactor<v1::SubmitBatch, v1::SubmitResults>* ServeSubmitStream(
    std::shared_ptr<ServiceState> state) {
  const auto stream = std::make_shared<SubmitStream>(std::move(state));
  SubmitStream* const reactor = stream.get();
  reactor->Begin();
  return reactor;
}

}  // namespace kiln::network
