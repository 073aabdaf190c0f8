#include "tests/soak/fault_deck.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kiln::soak {
namespace {

constexpr absl::Duration kQuietTimeMax = absl::Seconds(1);
constexpr absl::Duration kPauseMin = absl::Milliseconds(100);
constexpr absl::Duration kPauseMax = absl::Seconds(5);
constexpr absl::Duration kLastsMax = absl::Seconds(3);  // all others

}  // namespace

bool IsOfDisk(FaultKind kind) {
  return kind == FaultKind::kDiskLow || kind == FaultKind::kDiskFull;
}

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

std::optional<FaultKind> FaultKindOf(absl::string_view name) {
  for (size_t i = 0; i < kFaultKinds; ++i) {
    if (NameOf(static_cast<FaultKind>(i)) == name) return static_cast<FaultKind>(i);
  }
  return std::nullopt;
}

absl::Duration Chance::Between(absl::Duration min, absl::Duration max) {
  const auto span = static_cast<uint64_t>(absl::ToInt64Microseconds(max - min));
  return min + absl::Microseconds(Below(span + 1));
}

std::string Describe(const Fault& fault) {
  const std::string validator = absl::StrCat("validator-", fault.validator);
  const std::string lasts = absl::FormatDuration(fault.lasts);
  switch (fault.kind) {
    case FaultKind::kKill:
      return absl::StrCat("kill -9 of ", validator, ", down for ", lasts);
    case FaultKind::kPause:
      return absl::StrCat("SIGSTOP of ", validator, " for ", lasts);
    case FaultKind::kKillAll:
      return absl::StrCat("kill -9 of all, down for ", lasts);
    case FaultKind::kDiskLow:
      return absl::StrCat("the disk of ", validator, " is nearly full for ", lasts);
    case FaultKind::kDiskFull:
      return absl::StrCat("the disk of ", validator, " is full");
    case FaultKind::kDamage:
      return absl::StrCat("a bit flips on the disk of ", validator, ", after ",
                          fault.by_sigterm ? "SIGTERM" : "SIGKILL", "; it may go on for ", lasts);
  }
  return "";
}

Fault FaultDeck::Next() {
  Fault fault = {.kind = NextKind()};
  fault.quiet = chance_.Between(absl::ZeroDuration(), kQuietTimeMax);
  fault.validator = chance_.Below(options_.validators);
  if (IsOfDisk(fault.kind)) fault.validator = *options_.on_small_disk;
  fault.lasts = fault.kind == FaultKind::kPause ? chance_.Between(kPauseMin, kPauseMax)
                                                : chance_.Between(absl::ZeroDuration(), kLastsMax);
  fault.by_sigterm = chance_.Below(2) == 1;
  fault.details_seed = chance_.Next();
  return fault;
}

FaultKind FaultDeck::NextKind() {
  if (options_.only.has_value()) return *options_.only;
  if (left_.empty()) {
    left_ = {FaultKind::kKill,   FaultKind::kKill,   FaultKind::kKill,
             FaultKind::kPause,  FaultKind::kPause,  FaultKind::kDamage,
             FaultKind::kDamage, FaultKind::kDamage, FaultKind::kKillAll};
    if (options_.on_small_disk.has_value()) {
      left_.insert(left_.end(), {FaultKind::kDiskLow, FaultKind::kDiskFull, FaultKind::kDiskFull});
    }
    for (size_t i = left_.size(); i > 1; --i) std::swap(left_[i - 1], left_[chance_.Below(i)]);
  }
  const FaultKind next = left_.back();
  left_.pop_back();
  return next;
}

}  // namespace kiln::soak
