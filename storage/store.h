// What a node keeps on disk: the ledger, the safety record and the application's state, behind one
// interface.
#ifndef KILN_STORAGE_STORE_H_
#define KILN_STORAGE_STORE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/effects.h"
#include "consensus/executed_state.h"
#include "consensus/safety_record.h"
#include "kiln/state.h"
#include "kiln/types.h"
#include "storage/ledger_base.h"
#include "storage/pruning.h"

namespace kiln::storage {

using consensus::Commit;
using consensus::DurableWrite;

// What a restarting replica starts from.
struct RecoveredLedger {
  consensus::SafetyRecord safety;
  consensus::BlockPtr committed;                 // the newest committed block; block 0 at first
  std::vector<consensus::BlockPtr> uncommitted;  // above it, ascending by height, parents first
};

// One key's new value; none deletes it.
struct StateWrite {
  std::string key;
  std::optional<std::string> value;
};

// The first half of a transaction id: enough to find it, never to believe it.
using TransactionIdPrefix = std::array<uint8_t, 16>;

// What came of the block at a height: one entry for each transaction of its payload, in order.
struct BlockResults {
  consensus::ExecutedState state;
  uint64_t total_transactions =
      0;  // executed by the application since genesis, this block included
  std::vector<TransactionIdPrefix> ids;
  std::vector<Reply> replies;
};

inline bool IsExecuted(const Reply& reply) {
  return reply.code < Reply::kFirstEngineCode;
}
// The ids that were executed, in order, without what was set aside as expired or repeated.
// DataLoss when there are not as many replies as ids.
absl::StatusOr<std::vector<TransactionIdPrefix>> ExecutedIds(const BlockResults& results);

// What a height left behind, without what came of its transactions.
struct HeightState {
  consensus::ExecutedState state;
  uint64_t total_transactions = 0;  // executed by the application since genesis
};

struct TransactionPosition {
  Height height;
  uint32_t index = 0;
};

// Bytes and syncs since the store was opened.
struct StoreCounters {
  uint64_t bytes_written = 0;
  uint64_t syncs = 0;
};

class SnapshotStage;

// Over the application's state as of one snapshot, in order of its keys. Keeps the snapshot
// readable for as long as it lives, and must not outlive the store. For one thread.
class StateCursor {
 public:
  virtual ~StateCursor() = default;

  // To the first key not below, or to the next one. False: there is none. DataLoss names what was
  // not read back as it was written.
  virtual absl::StatusOr<bool> Seek(absl::string_view key) = 0;
  virtual absl::StatusOr<bool> Next() = 0;  // REQUIRES: on a key
  // REQUIRES: on a key. Views live until the cursor moves.
  virtual absl::string_view key() const = 0;
  virtual absl::string_view value() const = 0;
};

// Thread-safe. Persist is called by the replica's thread and ApplyBlock by the executing thread,
// one call at a time each; readers are anybody. Any error from a write is final: the caller stops
// the process, nothing is retried. Every value read is checked against its hash or checksum;
// DataLoss names what is damaged.
class Store {
 public:
  virtual ~Store() = default;

  // All of `write` in one atomic batch, durable when it returns OK. Commits extend the committed
  // chain by exactly one height per block (KILN_CHECK); siblings of committed blocks are dropped,
  // and blocks that come too late to be committed are not kept. An empty write does nothing.
  virtual absl::Status Persist(const DurableWrite& write) = 0;

  // As found when the store was opened.
  virtual RecoveredLedger Recover() const = 0;

  // NotFound when unknown. By id finds uncommitted blocks too.
  virtual absl::StatusOr<consensus::BlockPtr> BlockById(const Hash& id) const = 0;
  virtual absl::StatusOr<consensus::BlockPtr> BlockAt(Height height) const = 0;
  // Without reading the payload.
  virtual absl::StatusOr<consensus::Header> HeaderAt(Height height) const = 0;
  // An encoded FinalityProof (consensus/finality.h) for the committed block at this height. The
  // proof of an indirectly committed block runs through its descendants up to the directly
  // committed one.
  virtual absl::StatusOr<std::string> FinalityAt(Height height) const = 0;
  virtual Height committed_height() const = 0;
  // What the ledger stands on. Blocks, proofs and results of heights up to it are not here (block
  // 0 apart): asking for them is NotFound, and the message has the lowest height that is.
  virtual LedgerBase base() const = 0;

  // The writes, the results and the height itself, atomically. Not synced: state is a function of
  // the ledger and is replayed from it. REQUIRES: results.state.height is one above
  // executed_state().height.
  virtual absl::Status ApplyBlock(const std::vector<StateWrite>& writes,
                                  const BlockResults& results) = 0;
  // The newest applied.
  virtual consensus::ExecutedState executed_state() const = 0;
  virtual absl::StatusOr<BlockResults> ResultsAt(Height height) const = 0;
  // Likewise, also of the base's height.
  absl::StatusOr<HeightState> StateAt(Height height) const;
  // Ids executed at the height, without what was set aside. Also of heights up to the base's, as
  // far as the duplicate window of a snapshot reached.
  virtual absl::StatusOr<std::vector<TransactionIdPrefix>> ExecutedIdsAt(Height height) const = 0;
  // Where a transaction was executed (not set aside as a duplicate or expired), newest height
  // first, not below `lowest`. Compares whole ids. NotFound.
  virtual absl::StatusOr<TransactionPosition> FindTransaction(const Hash& id,
                                                              Height lowest) const = 0;
  // An immutable view of the newest applied state, and its height.
  struct View {
    std::shared_ptr<const StateView> state;
    Height height;
  };
  virtual View state_view() const = 0;

  // What the plan (storage/pruning.h) leaves out is no longer here: durable when it returns OK. It
  // lies on the disk until DeletePruned. Called by one thread at a time, like the next.
  // REQUIRES: base().lowest() < plan.lowest <= executed_state().height.
  virtual absl::Status Prune(const PrunePlan& plan) = 0;
  // Deletes up to `heights_max` heights of what was pruned, and gives its space back with the last
  // of them. False when there is nothing more to delete.
  virtual absl::StatusOr<bool> DeletePruned(const PrunePlan& plan, size_t heights_max) = 0;

  // Keeps the newest applied state as a snapshot of its height. Durable, and complete, when it
  // returns OK; does not hold up Persist. REQUIRES: there is none of that height. Called by the
  // executing thread, between two ApplyBlock.
  virtual absl::Status TakeSnapshot() = 0;
  // Heights of those kept, ascending.
  virtual absl::StatusOr<std::vector<Height>> Snapshots() const = 0;
  // NotFound when there is none; DataLoss when it is of another state than the results say.
  virtual absl::StatusOr<std::unique_ptr<StateCursor>> OpenSnapshot(Height height) const = 0;
  // Cursors over it may fail from then on.
  virtual absl::Status DropSnapshot(Height height) = 0;

  // Where a snapshot of the others lies while it is fetched; the next opening makes a ledger of it.
  // Null when the store cannot keep one.
  virtual SnapshotStage* stage() { return nullptr; }

  virtual StoreCounters counters() const = 0;
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_STORE_H_
