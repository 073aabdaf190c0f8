#include "sim/disk_content.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace kiln::sim {

void ChangeList::Put(storage::Family family, absl::string_view key, absl::string_view value) {
  changes_.push_back({.family = family,
                      .is_put = true,
                      .key_at = buffer_.size(),
                      .key_size = key.size(),
                      .value_size = value.size()});
  buffer_.append(key.data(), key.size());
  buffer_.append(value.data(), value.size());
}

void ChangeList::Delete(storage::Family family, absl::string_view key) {
  changes_.push_back({.family = family, .key_at = buffer_.size(), .key_size = key.size()});
  buffer_.append(key.data(), key.size());
}

void DiskContent::Apply(ChangeList changes) {
  for (ChangeList::Change& change : changes.changes()) {
    FamilyMap& map = mutable_family(change.family);
    const absl::string_view key = changes.KeyOf(change);
    // Most keys begin with a height and go to the end.
    const bool is_last = !map.empty() && map.rbegin()->first < key;
    const auto found = is_last ? map.end() : map.lower_bound(key);
    const bool is_there = found != map.end() && found->first == key;
    if (is_there) change.old = std::move(found->second);
    if (!change.is_put) {
      if (is_there) map.erase(found);
      continue;
    }
    StoredValue value{.bytes = std::string(changes.ValueOf(change))};
    if (is_there) {
      found->second = std::move(value);
    } else {
      map.emplace_hint(found, std::string(key), std::move(value));
    }
  }
  tail_.push_back({.changes = std::move(changes)});
  ++sequence_;
  ++unsynced_;
}

void DiskContent::SyncAt(uint64_t time_us) {
  last_sync_us_ = std::max(last_sync_us_, time_us);
  for (; unsynced_ > 0; --unsynced_) {
    tail_[tail_.size() - unsynced_].durable_from_us = last_sync_us_;
  }
}

void DiskContent::Harden() {
  SyncAt(0);
  for (Batch& batch : tail_) batch.durable_from_us = 0;
  last_sync_us_ = 0;
  Settle(0);
}

void DiskContent::Settle(uint64_t now_us) {
  const uint64_t oldest_pin = pins_.empty() ? sequence_ : pins_.front();
  uint64_t front = sequence_ - tail_.size() + 1;
  while (!tail_.empty() && tail_.front().durable_from_us <= now_us && front <= oldest_pin) {
    tail_.pop_front();
    ++front;
  }
}

uint64_t DiskContent::DurableSequence(uint64_t now_us) const {
  uint64_t sequence = sequence_;
  for (auto batch = tail_.rbegin(); batch != tail_.rend(); ++batch) {
    if (batch->durable_from_us <= now_us) break;
    --sequence;
  }
  return sequence;
}

void DiskContent::RollBackTo(uint64_t sequence) {
  KILN_CHECK(pins_.empty());
  KILN_CHECK_LE(sequence_ - sequence, tail_.size());
  for (; sequence_ > sequence; --sequence_) {
    TakeBack(&tail_.back());
    tail_.pop_back();
    if (unsynced_ > 0) --unsynced_;
  }
}

void DiskContent::TakeBack(Batch* batch) {
  std::vector<ChangeList::Change>& changes = batch->changes.changes();
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    FamilyMap& map = mutable_family(change->family);
    const absl::string_view key = batch->changes.KeyOf(*change);
    if (change->old.has_value()) {
      map.insert_or_assign(std::string(key), *std::move(change->old));
    } else if (const auto found = map.find(key); found != map.end()) {
      map.erase(found);
    }
  }
}

size_t DiskContent::TailIndexAfter(uint64_t sequence) const {
  const uint64_t behind = sequence_ - sequence;
  KILN_CHECK_LE(behind, tail_.size());
  return tail_.size() - behind;
}

const StoredValue* DiskContent::Find(storage::Family family, absl::string_view key,
                                     uint64_t sequence) const {
  for (size_t i = TailIndexAfter(sequence); i < tail_.size(); ++i) {
    const ChangeList& changes = tail_[i].changes;
    for (const ChangeList::Change& change : changes.changes()) {
      if (change.family != family || changes.KeyOf(change) != key) continue;
      return change.old.has_value() ? &*change.old : nullptr;
    }
  }
  const FamilyMap& map = this->family(family);
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

DiskContent::Differences DiskContent::DifferencesSince(storage::Family family,
                                                       uint64_t sequence) const {
  Differences differences;
  for (size_t i = TailIndexAfter(sequence); i < tail_.size(); ++i) {
    const ChangeList& changes = tail_[i].changes;
    for (const ChangeList::Change& change : changes.changes()) {
      if (change.family != family) continue;
      // The first change since then knows what was there then.
      differences.try_emplace(changes.KeyOf(change),
                              change.old.has_value() ? &*change.old : nullptr);
    }
  }
  return differences;
}

void DiskContent::MakeCheckpoint(uint64_t number, absl::Span<const storage::Family> families) {
  auto copy = std::make_shared<DiskContent>();
  for (const storage::Family family : families) copy->mutable_family(family) = this->family(family);
  KILN_CHECK(checkpoints_.emplace(number, std::move(copy)).second) << "made twice: " << number;
}

uint64_t DiskContent::Pin() {
  pins_.push_back(sequence_);
  return sequence_;
}

void DiskContent::Unpin(uint64_t sequence) {
  const auto found = std::find(pins_.begin(), pins_.end(), sequence);
  KILN_CHECK(found != pins_.end());
  pins_.erase(found);
}

}  // namespace kiln::sim
