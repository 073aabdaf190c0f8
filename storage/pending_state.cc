#include "storage/pending_state.h"

#include <algorithm>

#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"

namespace kiln::storage {
namespace {

constexpr size_t kVersionOverheadBytes = 64;
// Entries read from below at a time: deletions above may hide any number of them.
constexpr size_t kScanStepMin = 16;

class PendingView final : public StateView {
 public:
  PendingView(std::shared_ptr<const PendingState> pending, Height height)
      : pending_(std::move(pending)), height_(height) {}

  absl::StatusOr<std::string> Get(absl::string_view key) const override {
    return pending_->Get(key, height_);
  }
  absl::StatusOr<PendingState::Entries> Scan(absl::string_view from,
                                             size_t count_max) const override {
    return pending_->Scan(from, count_max, height_);
  }

 private:
  const std::shared_ptr<const PendingState> pending_;
  const Height height_;
};

}  // namespace

void PendingState::Apply(Height height, const std::vector<StateWrite>& writes) {
  absl::MutexLock lock(&mutex_);
  ++blocks_;
  for (const StateWrite& write : writes) {
    const auto [entry, inserted] = written_.try_emplace(write.key);
    if (inserted) {
      order_.insert(entry->first);
      bytes_ += write.key.size();
    }
    Versions& versions = entry->second;
    KILN_CHECK(versions.empty() || versions.back().height < height);
    versions.push_back({height, write.value});
    bytes_ += kVersionOverheadBytes + (write.value.has_value() ? write.value->size() : 0);
  }
}

const PendingState::Version* PendingState::Find(const Versions& versions, Height height) {
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (version->height <= height) return &*version;
  }
  return nullptr;
}

absl::StatusOr<std::string> PendingState::Get(absl::string_view key, Height height) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    const auto entry = written_.find(key);
    const Version* version = entry == written_.end() ? nullptr : Find(entry->second, height);
    if (version != nullptr) {
      if (version->value.has_value()) return *version->value;
      return absl::NotFoundError("the key was deleted");
    }
  }
  return base_->Get(key);
}

absl::StatusOr<PendingState::Entries> PendingState::Scan(absl::string_view from, size_t count_max,
                                                         Height height) const {
  Entries merged;
  std::string cursor(from);
  while (merged.size() < count_max) {
    const size_t step = std::max(kScanStepMin, count_max - merged.size());
    KILN_ASSIGN_OR_RETURN(Entries below, base_->Scan(cursor, step));
    const bool is_last = below.size() < step;
    // The least key above the last one seen.
    std::string next = is_last ? std::string() : below.back().first + '\0';
    Merge(cursor, std::move(below), is_last ? count_max : 0, height, &merged);
    if (is_last) break;
    cursor = std::move(next);
  }
  if (merged.size() > count_max) merged.resize(count_max);
  return merged;
}

// The lock need not be held from step to step: values up to `height` do not change any more.
void PendingState::Merge(absl::string_view from, Entries below, size_t count_beyond, Height height,
                         Entries* merged) const {
  absl::ReaderMutexLock lock(&mutex_);
  auto above = order_.lower_bound(from);
  for (auto& entry : below) {
    for (; above != order_.end() && *above < entry.first; ++above) Append(*above, height, merged);
    const bool is_written = above != order_.end() && *above == entry.first &&
                            Find(written_.find(*above)->second, height) != nullptr;
    if (is_written) {
      KILN_MARK("a scan meets a key that is written and not stored yet");
      Append(*above++, height, merged);
    } else {
      merged->push_back(std::move(entry));
    }
  }
  for (; above != order_.end() && merged->size() < count_beyond; ++above) {
    Append(*above, height, merged);
  }
}

void PendingState::Append(absl::string_view key, Height height, Entries* merged) const {
  const Version* version = Find(written_.find(key)->second, height);
  if (version == nullptr || !version->value.has_value()) return;
  merged->emplace_back(key, *version->value);
}

void PendingState::ForEach(
    absl::FunctionRef<void(absl::string_view, const std::string*)> visit) const {
  absl::ReaderMutexLock lock(&mutex_);
  for (const absl::string_view key : order_) {
    const Version& newest = written_.find(key)->second.back();
    visit(key, newest.value.has_value() ? &*newest.value : nullptr);
  }
}

size_t PendingState::bytes() const {
  absl::ReaderMutexLock lock(&mutex_);
  return bytes_;
}

size_t PendingState::blocks() const {
  absl::ReaderMutexLock lock(&mutex_);
  return blocks_;
}

std::shared_ptr<const StateView> MakePendingView(std::shared_ptr<const PendingState> pending,
                                                 Height height) {
  return std::make_shared<const PendingView>(std::move(pending), height);
}

}  // namespace kiln::storage
