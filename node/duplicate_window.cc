#include "node/duplicate_window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"

namespace kiln::node {

bool MayExecuteAt(Height height, uint64_t last_height, uint64_t window_blocks) {
  return height.value <= last_height && last_height - height.value <= window_blocks;
}

DuplicateWindow::DuplicateWindow(uint64_t window_blocks) : window_blocks_(window_blocks) {
  KILN_CHECK_GT(window_blocks, 0u);
}

absl::Status DuplicateWindow::Restore(const storage::Store& store) {
  absl::MutexLock lock(&mutex_);
  KILN_CHECK(totals_.empty());
  const uint64_t newest = store.executed_state().height.value;
  const uint64_t oldest = newest < window_blocks_ ? 1 : newest - window_blocks_ + 1;
  for (Height height{oldest}; height.value <= newest; ++height.value) {
    KILN_ASSIGN_OR_RETURN(const auto executed, store.ExecutedIdsAt(height));
    if (!AddLocked(height, executed)) {
      return absl::DataLossError(absl::StrCat("results of height ", height.value,
                                              ": a transaction was executed twice within ",
                                              window_blocks_, " blocks"));
    }
  }
  return absl::OkStatus();
}

std::vector<uint32_t> DuplicateWindow::FindExecuted(const consensus::PayloadIndex& index) const {
  std::vector<uint32_t> found;
  absl::ReaderMutexLock lock(&mutex_);
  for (size_t i = 0; i < index.entries.size(); ++i) {
    if (ids_.Contains(PrefixOf(index.entries[i].id))) found.push_back(static_cast<uint32_t>(i));
  }
  if (!found.empty()) KILN_MARK("the duplicate window knows a transaction");
  return found;
}

std::optional<Height> DuplicateWindow::HeightOf(const Hash& id) const {
  absl::ReaderMutexLock lock(&mutex_);
  const std::optional<size_t> order = ids_.OrderOf(PrefixOf(id));
  if (!order.has_value()) return std::nullopt;
  const auto after = std::upper_bound(totals_.begin(), totals_.end(), forgotten_ + *order);
  return Height{height_.value - static_cast<uint64_t>(totals_.end() - after) + 1};
}

void DuplicateWindow::Add(Height height, absl::Span<const storage::TransactionIdPrefix> executed) {
  absl::MutexLock lock(&mutex_);
  KILN_CHECK(AddLocked(height, executed))
      << "a transaction was executed twice, the second time at height " << height;
}

bool DuplicateWindow::AddLocked(Height height,
                                absl::Span<const storage::TransactionIdPrefix> executed) {
  KILN_CHECK(totals_.empty() || height.value == height_.value + 1)
      << "height " << height << " after " << height_;
  if (totals_.size() == window_blocks_) {
    KILN_MARK("the duplicate window forgets its oldest height");
    ids_.RemoveOldest(totals_.front() - forgotten_);
    forgotten_ = totals_.front();
    totals_.pop_front();
  }
  totals_.push_back(forgotten_ + ids_.size() + executed.size());
  height_ = height;
  for (const storage::TransactionIdPrefix& id : executed) {
    if (!ids_.Insert(id)) return false;
  }
  return true;
}

Height DuplicateWindow::height() const {
  absl::ReaderMutexLock lock(&mutex_);
  return height_;
}

size_t DuplicateWindow::size() const {
  absl::ReaderMutexLock lock(&mutex_);
  return ids_.size();
}

}  // namespace kiln::node
