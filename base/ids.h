// Strong types for the numbers that must not be mixed up.
#ifndef KILN_BASE_IDS_H_
#define KILN_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <ostream>
#include <utility>

namespace kiln {

namespace base_internal {

template <typename Tag, typename Value>
struct Id {
  Value value = 0;

  friend bool operator==(const Id&, const Id&) = default;
  friend auto operator<=>(const Id&, const Id&) = default;  // NOLINT(modernize-use-nullptr)
  template <typename H>
  friend H AbslHashValue(H h, const Id& id) {
    return H::combine(std::move(h), id.value);
  }
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.value; }
};

}  // namespace base_internal

// A round of an epoch, counted from 1; 0 is the genesis block's (called view in the HotStuff
// paper).
using Round = base_internal::Id<struct RoundTag, uint64_t>;
// Blocks since genesis, which has height 0.
using Height = base_internal::Id<struct HeightTag, uint64_t>;
// A span of the chain with one validator set, counted from 1.
using Epoch = base_internal::Id<struct EpochTag, uint64_t>;
// A validator's place in its epoch's validator set, from 0.
using ValidatorIndex = base_internal::Id<struct ValidatorIndexTag, uint32_t>;

}  // namespace kiln

#endif  // KILN_BASE_IDS_H_
