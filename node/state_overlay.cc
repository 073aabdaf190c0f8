#include "node/state_overlay.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kiln::node {
namespace {

// Entries read from below at a time: deletions above may hide any number of them.
constexpr size_t kScanStepMin = 16;

}  // namespace

absl::StatusOr<std::string> StateOverlay::Get(absl::string_view key) const {
  if (const auto write = writes_.find(key); write != writes_.end()) {
    if (write->second.has_value()) return *write->second;
    return absl::NotFoundError("no such key");
  }
  absl::StatusOr<std::string> value = base_->Get(key);
  if (!value.ok() && !absl::IsNotFound(value.status())) status_.Update(value.status());
  return value;
}

absl::StatusOr<StateOverlay::Entries> StateOverlay::Scan(absl::string_view from,
                                                         size_t count_max) const {
  Entries merged;
  auto write = writes_.lower_bound(from);
  std::string cursor(from);
  bool base_ended = false;
  while (merged.size() < count_max && !base_ended) {
    const size_t step = std::max(kScanStepMin, count_max - merged.size());
    absl::StatusOr<Entries> below = base_->Scan(cursor, step);
    if (!below.ok()) {
      status_.Update(below.status());
      return below.status();
    }
    base_ended = below->size() < step;
    // The least key above the last one seen.
    if (!base_ended) cursor = below->back().first + '\0';
    for (auto& entry : *below) {
      AppendBelow(entry.first, &write, &merged);
      if (write != writes_.end() && write->first == entry.first) continue;  // overwritten
      merged.push_back(std::move(entry));
    }
  }
  for (; write != writes_.end() && merged.size() < count_max; ++write) {
    if (write->second.has_value()) merged.emplace_back(write->first, *write->second);
  }
  if (merged.size() > count_max) merged.resize(count_max);
  return merged;
}

// Puts that come before `key`, in order.
void StateOverlay::AppendBelow(const std::string& key, Writes::const_iterator* write,
                               Entries* merged) const {
  for (; *write != writes_.end() && (*write)->first < key; ++*write) {
    if ((*write)->second.has_value()) merged->emplace_back((*write)->first, *(*write)->second);
  }
}

void StateOverlay::Put(absl::string_view key, absl::string_view value) {
  if (IsValidKey(key)) writes_.insert_or_assign(std::string(key), std::string(value));
}

void StateOverlay::Delete(absl::string_view key) {
  if (IsValidKey(key)) writes_.insert_or_assign(std::string(key), std::nullopt);
}

bool StateOverlay::IsValidKey(absl::string_view key) {
  if (key.size() <= kStateKeyBytesMax) return true;
  status_.Update(absl::InvalidArgumentError(absl::StrCat(
      "the application wrote a key of ", key.size(), " bytes, the limit is ", kStateKeyBytesMax)));
  return false;
}

std::vector<storage::StateWrite> StateOverlay::TakeWrites() && {
  std::vector<storage::StateWrite> writes;
  writes.reserve(writes_.size());
  for (auto& [key, value] : writes_) writes.push_back({.key = key, .value = std::move(value)});
  writes_.clear();
  return writes;
}

}  // namespace kiln::node
