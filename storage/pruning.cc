#include "storage/pruning.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/block.h"
#include "consensus/executed_state.h"
#include "storage/database.h"
#include "storage/schema.h"
#include "storage/snapshot_stream.h"
#include "storage/store.h"

namespace kiln::storage {
namespace {

constexpr Height kFirst{1};

// Whether the root of the snapshot is in the state that the committed head names, or in one before:
// whatever the head's header says, a quorum has certified.
bool IsCertified(const consensus::Header& head, Height snapshot, uint64_t interval_blocks) {
  return consensus::SnapshotNamedAt(head.executed_height, interval_blocks) >= snapshot;
}

// A family in which every height has one range of keys.
struct HeightRange {
  Family family;
  std::string (*key)(Height height);
};
constexpr std::array<HeightRange, 6> kRanges = {{
    {Family::kBlocks, HeightKey},
    {Family::kPayloads, HeightKey},
    {Family::kCertificates, HeightKey},
    {Family::kIndexByHeight, IdAtHeightKey},
    {Family::kTransactionIndex, ResultIdsKey},
    {Family::kTransactionIndex, ResultRepliesKey},
}};

}  // namespace

absl::StatusOr<PrunePlan> PlanPrune(const Store& store, const ChainLimits& limits,
                                    uint64_t retention_blocks) {
  KILN_CHECK_GT(retention_blocks, 0u);
  const uint64_t window = limits.duplicate_window_blocks;
  const Height committed = store.committed_height();
  const Height executed = store.executed_state().height;
  const Height lowest = store.base().lowest();
  PrunePlan plan{.lowest = lowest, .window_lowest = kFirst};
  KILN_ASSIGN_OR_RETURN(const std::vector<Height> snapshots, store.Snapshots());
  if (snapshots.empty()) return plan;
  plan.window_lowest = SnapshotWindowBegin(std::min(executed, snapshots.front()), window);
  if (committed < lowest || committed.value < retention_blocks) return plan;
  KILN_ASSIGN_OR_RETURN(const consensus::Header head, store.HeaderAt(committed));
  if (!IsCertified(head, snapshots.front(), limits.snapshot_interval_blocks)) {
    KILN_MARK("nothing is pruned without a certified snapshot");
    return plan;
  }
  const Height retained{committed.value - retention_blocks + 1};
  if (retained > plan.window_lowest) KILN_MARK("more is kept than the retention asks for");
  plan.lowest = std::max(lowest, std::min({retained, plan.window_lowest, head.executed_height}));
  return plan;
}

absl::StatusOr<Height> DeleteBelow(Database* database, const PrunePlan& plan, Height from,
                                   size_t heights_max) {
  const std::unique_ptr<WriteBatch> batch = database->NewBatch(heights_max * 64);
  const std::unique_ptr<Iterator> blocks =
      database->NewIterator(Family::kBlocks, HeightKey(plan.lowest));
  Height end;
  size_t found = 0;
  blocks->Seek(HeightKey(std::max(from, kFirst)));  // block 0 stays
  for (; blocks->Valid() && found < heights_max; blocks->Next(), ++found) {
    KILN_ASSIGN_OR_RETURN(const BlockKeyParts parts, ParseBlockKey(blocks->key()));
    batch->Delete(Family::kIndexByHeight, HeightOfIdKey(parts.id));
    end = Height{parts.height.value + 1};
  }
  KILN_RETURN_IF_ERROR(blocks->status());
  if (found == 0) return plan.lowest;
  for (const HeightRange& range : kRanges) {
    batch->DeleteRange(range.family, range.key(kFirst), range.key(end));
  }
  const Height window_end = std::min(end, plan.window_lowest);
  if (window_end > kFirst) {
    batch->DeleteRange(Family::kTransactionIndex, WindowIdsKey(kFirst), WindowIdsKey(window_end));
  }
  KILN_MARK("blocks are pruned");
  KILN_RETURN_IF_ERROR(database->Write(batch.get(), Durability::kUnsynced));
  return end;
}

absl::Status ReclaimBelow(Database* database, Height lowest) {
  for (const HeightRange& range : kRanges) {
    KILN_RETURN_IF_ERROR(database->Reclaim(range.family, range.key(kFirst), range.key(lowest)));
  }
  return absl::OkStatus();
}

}  // namespace kiln::storage
