#include "node/pruner.h"

#include <algorithm>
#include <cstdint>

#include "base/mark.h"
#include "base/status_macros.h"
#include "storage/pruning.h"

namespace kiln::node {
namespace {

constexpr uint64_t kStrideMax = 1024;

}  // namespace

Pruner::Pruner(const ChainLimits& limits, storage::Store* store, uint64_t retention_blocks)
    : limits_(limits),
      store_(store),
      retention_blocks_(retention_blocks),
      stride_(std::clamp<uint64_t>(std::min(retention_blocks, limits.snapshot_interval_blocks) / 8,
                                   1, kStrideMax)) {}

absl::StatusOr<bool> Pruner::Step() {
  const bool keeps_all = retention_blocks_ == 0;
  // A ledger that began with a snapshot may have an older one below it.
  if (keeps_all && (!has_leftovers_ || store_->base().height().value == 0)) {
    look_at_ = UINT64_MAX;
    return false;
  }
  const uint64_t committed = store_->committed_height().value;
  if (!has_leftovers_ && committed < look_at_) return false;
  KILN_ASSIGN_OR_RETURN(
      const storage::PrunePlan plan,
      storage::PlanPrune(*store_, limits_, keeps_all ? UINT64_MAX : retention_blocks_));
  if (has_leftovers_) {
    KILN_ASSIGN_OR_RETURN(has_leftovers_, store_->DeletePruned(plan, kHeightsPerStep));
    return true;
  }
  look_at_ = committed + stride_;
  if (plan.lowest.value < store_->base().lowest().value + stride_) return false;
  KILN_MARK("the lowest height rises");
  KILN_RETURN_IF_ERROR(store_->Prune(plan));
  has_leftovers_ = true;
  return true;
}

absl::Status Pruner::Run(const std::function<absl::StatusOr<bool>()>& step) {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Pruner::IsWokenOrStops));
      if (stopping_) return absl::OkStatus();
      woken_ = false;
    }
    bool has_more = true;
    while (has_more && !is_stopping()) {
      KILN_ASSIGN_OR_RETURN(has_more, step());
    }
  }
}

bool Pruner::Wake() {
  if (store_->committed_height().value < look_at_) return false;
  absl::MutexLock lock(&mutex_);
  woken_ = true;
  return true;
}

void Pruner::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

bool Pruner::is_stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

}  // namespace kiln::node
