#include "tests/soak/fault_deck.h"

#include <algorithm>

namespace kiln::soak {

absl::string_view NameOf(FaultKind kind) {
  switch (kind) {
    case FaultKind::kKill:
      return "kill one";
    case FaultKind::kPause:
      return "pause one";
    case FaultKind::kKillAll:
      return "kill all";
    case FaultKind::kDiskLow:
      return "disk nearly full";
    case FaultKind::kDiskFull:
      return "disk full";
    case FaultKind::kDamage:
      return "flipped bit";
  }
  return "";
}

absl::Duration Chance::Between(absl::Duration min, absl::Duration max) {
  const auto span = static_cast<uint64_t>(absl::ToInt64Microseconds(max - min));
  return min + absl::Microseconds(Below(span + 1));
}

FaultDeck::FaultDeck(bool has_small_disk, Chance* chance)
    : has_small_disk_(has_small_disk), chance_(chance) {}

FaultKind FaultDeck::Next() {
  if (left_.empty()) {
    left_ = {FaultKind::kKill,   FaultKind::kKill,   FaultKind::kKill,
             FaultKind::kPause,  FaultKind::kPause,  FaultKind::kDamage,
             FaultKind::kDamage, FaultKind::kDamage, FaultKind::kKillAll};
    if (has_small_disk_) {
      left_.insert(left_.end(), {FaultKind::kDiskLow, FaultKind::kDiskFull, FaultKind::kDiskFull});
    }
    for (size_t i = left_.size(); i > 1; --i) std::swap(left_[i - 1], left_[chance_->Below(i)]);
  }
  const FaultKind next = left_.back();
  left_.pop_back();
  return next;
}

}  // namespace kiln::soak
