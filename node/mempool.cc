#include "node/mempool.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "base/mark.h"
#include "consensus/validator_set.h"
#include "crypto/encoding.h"
#include "crypto/merkle.h"
#include "node/duplicate_window.h"
#include "node/id_table.h"
#include "node/receipts.h"

namespace kiln::node {
namespace {

using consensus::PayloadIndex;

MempoolCharge ChargeOfOne(const PayloadIndex::Entry& entry) {
  return {.transactions = 1, .bytes = entry.length + consensus::kPayloadEntryHeaderBytes};
}

// A map by id of all that waits is in no cache: whoever goes through many ids asks for each so many
// steps before its turn.
constexpr size_t kPrefetchAhead = 8;

template <typename Map>
void PrefetchAhead(const PayloadIndex& index, size_t i, const Map& map) {
  if (i + kPrefetchAhead < index.entries.size()) {
    map.prefetch(PrefixOf(index.entries[i + kPrefetchAhead].id));
  }
}

// Calls `visit` with the id of each transaction that last heights let the block execute, which
// looks it up in `map`.
template <typename Map, typename Visit>
void ForEachExecutable(const consensus::Block& block, uint64_t window_blocks, const Map& map,
                       Visit visit) {
  for (size_t i = 0; i < block.index->entries.size(); ++i) {
    PrefetchAhead(*block.index, i, map);
    const PayloadIndex::Entry& entry = block.index->entries[i];
    if (MayExecuteAt(block.header.height, entry.last_height, window_blocks)) {
      visit(PrefixOf(entry.id));
    }
  }
}

uint32_t CodeOf(std::optional<ValidatorIndex> origin) {
  if (!origin.has_value()) return 0;
  KILN_CHECK_LT(origin->value, consensus::kValidatorsMax);
  return origin->value + 1;
}

}  // namespace

MempoolCharge& MempoolCharge::operator+=(const MempoolCharge& other) {
  transactions += other.transactions;
  bytes += other.bytes;
  return *this;
}

MempoolCharge& MempoolCharge::operator-=(const MempoolCharge& other) {
  KILN_CHECK(other.FitsIn(*this)) << "a mempool gave back more than it took";
  transactions -= other.transactions;
  bytes -= other.bytes;
  return *this;
}

bool MempoolCharge::FitsIn(const MempoolCharge& limit) const {
  return transactions <= limit.transactions && bytes <= limit.bytes;
}

MempoolCharge ChargeOf(const PayloadIndex& index) {
  MempoolCharge charge;
  for (const PayloadIndex::Entry& entry : index.entries) charge += ChargeOfOne(entry);
  return charge;
}

bool MempoolBudget::TryReserve(const MempoolCharge& charge) {
  const MempoolCharge after = {.transactions = transactions_ += charge.transactions,
                               .bytes = bytes_ += charge.bytes};
  if (after.FitsIn(limit_)) return true;
  Release(charge);
  return false;
}

void MempoolBudget::Release(const MempoolCharge& charge) {
  const uint64_t transactions = transactions_.fetch_sub(charge.transactions);
  const uint64_t bytes = bytes_.fetch_sub(charge.bytes);
  KILN_CHECK(charge.FitsIn({.transactions = transactions, .bytes = bytes}))
      << "more was released than reserved";
}

MempoolCharge MempoolBudget::used() const {
  return {.transactions = transactions_.load(), .bytes = bytes_.load()};
}

MempoolShares MempoolShares::Divide(const MempoolCharge& total, size_t validator_count) {
  const uint64_t peers = std::max<size_t>(validator_count, 2) - 1;
  return {.own = {.transactions = total.transactions / 2, .bytes = total.bytes / 2},
          .each_peer = {.transactions = total.transactions / 2 / peers,
                        .bytes = total.bytes / 2 / peers}};
}

Mempool::Mempool(const ChainLimits& limits, const MempoolCharge& each_peer_max,
                 MempoolBudget* budget, Height committed_height)
    : limits_(limits),
      each_peer_max_(each_peer_max),
      budget_(budget),
      committed_height_(committed_height) {}

size_t Mempool::Add(const TransactionBatch& batch, std::optional<ValidatorIndex> origin) {
  const uint32_t code = CodeOf(origin);
  if (code >= charges_.size()) charges_.resize(code + 1);
  const MempoolCharge before = charges_[code];
  const auto shared = std::make_shared<const Batch>(Batch{batch.bytes, batch.index});
  std::vector<uint32_t> taken;
  auto left_out = batch.left_out.begin();
  for (uint32_t i = 0; i < batch.index->entries.size(); ++i) {
    PrefetchAhead(*batch.index, i, known_);
    if (left_out != batch.left_out.end() && *left_out == i) {
      ++left_out;
      continue;
    }
    const uint32_t place = AddOne(shared, i, code);
    if (place != kNone) taken.push_back(place);
  }
  CompactIfSparse(taken);
  if (code == 0) {
    MempoolCharge charged = charges_[0];
    charged -= before;
    unreleased_ += ChargeOf(*batch.index);
    unreleased_ -= charged;
    ReleaseDischarged();
  }
  return taken.size();
}

// The heights to come, and as far ahead as an honest validator that we trail may have stamped.
bool Mempool::InRange(uint64_t last_height) const {
  const uint64_t next = committed_height_.value + 1;
  return last_height >= next && last_height - next <= 2 * limits_.duplicate_window_blocks;
}

// Own clients' room was reserved in the budget.
bool Mempool::HasRoom(uint32_t origin, const MempoolCharge& charge) const {
  if (origin == 0) return true;
  MempoolCharge after = charges_[origin];
  after += charge;
  return after.FitsIn(each_peer_max_);
}

uint32_t Mempool::AddOne(const std::shared_ptr<const Batch>& batch, uint32_t index,
                         uint32_t origin) {
  const PayloadIndex::Entry& details = batch->index->entries[index];
  const uint64_t last_height = details.last_height;
  if (!InRange(last_height)) {
    KILN_MARK("a forwarded transaction is out of range");
    return kNone;
  }
  if (!HasRoom(origin, ChargeOfOne(details))) {
    KILN_MARK("a peer's share of the mempool is full");
    return kNone;
  }
  Known& known = known_[PrefixOf(details.id)];
  if (known.committed > 0) {
    KILN_MARK("a transaction comes that was committed lately");
    return kNone;
  }
  if (known.entry != kNone) {
    const uint32_t place = known.entry;
    if (origin != 0 || entries_[place].origin == 0) return kNone;
    KILN_MARK("an own client's transaction takes over a forwarded one");
    TakeOver(place, batch, index, last_height);
    return place;
  }
  known.entry = Append({.batch = batch,
                        .last_height = last_height,
                        .index = index,
                        .origin = origin,
                        .ancestors = known.ancestors});
  Charge(origin, ChargeOfOne(details));
  return known.entry;
}

// To the end of the list.
uint32_t Mempool::Append(Entry entry) {
  uint32_t place = free_;
  if (place == kNone) {
    KILN_CHECK_LT(entries_.size(), size_t{kNone});
    place = static_cast<uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    free_ = entries_[place].next;
  }
  entry.previous = newest_;
  if (newest_ == kNone) {
    oldest_ = place;
  } else {
    entries_[newest_].next = place;
  }
  newest_ = place;
  if (entry.ancestors == 0) ++waiting_;
  entries_[place] = std::move(entry);
  return place;
}

void Mempool::TakeOver(uint32_t place, const std::shared_ptr<const Batch>& batch, uint32_t index,
                       uint64_t last_height) {
  Entry& entry = entries_[place];
  Discharge(entry.origin, ChargeOfOne(DetailsOf(entry)));
  entry.batch = batch;
  entry.index = index;
  entry.last_height = last_height;
  entry.origin = 0;
  Charge(0, ChargeOfOne(DetailsOf(entry)));
}

void Mempool::CompactIfSparse(absl::Span<const uint32_t> taken) {
  if (taken.empty()) return;
  uint64_t bytes = 0;
  for (const uint32_t place : taken) bytes += ChargeOfOne(DetailsOf(entries_[place])).bytes;
  if (2 * bytes >= entries_[taken[0]].batch->bytes->size()) return;
  auto index = std::make_shared<PayloadIndex>();
  consensus::SharedBytes envelopes = CopyOf(taken, index.get());
  const auto copy = std::make_shared<const Batch>(Batch{std::move(envelopes), std::move(index)});
  for (uint32_t i = 0; i < taken.size(); ++i) {
    entries_[taken[i]].batch = copy;
    entries_[taken[i]].index = i;
  }
}

consensus::SharedBytes Mempool::CopyOf(absl::Span<const uint32_t> places,
                                       PayloadIndex* index) const {
  size_t bytes = consensus::kPayloadHeaderBytes;
  for (const uint32_t place : places) bytes += ChargeOfOne(DetailsOf(entries_[place])).bytes;
  crypto::Encoder payload;
  payload.Reserve(bytes);
  payload.U32(static_cast<uint32_t>(places.size()));
  index->entries.reserve(places.size());
  for (const uint32_t place : places) {
    const Entry& entry = entries_[place];
    payload.Bytes(entry.batch->index->EnvelopeAt(*entry.batch->bytes, entry.index));
    index->entries.push_back(DetailsOf(entry));
    PayloadIndex::Entry& copied = index->entries.back();
    copied.offset = static_cast<uint32_t>(payload.view().size()) - copied.length;
  }
  return std::make_shared<const std::string>(std::move(payload).Take());
}

void Mempool::Drop(uint32_t place) {
  const Entry& entry = entries_[place];
  const PayloadIndex::Entry& details = DetailsOf(entry);
  const auto known = known_.find(PrefixOf(details.id));
  KILN_CHECK(known != known_.end() && known->second.entry == place);
  known->second.entry = kNone;
  if (known->second.empty()) known_.erase(known);
  Discharge(entry.origin, ChargeOfOne(details));
  if (entry.ancestors == 0) --waiting_;
  Unlink(place);
}

// The entry becomes free.
void Mempool::Unlink(uint32_t place) {
  Entry& entry = entries_[place];
  (entry.previous == kNone ? oldest_ : entries_[entry.previous].next) = entry.next;
  (entry.next == kNone ? newest_ : entries_[entry.next].previous) = entry.previous;
  entry = {.next = free_};
  free_ = place;
}

void Mempool::Charge(uint32_t origin, const MempoolCharge& charge) {
  charges_[origin] += charge;
  total_ += charge;
}

void Mempool::Discharge(uint32_t origin, const MempoolCharge& charge) {
  charges_[origin] -= charge;
  total_ -= charge;
  if (origin == 0) unreleased_ += charge;
}

void Mempool::ReleaseDischarged() {
  if (unreleased_ == MempoolCharge{}) return;
  budget_->Release(unreleased_);
  unreleased_ = {};
}

MempoolCharge Mempool::ChargeOfOrigin(std::optional<ValidatorIndex> origin) const {
  const uint32_t code = CodeOf(origin);
  return code < charges_.size() ? charges_[code] : MempoolCharge{};
}

BuiltPayload Mempool::BuildPayload(Height next_height,
                                   absl::Span<const consensus::BlockPtr> ancestors) {
  TrackOnly(ancestors);
  BuiltPayload built;
  const std::vector<uint32_t> selected = Select(next_height, &built.expired);
  ReleaseDischarged();
  if (selected.empty()) {
    built.payload = consensus::EmptyPayload();
    built.index = consensus::EmptyPayloadIndex();
    return built;
  }
  auto index = std::make_shared<PayloadIndex>();
  built.payload = CopyOf(selected, index.get());
  consensus::AddLeaves(index.get());
  built.index = std::move(index);
  return built;
}

std::vector<uint32_t> Mempool::Select(Height next_height, std::vector<Hash>* expired) {
  std::vector<uint32_t> selected;
  uint64_t bytes = consensus::kPayloadHeaderBytes;
  for (uint32_t place = oldest_; place != kNone;) {
    const Entry& entry = entries_[place];
    const uint32_t next = entry.next;
    if (entry.ancestors == 0) {
      if (entry.last_height <= committed_height_.value) {
        KILN_MARK("a leader drops an expired transaction");
        if (entry.origin == 0) expired->push_back(DetailsOf(entry).id);
        Drop(place);
      } else if (MayExecuteAt(next_height, entry.last_height, limits_.duplicate_window_blocks)) {
        bytes += ChargeOfOne(DetailsOf(entry)).bytes;
        if (bytes > limits_.block_bytes_max) {
          KILN_MARK("a block is full of bytes");
          break;
        }
        selected.push_back(place);
        if (selected.size() == limits_.block_transactions_max) {
          KILN_MARK("a block is full of transactions");
          break;
        }
      }
    } else {
      KILN_MARK("a transaction in an ancestor is left out");
    }
    place = next;
  }
  return selected;
}

std::vector<Hash> Mempool::DropExpired() {
  std::vector<Hash> expired;
  for (uint32_t place = oldest_; place != kNone;) {
    const Entry& entry = entries_[place];
    const uint32_t next = entry.next;
    if (entry.last_height <= committed_height_.value) {
      KILN_MARK("an expired transaction is dropped");
      if (entry.origin == 0) expired.push_back(DetailsOf(entry).id);
      Drop(place);
    }
    place = next;
  }
  ReleaseDischarged();
  return expired;
}

void Mempool::Remove(const consensus::BlockPtr& committed) {
  KILN_CHECK_GT(committed->header.height, committed_height_);
  committed_height_ = committed->header.height;
  // What is not above it has either become it or lost to it.
  std::vector<consensus::BlockPtr> above;
  for (const consensus::BlockPtr& block : ancestors_) {
    if (block->header.height > committed_height_) above.push_back(block);
  }
  TrackOnly(above);
  RememberCommitted(*committed);
  if (committed_.size() > kCommittedBlocksRemembered) ForgetOldestCommitted();
  ReleaseDischarged();
}

// Blocks that stay are not gone through again.
void Mempool::TrackOnly(absl::Span<const consensus::BlockPtr> ancestors) {
  const auto holds = [](absl::Span<const consensus::BlockPtr> blocks, const Hash& id) {
    return std::any_of(blocks.begin(), blocks.end(),
                       [&id](const consensus::BlockPtr& block) { return block->id == id; });
  };
  std::vector<consensus::BlockPtr> kept;
  for (const consensus::BlockPtr& block : ancestors_) {
    if (holds(ancestors, block->id)) {
      kept.push_back(block);
    } else {
      KILN_MARK("the transactions of a lost block may go into another");
      Untrack(*block);
    }
  }
  ancestors_ = std::move(kept);
  for (const consensus::BlockPtr& block : ancestors) {
    if (block->header.height <= committed_height_ || holds(ancestors_, block->id)) continue;
    Track(*block);
    ancestors_.push_back(block);
  }
}

void Mempool::Track(const consensus::Block& block) {
  ForEachExecutable(block, limits_.duplicate_window_blocks, known_,
                    [this](const storage::TransactionIdPrefix& id) {
                      Known& known = known_[id];
                      ++known.ancestors;
                      if (known.entry == kNone) return;
                      entries_[known.entry].ancestors = known.ancestors;
                      if (known.ancestors == 1) --waiting_;
                    });
}

void Mempool::Untrack(const consensus::Block& block) {
  ForEachExecutable(block, limits_.duplicate_window_blocks, known_,
                    [this](const storage::TransactionIdPrefix& id) {
                      const auto found = known_.find(id);
                      KILN_CHECK(found != known_.end() && found->second.ancestors > 0);
                      Known& known = found->second;
                      --known.ancestors;
                      if (known.entry != kNone) {
                        entries_[known.entry].ancestors = known.ancestors;
                        if (known.ancestors == 0) ++waiting_;
                      }
                      if (known.empty()) known_.erase(found);
                    });
}

void Mempool::RememberCommitted(const consensus::Block& block) {
  std::vector<storage::TransactionIdPrefix> ids;
  ids.reserve(block.index->entries.size());
  ForEachExecutable(block, limits_.duplicate_window_blocks, known_,
                    [this, &ids](const storage::TransactionIdPrefix& id) {
                      Known& known = known_[id];
                      ++known.committed;
                      ids.push_back(id);
                      if (known.entry != kNone) Drop(known.entry);
                    });
  committed_.push_back(std::move(ids));
}

void Mempool::ForgetOldestCommitted() {
  for (const storage::TransactionIdPrefix& id : committed_.front()) {
    const auto known = known_.find(id);
    KILN_CHECK(known != known_.end() && known->second.committed > 0);
    --known->second.committed;
    if (known->second.empty()) known_.erase(known);
  }
  committed_.pop_front();
}

}  // namespace kiln::node
