// Clients that wait for their transactions.
#ifndef KILN_NODE_PENDING_REPLIES_H_
#define KILN_NODE_PENDING_REPLIES_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/ids.h"
#include "base/stage_profile.h"
#include "consensus/payload.h"
#include "kiln/types.h"
#include "network/client_service.h"
#include "node/execution.h"
#include "node/receipts.h"
#include "storage/store.h"

namespace kiln::node {

// Who waits for which transaction id. Each sequence number of a submission is answered exactly
// once: by its block, by a refusal, at its deadline, or at the end. A submission goes
//
//   ticket = Add(...)                          before anybody else can see the batch
//   known = window.FindExecuted(index)         what was executed before Add, Resolve will not see
//   again AnswerExecuted(ticket, known, find) hand the batch over with left_out = known  or
//   Refuse(ticket, {}, status)
//
// Thread-safe: one short critical section for each batch and each block; nothing is hashed, read
// from disk or delivered inside it.
class PendingReplies {
 public:
  // Names one submission. 0 is never given: it stands for one that was answered already.
  using Ticket = uint64_t;
  // Finds where transactions were executed first, in the order asked for.
  using FindReceipts =
      absl::FunctionRef<std::vector<absl::StatusOr<ReceiptParts>>(absl::Span<const Hash> ids)>;

  // `profile` is told how long batches wait; it may be null.
  explicit PendingReplies(StageProfile* profile = nullptr) : profile_(profile) {}

  // Transaction i of `index` is first_sequence + i and carries `last_height`.
  Ticket Add(std::shared_ptr<const consensus::PayloadIndex> index, uint64_t first_sequence,
             Height last_height, std::shared_ptr<network::SubmitSink> sink, absl::Time deadline);

  // Those of the submission that were executed earlier get the receipt of then. `entries` are
  // ascending.
  void AnswerExecuted(Ticket ticket, absl::Span<const uint32_t> entries, FindReceipts find);

  // Refuses these entries of a submission; all that are left of it when `entries` is empty.
  void Refuse(Ticket ticket, absl::Span<const uint32_t> entries, const absl::Status& status);
  // Everybody who waits for one of these.
  void RefuseIds(absl::Span<const Hash> ids, const absl::Status& status);

  // Answers all who wait for a transaction of the block, one Deliver for each sink. What was set
  // aside as a duplicate gets the receipt of its execution. What was set aside as expired is
  // answered only when the waiter's own last height is past; otherwise somebody else's envelope of
  // the same id was ordered, and the waiter's own may still come. `finality` is called once, if
  // anybody waits.
  void Resolve(const ExecutedBlock& executed,
               absl::FunctionRef<absl::StatusOr<consensus::SharedBytes>()> finality,
               FindReceipts find);

  // Answers DeadlineExceeded to whom `now` is past the deadline.
  void Expire(absl::Time now);
  // When the next submission reaches its deadline; InfiniteFuture when none waits.
  absl::Time next_deadline() const;

  // Answers all, and from then on everybody who comes.
  void FailAll(const absl::Status& status);

  // Transactions waited for.
  size_t size() const;

 private:
  struct Submission {
    Ticket ticket = 0;
    std::shared_ptr<const consensus::PayloadIndex> index;
    uint64_t first_sequence = 0;
    Height last_height;
    std::shared_ptr<network::SubmitSink> sink;
    absl::Time deadline;
    std::vector<bool> answered;
    size_t left = 0;        // entries not yet answered
    uint64_t added_ns = 0;  // monotonic; 0 without a profile
  };
  struct Waiter {
    Submission* submission = nullptr;
    uint32_t entry = 0;
  };
  using Waiters = absl::InlinedVector<Waiter, 1>;
  // One answer that is due, taken out of the tables.
  struct Due {
    std::shared_ptr<network::SubmitSink> sink;
    uint64_t sequence = 0;
    Hash id;
    uint32_t block_index = 0;  // where in the block that resolves it
  };

  // Removes one waiter, and its submission when nothing is left of that.
  Due Take(Submission* submission, uint32_t entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unlink(const Hash& id, const Submission* submission, uint32_t entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Due> TakeEntries(Ticket ticket, absl::Span<const uint32_t> entries)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeRest(Submission* submission, std::vector<Due>* due)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Waiters WaitersFor(const Hash& id) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  static void DeliverRefusals(absl::Span<const Due> due, const absl::Status& status);
  static void DeliverFound(absl::Span<const Due> due, FindReceipts find);
  static void DeliverOrdered(absl::Span<const Due> due, const ExecutedBlock& executed,
                             const absl::StatusOr<consensus::SharedBytes>& finality);

  StageProfile* const profile_;
  mutable absl::Mutex mutex_;
  // The hash tables are for lookup only: answers come in order of entries, tickets and deadlines.
  Ticket last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<Ticket, std::unique_ptr<Submission>> submissions_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<std::pair<absl::Time, Ticket>, Submission*> by_deadline_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<storage::TransactionIdPrefix, Waiters> waiters_ ABSL_GUARDED_BY(mutex_);
  size_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);  // not OK once everybody was failed
};

}  // namespace kiln::node

#endif  // KILN_NODE_PENDING_REPLIES_H_
