#include "node/snapshots.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "storage/application_rollback.h"

namespace kiln::node {

Snapshots::Snapshots(const ChainLimits& limits, storage::Store* store, size_t kept)
    : limits_(limits), store_(store), kept_(kept) {
  KILN_CHECK_GT(kept, 0u);
}

absl::Status Snapshots::Restore() {
  const Height executed = store_->executed_state().height;
  KILN_ASSIGN_OR_RETURN(const std::vector<Height> heights, store_->Snapshots());
  absl::MutexLock lock(&mutex_);
  KILN_CHECK(entries_.empty());
  for (const Height height : heights) {
    // The state went on from it, so it was complete; or a newer one that was fetched took its
    // place.
    if (height < executed && height >= store_->base().height()) {
      entries_.emplace(height, std::make_shared<Entry>());
    } else {
      KILN_MARK("a start drops a snapshot and takes it again");
      KILN_RETURN_IF_ERROR(store_->DropSnapshot(height));
    }
  }
  return absl::OkStatus();
}

bool Snapshots::IsDue() const {
  const Height height = store_->executed_state().height;
  if (height.value == 0 || height.value % limits_.snapshot_interval_blocks != 0) return false;
  absl::MutexLock lock(&mutex_);
  return !entries_.contains(height);
}

absl::Status Snapshots::TakeIfDue() {
  if (!IsDue()) return absl::OkStatus();
  const Height height = store_->executed_state().height;
  KILN_RETURN_IF_ERROR(Annotate(store_->TakeSnapshot(), "taking a snapshot"));
  for (const Height old : Add(height)) {
    KILN_MARK("an old snapshot is dropped");
    KILN_RETURN_IF_ERROR(Annotate(store_->DropSnapshot(old), "dropping a snapshot"));
  }
  return absl::OkStatus();
}

std::vector<Height> Snapshots::Add(Height height) {
  absl::MutexLock lock(&mutex_);
  entries_.emplace(height, std::make_shared<Entry>());
  std::vector<Height> too_many;
  while (entries_.size() > kept_) {
    too_many.push_back(entries_.begin()->first);
    entries_.erase(entries_.begin());
  }
  return too_many;
}

absl::Status Snapshots::Name(const consensus::ExecutedState& before,
                             consensus::ExecutedState* state) {
  state->snapshot_height =
      consensus::SnapshotNamedAt(state->height, limits_.snapshot_interval_blocks);
  state->snapshot_root = before.snapshot_root;
  if (state->snapshot_height == before.snapshot_height) return absl::OkStatus();
  KILN_MARK("a snapshot is named by the state of one interval later");
  const auto index = IndexOf(state->snapshot_height);
  if (absl::IsNotFound(index.status())) {
    return absl::NotFoundError(absl::StrCat("the snapshot of height ", state->snapshot_height.value,
                                            " is missing: put the folder snapshots back into the "
                                            "data folder; if it is lost, ",
                                            storage::HowToMakeStateAgain(store_->base().lowest())));
  }
  KILN_RETURN_IF_ERROR(Annotate(
      index.status(), absl::StrCat("the snapshot of height ", state->snapshot_height.value)));
  state->snapshot_root = (*index)->root();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const storage::SnapshotIndex>> Snapshots::IndexOf(Height height) {
  std::shared_ptr<Entry> entry;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = entries_.find(height);
    if (found == entries_.end()) {
      return absl::NotFoundError(absl::StrCat("no snapshot of height ", height.value, " is kept"));
    }
    entry = found->second;
    const auto not_under_way = [&entry] { return entry->progress != Progress::kUnderWay; };
    mutex_.Await(absl::Condition(&not_under_way));
    if (entry->progress == Progress::kDone) return entry->index;
    entry->progress = Progress::kUnderWay;
  }
  auto index = storage::IndexSnapshot(*store_, height, limits_.duplicate_window_blocks,
                                      [this] { return is_stopping(); });
  absl::MutexLock lock(&mutex_);
  entry->index = std::move(index);
  entry->progress = Progress::kDone;
  return entry->index;
}

Height Snapshots::NextWaiting() const {
  for (const auto& [height, entry] : entries_) {
    if (entry->progress == Progress::kWaiting) return height;
  }
  return Height{0};
}

absl::StatusOr<std::shared_ptr<const storage::SnapshotIndex>> Snapshots::FindIndex(
    Height height) const {
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(height);
  if (found != entries_.end() && found->second->progress == Progress::kDone) {
    return found->second->index;
  }
  return absl::NotFoundError(
      absl::StrCat("no snapshot of height ", height.value, " is kept and worked out"));
}

absl::StatusOr<bool> Snapshots::DropRotten(Height height) {
  if (store_->executed_state().snapshot_height < height) return false;
  {
    absl::MutexLock lock(&mutex_);
    if (entries_.erase(height) == 0) return true;  // it was too old meanwhile
  }
  KILN_MARK("a rotten snapshot is dropped");
  KILN_RETURN_IF_ERROR(Annotate(store_->DropSnapshot(height), "dropping a snapshot"));
  return true;
}

bool Snapshots::WorkOne() {
  Height next;
  {
    absl::MutexLock lock(&mutex_);
    next = NextWaiting();
  }
  if (next.value == 0) return false;
  // What went wrong is told to whoever needs the root; a dropped one nobody needs.
  IndexOf(next).status().IgnoreError();
  return true;
}

void Snapshots::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Snapshots::HasWorkOrStops));
      if (is_stopping_) return;
    }
    WorkOne();
  }
}

void Snapshots::Stop() {
  absl::MutexLock lock(&mutex_);
  is_stopping_ = true;
}

bool Snapshots::is_stopping() const {
  absl::MutexLock lock(&mutex_);
  return is_stopping_;
}

}  // namespace kiln::node
