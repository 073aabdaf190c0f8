// How low a ledger must reach, and what becomes of that which lies lower.
#ifndef KILN_STORAGE_PRUNING_H_
#define KILN_STORAGE_PRUNING_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kiln/genesis.h"

namespace kiln::storage {

class Database;
class Store;

// The lowest heights that a ledger still needs.
struct PrunePlan {
  Height lowest;         // of blocks, certificates and results; the present one when none may go
  Height window_lowest;  // of the ids that duplicate windows are made of
};

// With `retention_blocks` heights kept below the committed one, and all that is needed whatever
// that number says: the duplicate windows of the newest state and of every snapshot that is kept,
// the blocks after the newest snapshot whose root a quorum has certified (others join from there:
// without such a snapshot nothing goes), and what the header of the committed head refers to. Never
// lower than it is already. REQUIRES: retention_blocks > 0.
absl::StatusOr<PrunePlan> PlanPrune(const Store& store, const ChainLimits& limits,
                                    uint64_t retention_blocks);

// Deletes the lowest `heights_max` blocks that are left below `plan.lowest`, and all else of their
// heights, in one batch that is not synced; nothing is left below `from`. Returns the height up to
// which nothing is left now, which is `plan.lowest` when all is gone. REQUIRES: that this is the
// ledger's lowest height is durable.
absl::StatusOr<Height> DeleteBelow(Database* database, const PrunePlan& plan, Height from,
                                   size_t heights_max);

// Gives the space of all that DeleteBelow deleted back to the disk. May take long.
absl::Status ReclaimBelow(Database* database, Height lowest);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_PRUNING_H_
