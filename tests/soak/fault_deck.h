// What goes wrong next in a soak.
#ifndef KILN_TESTS_SOAK_FAULT_DECK_H_
#define KILN_TESTS_SOAK_FAULT_DECK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
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
bool IsOfDisk(FaultKind kind);
std::optional<FaultKind> FaultKindOf(absl::string_view name);

// Not thread-safe.
class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}

  uint64_t Next() { return engine_(); }
  // REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  absl::Duration Between(absl::Duration min, absl::Duration max);

 private:
  std::mt19937_64 engine_;
};

// One fault before it falls.
struct Fault {
  FaultKind kind = FaultKind::kKill;
  absl::Duration quiet;     // before it
  size_t validator = 0;     // whom it befalls; all when kind is kKillAll
  absl::Duration lasts;     // of kDiskFull and kDamage: at least
  bool by_sigterm = false;  // kDamage: how the validator is stopped, if not by SIGKILL
  // Of chances that depend on what the fault finds: which bit of which file.
  uint64_t details_seed = 0;

  friend bool operator==(const Fault&, const Fault&) = default;
};
// "kill -9 of validator-2, down for 1.2s"
std::string Describe(const Fault& fault);

struct FaultDeckOptions {
  uint64_t seed = 0;
  size_t validators = 4;
  std::optional<size_t> on_small_disk;  // the validator whose disk can become full; none can
  std::optional<FaultKind> only;        // REQUIRES: on_small_disk, when it is of the disk
};

// Deals rounds that have each kind, in an order of chance, so that a short run has each too, or
// one kind alone. All of it follows from the options; when the faults fall, and what they find,
// does not. Not thread-safe.
class FaultDeck {
 public:
  explicit FaultDeck(const FaultDeckOptions& options) : options_(options), chance_(options.seed) {}
  Fault Next();

 private:
  FaultKind NextKind();

  const FaultDeckOptions options_;
  Chance chance_;
  std::vector<FaultKind> left_;
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_FAULT_DECK_H_
