#include "sim/sim_disk_view.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "sim/sim_disk.h"
#include "storage/schema.h"

namespace kiln::sim {
namespace {

bool Has(SimDisk* disk, storage::Family family, const std::string& key, uint64_t now_us) {
  // A value that cannot be read is there: that is rot, not a missing write.
  return !absl::IsNotFound(disk->DurableGet(family, key, now_us).status());
}

}  // namespace

SimDiskView::SimDiskView(SimDisk* disk)
    : disk_(disk), failures_before_(disk->counters().failed_syncs) {}

absl::StatusOr<const consensus::SafetyRecord*> SimDiskView::Safety(uint64_t now_us) const {
  KILN_ASSIGN_OR_RETURN(const absl::string_view sealed,
                        disk_->DurableGet(storage::Family::kSafety, storage::kSafetyKey, now_us));
  if (sealed_ == sealed && !sealed_.empty()) return &record_;
  KILN_ASSIGN_OR_RETURN(record_, disk_->DurableSafetyRecord(now_us));
  sealed_ = std::string(sealed);
  return &record_;
}

absl::StatusOr<Height> SimDiskView::CommittedHeight(uint64_t now_us) const {
  const absl::StatusOr<storage::HeadRecord> head = disk_->DurableHead(now_us);
  if (!head.ok()) return head.status();
  return head->height;
}

bool SimDiskView::HasBlock(Height height, const Hash& id, uint64_t now_us) const {
  return Has(disk_, storage::Family::kBlocks, storage::BlockKey(height, id), now_us);
}

bool SimDiskView::HasPayload(Height height, const Hash& id, uint64_t now_us) const {
  return Has(disk_, storage::Family::kPayloads, storage::BlockKey(height, id), now_us);
}

bool SimDiskView::SyncFailed() const {
  return disk_->counters().failed_syncs > failures_before_;
}

void SimDiskView::ForgetFailures() {
  failures_before_ = disk_->counters().failed_syncs;
}

}  // namespace kiln::sim
