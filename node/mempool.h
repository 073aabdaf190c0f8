// Transactions that wait to be ordered.
#ifndef KILN_NODE_MEMPOOL_H_
#define KILN_NODE_MEMPOOL_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/payload.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "storage/store.h"

namespace kiln::node {

// What transactions take of a pool: their number, and the bytes that they would take in a payload.
struct MempoolCharge {
  uint64_t transactions = 0;
  uint64_t bytes = 0;  // envelopes and their length fields

  MempoolCharge& operator+=(const MempoolCharge& other);
  MempoolCharge& operator-=(const MempoolCharge& other);
  bool FitsIn(const MempoolCharge& limit) const;
  friend bool operator==(const MempoolCharge&, const MempoolCharge&) = default;
};

// Of a whole batch: the capacity to reserve before it is handed over.
MempoolCharge ChargeOf(const consensus::PayloadIndex& index);

// The share of the pool that is for this node's own clients, so that a client thread can answer
// "full" at once. Thread-safe. Invariant: used() never exceeds the limit for longer than a refused
// TryReserve.
class MempoolBudget {
 public:
  explicit MempoolBudget(MempoolCharge limit) : limit_(limit) {}

  // False, and nothing taken, when it does not fit.
  bool TryReserve(const MempoolCharge& charge);
  // REQUIRES: reserved before.
  void Release(const MempoolCharge& charge);
  MempoolCharge used() const;
  const MempoolCharge& limit() const { return limit_; }

 private:
  const MempoolCharge limit_;
  std::atomic<uint64_t> transactions_{0};
  std::atomic<uint64_t> bytes_{0};
};

// How a pool is divided: half for this node's own clients, the other half in equal parts for the
// other validators, so that one that floods us takes room from nobody else.
struct MempoolShares {
  MempoolCharge own;
  MempoolCharge each_peer;

  static MempoolShares Divide(const MempoolCharge& total, size_t validator_count);
};

// Transactions on their way into the pool.
struct TransactionBatch {
  consensus::SharedBytes bytes;
  std::shared_ptr<const consensus::PayloadIndex> index;
  std::vector<uint32_t> left_out;  // ascending; answered already, so not taken
};

// A payload for a block of ours, with its index: ids and leaves are those computed on arrival.
struct BuiltPayload {
  consensus::SharedBytes payload;
  std::shared_ptr<const consensus::PayloadIndex> index;
  std::vector<Hash>
      expired;  // of own clients; left the pool because no block can execute them any more
};

// First in, first out. Entries point into the batches they came in; nothing is copied for each
// transaction until a payload is built. Invariant: an id waits at most once; each origin's charge
// is the exact sum over its entries, and a peer's is within its share. Pure (no clock, no lock, no
// chance); for the replica's thread alone. Costs a few hundred nanoseconds for each transaction in
// all.
class Mempool {
 public:
  // Ids of this many committed blocks are remembered, so that what arrives late is not taken again.
  static constexpr size_t kCommittedBlocksRemembered = 64;

  // `budget` outlives the pool; its limit is the own clients' share.
  Mempool(const ChainLimits& limits, const MempoolCharge& each_peer_max, MempoolBudget* budget,
          Height committed_height);

  Mempool(const Mempool&) = delete;
  Mempool& operator=(const Mempool&) = delete;

  // Takes what is new, in range of the heights to come and within the origin's share; the rest of
  // the batch is passed over. No origin means own clients: the whole batch was reserved in the
  // budget before, and what is not taken is released at once. What a peer sent first and an own
  // client sends too becomes the own client's. Returns the number taken.
  size_t Add(const TransactionBatch& batch, std::optional<ValidatorIndex> origin);

  // Oldest first, within the block limits of the chain, without what `ancestors` (the uncommitted
  // blocks below, in any order) hold already and what cannot execute at `next_height`.
  BuiltPayload BuildPayload(Height next_height, absl::Span<const consensus::BlockPtr> ancestors);

  // Forgets what the block ordered. An envelope whose last height kept it from being executed in
  // the block does not count: somebody else may have changed it on the way. REQUIRES: heights
  // ascend.
  void Remove(const consensus::BlockPtr& committed);

  // Drops what no block above the committed ones can execute; returns the ids of own clients' ones.
  // Takes time for everything that waits: now and then, for a node that builds no payloads.
  std::vector<Hash> DropExpired();

  // Not yet in a block that the last BuildPayload or Remove knew of.
  size_t waiting() const { return waiting_; }
  // All that it holds, of all origins.
  const MempoolCharge& total() const { return total_; }
  MempoolCharge ChargeOfOrigin(std::optional<ValidatorIndex> origin) const;

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  // A batch as long as one of its transactions waits. The root of the index is not used.
  struct Batch {
    consensus::SharedBytes bytes;
    std::shared_ptr<const consensus::PayloadIndex> index;
  };
  // One waiting transaction, in a list by order of arrival; free entries are linked by `next`.
  struct Entry {
    std::shared_ptr<const Batch> batch;
    uint64_t last_height = 0;
    uint32_t index = 0;  // in the batch
    uint32_t previous = kNone;
    uint32_t next = kNone;
    uint32_t origin = 0;     // 0: own clients; otherwise validator index + 1
    uint32_t ancestors = 0;  // as in Known
  };
  // What is known of an id. Invariant: not all of it is empty.
  struct Known {
    uint32_t entry = kNone;
    uint32_t ancestors = 0;  // tracked uncommitted blocks that execute it
    uint32_t committed = 0;  // remembered committed blocks that executed it

    bool empty() const { return entry == kNone && ancestors == 0 && committed == 0; }
  };
  using KnownMap = absl::flat_hash_map<storage::TransactionIdPrefix, Known>;  // lookup only

  const consensus::PayloadIndex::Entry& DetailsOf(const Entry& entry) const {
    return entry.batch->index->entries[entry.index];
  }
  bool InRange(uint64_t last_height) const;
  bool HasRoom(uint32_t origin, const MempoolCharge& charge) const;
  // The entry that now holds it, or kNone when it is not taken.
  uint32_t AddOne(const std::shared_ptr<const Batch>& batch, uint32_t index, uint32_t origin);
  uint32_t Append(Entry entry);
  void TakeOver(uint32_t place, const std::shared_ptr<const Batch>& batch, uint32_t index,
                uint64_t last_height);
  // Copies what was taken of a batch when that is less than half of it: a few transactions must not
  // keep a large buffer alive.
  void CompactIfSparse(absl::Span<const uint32_t> taken);
  // Their envelopes as one payload; `index` gets everything but the root.
  consensus::SharedBytes CopyOf(absl::Span<const uint32_t> places,
                                consensus::PayloadIndex* index) const;
  // Out of the list, the charges and known_.
  void Drop(uint32_t place);
  void Unlink(uint32_t place);
  void Charge(uint32_t origin, const MempoolCharge& charge);
  void Discharge(uint32_t origin, const MempoolCharge& charge);
  void ReleaseDischarged();

  void TrackOnly(absl::Span<const consensus::BlockPtr> ancestors);
  void Track(const consensus::Block& block);
  void Untrack(const consensus::Block& block);
  void RememberCommitted(const consensus::Block& block);
  void ForgetOldestCommitted();
  std::vector<uint32_t> Select(Height next_height, std::vector<Hash>* expired);

  const ChainLimits limits_;
  const MempoolCharge each_peer_max_;
  MempoolBudget* const budget_;

  Height committed_height_;
  std::vector<Entry> entries_;
  uint32_t free_ = kNone;
  uint32_t oldest_ = kNone;
  uint32_t newest_ = kNone;
  KnownMap known_;
  std::vector<MempoolCharge> charges_;  // by origin
  MempoolCharge total_;
  MempoolCharge unreleased_;  // of own clients; goes back to the budget at the end of each call
  size_t waiting_ = 0;
  std::vector<consensus::BlockPtr> ancestors_;                       // tracked
  std::deque<std::vector<storage::TransactionIdPrefix>> committed_;  // oldest first
};

}  // namespace kiln::node

#endif  // KILN_NODE_MEMPOOL_H_
