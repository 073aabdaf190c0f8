#include "node/id_table.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "base/check.h"

namespace kiln::node {
namespace {

constexpr size_t kRingCapacityMin = 1024;
constexpr size_t kRingCapacityMax = size_t{1} << 31;

}  // namespace

storage::TransactionIdPrefix PrefixOf(const Hash& id) {
  storage::TransactionIdPrefix prefix;
  std::copy_n(id.bytes.begin(), prefix.size(), prefix.begin());
  return prefix;
}

IdTable::IdTable() {
  Resize(kRingCapacityMin);
}

// Seeded for each process by Abseil: whoever makes transactions cannot aim at one slot.
uint32_t IdTable::TagOf(const storage::TransactionIdPrefix& id) {
  return static_cast<uint32_t>(absl::Hash<storage::TransactionIdPrefix>{}(id));
}

// The slot of the id, or the free one where it belongs.
size_t IdTable::FindSlot(const storage::TransactionIdPrefix& id, uint32_t tag) const {
  const size_t mask = slots_.size() - 1;
  size_t i = tag & mask;
  while (slots_[i].place != 0 && (slots_[i].tag != tag || ring_[slots_[i].place - 1] != id)) {
    i = (i + 1) & mask;
  }
  return i;
}

size_t IdTable::FindPlace(uint32_t tag, uint32_t place) const {
  const size_t mask = slots_.size() - 1;
  size_t i = tag & mask;
  while (slots_[i].place != place) {
    KILN_CHECK_NE(slots_[i].place, 0u) << "an id of the ring has no slot";
    i = (i + 1) & mask;
  }
  return i;
}

bool IdTable::Contains(const storage::TransactionIdPrefix& id) const {
  return slots_[FindSlot(id, TagOf(id))].place != 0;
}

std::optional<size_t> IdTable::OrderOf(const storage::TransactionIdPrefix& id) const {
  const size_t place = slots_[FindSlot(id, TagOf(id))].place;
  if (place == 0) return std::nullopt;
  return (place - 1 - oldest_) & (ring_.size() - 1);
}

bool IdTable::Insert(const storage::TransactionIdPrefix& id) {
  if (size_ == ring_.size()) Resize(2 * ring_.size());
  const uint32_t tag = TagOf(id);
  Slot& slot = slots_[FindSlot(id, tag)];
  if (slot.place != 0) return false;
  const size_t place = (oldest_ + size_) & (ring_.size() - 1);
  ring_[place] = id;
  slot = {.tag = tag, .place = static_cast<uint32_t>(place) + 1};
  ++size_;
  return true;
}

void IdTable::RemoveOldest(size_t count) {
  KILN_CHECK_LE(count, size_);
  for (size_t i = 0; i < count; ++i) {
    FreeSlot(FindPlace(TagOf(ring_[oldest_]), static_cast<uint32_t>(oldest_) + 1));
    oldest_ = (oldest_ + 1) & (ring_.size() - 1);
    --size_;
  }
}

// A later slot of the same run moves into the gap unless that would put it before its own start.
void IdTable::FreeSlot(size_t slot) {
  const size_t mask = slots_.size() - 1;
  size_t gap = slot;
  for (size_t i = (gap + 1) & mask; slots_[i].place != 0; i = (i + 1) & mask) {
    const size_t from_start = (i - slots_[i].tag) & mask;
    if (from_start >= ((i - gap) & mask)) {
      slots_[gap] = slots_[i];
      gap = i;
    }
  }
  slots_[gap] = {};
}

void IdTable::Resize(size_t ring_capacity) {
  KILN_CHECK_LT(ring_capacity, kRingCapacityMax);
  std::vector<storage::TransactionIdPrefix> ring(ring_capacity);
  for (size_t i = 0; i < size_; ++i) ring[i] = ring_[(oldest_ + i) & (ring_.size() - 1)];
  ring_ = std::move(ring);
  oldest_ = 0;
  slots_.assign(2 * ring_capacity, {});
  for (size_t i = 0; i < size_; ++i) {
    const uint32_t tag = TagOf(ring_[i]);
    slots_[FindSlot(ring_[i], tag)] = {.tag = tag, .place = static_cast<uint32_t>(i) + 1};
  }
}

}  // namespace kiln::node
