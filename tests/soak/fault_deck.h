// What goes wrong next in a soak.
#ifndef KILN_TESTS_SOAK_FAULT_DECK_H_
#define KILN_TESTS_SOAK_FAULT_DECK_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kiln::soak {

enum class FaultKind {
  kKill,      // SIGKILL of one, which starts again after a while
  kPause,     // SIGSTOP of one, and SIGCONT
  kKillAll,   // SIGKILL of all at once
  kDiskLow,   // less free than disk_free_bytes_min
  kDiskFull,  // nothing free
  kDamage,    // one bit of one file of a stopped validator flips
};
inline constexpr size_t kFaultKinds = 6;

absl::string_view NameOf(FaultKind kind);

// All choices of a run follow from its seed; when they fall does not. Not thread-safe.
class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}

  // REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  absl::Duration Between(absl::Duration min, absl::Duration max);

 private:
  std::mt19937_64 engine_;
};

// Deals rounds that have each kind, in an order of chance, so that a short run has each too. Not
// thread-safe.
class FaultDeck {
 public:
  // Without `has_small_disk` no disk can become full.
  FaultDeck(bool has_small_disk, Chance* chance);
  FaultKind Next();

 private:
  const bool has_small_disk_;
  Chance* const chance_;
  std::vector<FaultKind> left_;
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_FAULT_DECK_H_
