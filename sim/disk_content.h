// The bytes of one simulated disk: ordered families, and the newest batches with their undo.
#ifndef KILN_SIM_DISK_CONTENT_H_
#define KILN_SIM_DISK_CONTENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "storage/schema.h"

namespace kiln::sim {

struct StoredValue {
  std::string bytes;
  bool is_unreadable = false;  // a checksum below the database refuses it
};

// Puts and deletes of one batch, in order. Keys and values lie in one buffer. Not thread-safe.
class ChangeList {
 public:
  struct Change {
    storage::Family family = storage::Family::kDefault;
    bool is_put = false;
    size_t key_at = 0;
    size_t key_size = 0;
    size_t value_size = 0;           // the value follows the key
    std::optional<StoredValue> old;  // what it replaced, once it is applied
  };

  void Reserve(size_t bytes) { buffer_.reserve(bytes); }
  void Put(storage::Family family, absl::string_view key, absl::string_view value);
  void Delete(storage::Family family, absl::string_view key);

  std::vector<Change>& changes() { return changes_; }
  const std::vector<Change>& changes() const { return changes_; }
  absl::string_view KeyOf(const Change& change) const {
    return absl::string_view(buffer_).substr(change.key_at, change.key_size);
  }
  absl::string_view ValueOf(const Change& change) const {
    return absl::string_view(buffer_).substr(change.key_at + change.key_size, change.value_size);
  }
  size_t bytes() const { return buffer_.size(); }

 private:
  std::string buffer_;
  std::vector<Change> changes_;
};

// All applied batches, and for the newest of them (the tail) how to take them back: those that a
// power failure may lose, and those that a pinned sequence number looks behind. Batches count from
// 1. Invariant: batches become durable in order. Not thread-safe; copyable.
class DiskContent {
 public:
  using FamilyMap = absl::btree_map<std::string, StoredValue>;
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  const FamilyMap& family(storage::Family family) const {
    return families_[static_cast<size_t>(family)];
  }
  FamilyMap& mutable_family(storage::Family family) {
    return families_[static_cast<size_t>(family)];
  }

  // The number of the newest batch.
  uint64_t sequence() const { return sequence_; }
  void Apply(ChangeList changes);
  // Every applied batch is durable from this time on. An earlier time than the last one given
  // counts as that one.
  void SyncAt(uint64_t time_us);
  // All of it is durable, and nothing can be taken back.
  void Harden();
  // Forgets how to take back what is durable now and what no pin looks behind.
  void Settle(uint64_t now_us);
  // The newest batch that is durable now.
  uint64_t DurableSequence(uint64_t now_us) const;
  // Takes back every batch above. REQUIRES: sequence >= DurableSequence of some time not before any
  // Settle; no pins.
  void RollBackTo(uint64_t sequence);

  // As of a batch: the newest, a pinned or a DurableSequence. Null when absent. Valid until the
  // next change.
  const StoredValue* Find(storage::Family family, absl::string_view key, uint64_t sequence) const;

  // What differs in a family between a batch and now, by key; null for what was absent then.
  using Differences = absl::btree_map<absl::string_view, const StoredValue*>;
  Differences DifferencesSince(storage::Family family, uint64_t sequence) const;

  // Copies of some families as of the newest batch, by number; each durable from the first. What
  // is taken back does not concern them. Immutable, and shared by copies of this.
  using Checkpoints = absl::btree_map<uint64_t, std::shared_ptr<const DiskContent>>;
  void MakeCheckpoint(uint64_t number, absl::Span<const storage::Family> families);
  void RemoveCheckpoint(uint64_t number) { checkpoints_.erase(number); }
  const Checkpoints& checkpoints() const { return checkpoints_; }

  // Keeps the state as of the newest batch readable until it is unpinned.
  uint64_t Pin();
  void Unpin(uint64_t sequence);
  void UnpinAll() { pins_.clear(); }

 private:
  struct Batch {
    ChangeList changes;
    uint64_t durable_from_us = kNever;
  };

  // Of the batch after `sequence` in the tail.
  size_t TailIndexAfter(uint64_t sequence) const;
  void TakeBack(Batch* batch);

  std::array<FamilyMap, storage::kFamilyCount> families_;
  Checkpoints checkpoints_;
  uint64_t sequence_ = 0;
  std::deque<Batch> tail_;  // the last one is number sequence_
  size_t unsynced_ = 0;     // how many at the end of the tail have no time yet
  uint64_t last_sync_us_ = 0;
  std::vector<uint64_t> pins_;  // ascending
};

}  // namespace kiln::sim

#endif  // KILN_SIM_DISK_CONTENT_H_
