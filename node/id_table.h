// A compact set of transaction ids that forgets them in the order in which they came.
#ifndef KILN_NODE_ID_TABLE_H_
#define KILN_NODE_ID_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "kiln/types.h"
#include "storage/store.h"

namespace kiln::node {

storage::TransactionIdPrefix PrefixOf(const Hash& id);

// Open addressing with linear probing over slots of eight bytes (32 bits of a hash, and the place
// of the id in a ring that holds the ids in order of arrival). Removal moves later slots back, so
// there are no tombstones, and most answers touch one cache line. Invariant: at most 2/3 of the
// slots are taken. Thread-compatible. Holds fewer than 2^31 ids (KILN_CHECK).
class IdTable {
 public:
  IdTable();

  bool Contains(const storage::TransactionIdPrefix& id) const;
  // How many of the ids that it holds came before this one; none when it is not there.
  std::optional<size_t> OrderOf(const storage::TransactionIdPrefix& id) const;
  // False when it is there already.
  bool Insert(const storage::TransactionIdPrefix& id);
  // REQUIRES: count <= size().
  void RemoveOldest(size_t count);
  size_t size() const { return size_; }

 private:
  // `place` counts from 1 so that 0 means free.
  struct Slot {
    uint32_t tag = 0;
    uint32_t place = 0;
  };

  static uint32_t TagOf(const storage::TransactionIdPrefix& id);
  size_t FindSlot(const storage::TransactionIdPrefix& id, uint32_t tag) const;
  size_t FindPlace(uint32_t tag, uint32_t place) const;
  void FreeSlot(size_t slot);
  void Resize(size_t ring_capacity);

  std::vector<storage::TransactionIdPrefix> ring_;  // a power of two long
  std::vector<Slot> slots_;                         // twice as long
  size_t oldest_ = 0;                               // index in ring_
  size_t size_ = 0;
};

}  // namespace kiln::node

#endif  // KILN_NODE_ID_TABLE_H_
