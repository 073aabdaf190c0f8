#include "node/pending_replies.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mark.h"
#include "consensus/receipt.h"
#include "crypto/merkle.h"
#include "node/id_table.h"

namespace kiln::node {
namespace {

using network::SubmitOutcomes;
using network::SubmitSink;

// Collects outcomes, one SubmitOutcomes for each sink and group, in the order of their first
// entries.
class OutcomeGroups {
 public:
  // The group's outcomes for the sink; `make` fills in what its entries share.
  template <typename Make>
  SubmitOutcomes& For(const std::shared_ptr<SubmitSink>& sink, uint64_t group, Make make) {
    const auto [place, is_new] = places_.try_emplace({sink.get(), group}, groups_.size());
    if (is_new) groups_.emplace_back(sink, make());
    return groups_[place->second].second;
  }
  void Deliver() && {
    for (auto& [sink, outcomes] : groups_) sink->Deliver(std::move(outcomes));
  }

 private:
  absl::flat_hash_map<std::pair<SubmitSink*, uint64_t>, size_t> places_;  // lookup only
  std::vector<std::pair<std::shared_ptr<SubmitSink>, SubmitOutcomes>> groups_;
};

// The transaction is ordered, but its proofs cannot be read just now: the client may ask again.
absl::Status OutcomeUnknown(const absl::Status& cause) {
  return absl::UnavailableError(absl::StrCat("no receipt: ", cause.message()));
}

}  // namespace

PendingReplies::Ticket PendingReplies::Add(std::shared_ptr<const consensus::PayloadIndex> index,
                                           uint64_t first_sequence, Height last_height,
                                           std::shared_ptr<SubmitSink> sink, absl::Time deadline) {
  const size_t count = index->entries.size();
  if (count == 0) return 0;
  absl::Status closed;
  {
    absl::MutexLock lock(&mutex_);
    closed = closed_;
    if (closed.ok()) {
      auto submission = std::make_unique<Submission>();
      const Ticket ticket = ++last_ticket_;
      for (uint32_t i = 0; i < count; ++i) {
        waiters_[PrefixOf(index->entries[i].id)].push_back({submission.get(), i});
      }
      *submission = {.ticket = ticket,
                     .index = std::move(index),
                     .first_sequence = first_sequence,
                     .last_height = last_height,
                     .sink = std::move(sink),
                     .deadline = deadline,
                     .answered = std::vector<bool>(count, false),
                     .left = count,
                     .added_ns = profile_ == nullptr ? 0 : MonotonicNs()};
      by_deadline_[{deadline, ticket}] = submission.get();
      submissions_[ticket] = std::move(submission);
      size_ += count;
      return ticket;
    }
  }
  std::vector<Due> due;
  for (size_t i = 0; i < count; ++i) due.push_back({.sink = sink, .sequence = first_sequence + i});
  DeliverRefusals(due, closed);
  return 0;
}

void PendingReplies::AnswerExecuted(Ticket ticket, absl::Span<const uint32_t> entries,
                                    FindReceipts find) {
  if (entries.empty()) return;
  std::vector<Due> due;
  {
    absl::MutexLock lock(&mutex_);
    due = TakeEntries(ticket, entries);
  }
  DeliverFound(due, find);
}

void PendingReplies::Refuse(Ticket ticket, absl::Span<const uint32_t> entries,
                            const absl::Status& status) {
  std::vector<Due> due;
  {
    absl::MutexLock lock(&mutex_);
    if (!entries.empty()) {
      due = TakeEntries(ticket, entries);
    } else if (const auto found = submissions_.find(ticket); found != submissions_.end()) {
      TakeRest(found->second.get(), &due);
    }
  }
  DeliverRefusals(due, status);
}

void PendingReplies::RefuseIds(absl::Span<const Hash> ids, const absl::Status& status) {
  std::vector<Due> due;
  {
    absl::MutexLock lock(&mutex_);
    for (const Hash& id : ids) {
      for (const Waiter& waiter : WaitersFor(id))
        due.push_back(Take(waiter.submission, waiter.entry));
    }
  }
  DeliverRefusals(due, status);
}

void PendingReplies::Resolve(const ExecutedBlock& executed,
                             absl::FunctionRef<absl::StatusOr<consensus::SharedBytes>()> finality,
                             FindReceipts find) {
  const Height height = executed.block->header.height;
  const auto& entries = executed.block->index->entries;
  KILN_CHECK_EQ(entries.size(), executed.results.replies.size());
  std::vector<Due> ordered;
  std::vector<Due> duplicates;
  {
    absl::MutexLock lock(&mutex_);
    if (size_ == 0) return;
    for (uint32_t i = 0; i < entries.size(); ++i) {
      const uint32_t code = executed.results.replies[i].code;
      for (const Waiter& waiter : WaitersFor(entries[i].id)) {
        // Somebody else's envelope expired, not the waiter's.
        if (code == Reply::kExpired && height <= waiter.submission->last_height) {
          KILN_MARK("another envelope of a waiting transaction expires");
          continue;
        }
        std::vector<Due>& due = code == Reply::kDuplicate ? duplicates : ordered;
        due.push_back(Take(waiter.submission, waiter.entry));
        due.back().block_index = i;
      }
    }
  }
  if (!ordered.empty()) DeliverOrdered(ordered, executed, finality());
  DeliverFound(duplicates, find);
}

void PendingReplies::Expire(absl::Time now) {
  std::vector<Due> due;
  {
    absl::MutexLock lock(&mutex_);
    while (!by_deadline_.empty() && by_deadline_.begin()->first.first <= now) {
      TakeRest(by_deadline_.begin()->second, &due);
    }
  }
  if (!due.empty()) KILN_MARK("a submission's deadline passes");
  DeliverRefusals(due, absl::DeadlineExceededError("not committed before the deadline"));
}

absl::Time PendingReplies::next_deadline() const {
  absl::MutexLock lock(&mutex_);
  return by_deadline_.empty() ? absl::InfiniteFuture() : by_deadline_.begin()->first.first;
}

void PendingReplies::FailAll(const absl::Status& status) {
  KILN_CHECK(!status.ok());
  std::vector<Due> due;
  {
    absl::MutexLock lock(&mutex_);
    closed_.Update(status);
    while (!by_deadline_.empty()) TakeRest(by_deadline_.begin()->second, &due);
  }
  DeliverRefusals(due, status);
}

size_t PendingReplies::size() const {
  absl::MutexLock lock(&mutex_);
  return size_;
}

PendingReplies::Due PendingReplies::Take(Submission* submission, uint32_t entry) {
  KILN_CHECK(!submission->answered[entry]);
  Due due = {.sink = submission->sink,
             .sequence = submission->first_sequence + entry,
             .id = submission->index->entries[entry].id};
  Unlink(due.id, submission, entry);
  submission->answered[entry] = true;
  --size_;
  if (--submission->left == 0) {
    if (profile_ != nullptr) {
      profile_->AddLeg(Leg::kBatchToAnswer, MonotonicNs() - submission->added_ns);
    }
    by_deadline_.erase({submission->deadline, submission->ticket});
    submissions_.erase(submission->ticket);
  }
  return due;
}

void PendingReplies::Unlink(const Hash& id, const Submission* submission, uint32_t entry) {
  const auto found = waiters_.find(PrefixOf(id));
  KILN_CHECK(found != waiters_.end());
  Waiters& waiters = found->second;
  const auto waiter = std::find_if(waiters.begin(), waiters.end(), [&](const Waiter& w) {
    return w.submission == submission && w.entry == entry;
  });
  KILN_CHECK(waiter != waiters.end());
  waiters.erase(waiter);
  if (waiters.empty()) waiters_.erase(found);
}

std::vector<PendingReplies::Due> PendingReplies::TakeEntries(Ticket ticket,
                                                             absl::Span<const uint32_t> entries) {
  std::vector<Due> due;
  for (const uint32_t entry : entries) {
    const auto found = submissions_.find(ticket);
    if (found == submissions_.end()) break;
    if (!found->second->answered[entry]) due.push_back(Take(found->second.get(), entry));
  }
  return due;
}

void PendingReplies::TakeRest(Submission* submission, std::vector<Due>* due) {
  const size_t count = submission->answered.size();
  size_t left = submission->left;
  for (uint32_t entry = 0; entry < count && left > 0; ++entry) {
    if (submission->answered[entry]) continue;
    due->push_back(Take(submission, entry));
    --left;
  }
}

// By value: taking one changes the table.
PendingReplies::Waiters PendingReplies::WaitersFor(const Hash& id) const {
  const auto found = waiters_.find(PrefixOf(id));
  if (found == waiters_.end()) return {};
  Waiters waiters;
  for (const Waiter& waiter : found->second) {
    if (waiter.submission->index->entries[waiter.entry].id == id) waiters.push_back(waiter);
  }
  return waiters;
}

void PendingReplies::DeliverRefusals(absl::Span<const Due> due, const absl::Status& status) {
  OutcomeGroups groups;
  for (const Due& one : due) {
    groups.For(one.sink, 0, [&] { return SubmitOutcomes{.status = status}; })
        .entries.push_back({.sequence = one.sequence});
  }
  std::move(groups).Deliver();
}

void PendingReplies::DeliverFound(absl::Span<const Due> due, FindReceipts find) {
  if (due.empty()) return;
  std::vector<Hash> ids;
  ids.reserve(due.size());
  for (const Due& one : due) ids.push_back(one.id);
  std::vector<absl::StatusOr<ReceiptParts>> receipts = find(ids);
  KILN_CHECK_EQ(receipts.size(), due.size());
  OutcomeGroups groups;
  for (size_t i = 0; i < due.size(); ++i) {
    if (!receipts[i].ok()) {
      groups
          .For(due[i].sink, 0,
               [&] { return SubmitOutcomes{.status = OutcomeUnknown(receipts[i].status())}; })
          .entries.push_back({.sequence = due[i].sequence});
      continue;
    }
    ReceiptParts& parts = *receipts[i];
    const auto make = [&parts] {
      return SubmitOutcomes{
          .height = parts.height, .block_id = parts.block_id, .finality = parts.finality};
    };
    groups.For(due[i].sink, parts.height.value, make)
        .entries.push_back({.sequence = due[i].sequence,
                            .index = parts.index,
                            .reply = std::move(parts.reply),
                            .inclusion = std::move(parts.inclusion)});
  }
  std::move(groups).Deliver();
}

void PendingReplies::DeliverOrdered(absl::Span<const Due> due, const ExecutedBlock& executed,
                                    const absl::StatusOr<consensus::SharedBytes>& finality) {
  if (!finality.ok()) return DeliverRefusals(due, OutcomeUnknown(finality.status()));
  const consensus::Block& block = *executed.block;
  const crypto::MerkleTree tree(LeavesOf(*block.index));
  const auto make = [&] {
    return SubmitOutcomes{
        .height = block.header.height, .block_id = block.id, .finality = *finality};
  };
  OutcomeGroups groups;
  for (const Due& one : due) {
    groups.For(one.sink, block.header.height.value, make)
        .entries.push_back({.sequence = one.sequence,
                            .index = one.block_index,
                            .reply = executed.results.replies[one.block_index],
                            .inclusion = consensus::ProveInclusion(block, tree, one.block_index)});
  }
  std::move(groups).Deliver();
}

}  // namespace kiln::node
