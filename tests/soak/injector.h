// Breaks one thing of a running cluster at a time, and sees it recover.
#ifndef KILN_TESTS_SOAK_INJECTOR_H_
#define KILN_TESTS_SOAK_INJECTOR_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/integration/load.h"
#include "tests/integration/small_disk.h"
#include "tests/integration/test_cluster.h"
#include "tests/soak/bit_flip.h"
#include "tests/soak/fault_deck.h"
#include "tests/soak/fault_report.h"
#include "tests/soak/recovery_watch.h"
#include "tests/soak/register_load.h"

namespace kiln::soak {

// With less free, the validator on the small disk takes no transactions, and with less than half of
// it, votes no more.
inline constexpr uint64_t kSmallDiskFreeBytesMin = 256ULL << 20;

// What a fault befalls, and what must go on nevertheless.
struct Target {
  integration::TestCluster* cluster;
  integration::SmallDisk* small_disk;  // null when mounting is not permitted
  size_t on_small_disk;                // the validator whose data are there
  integration::Load* load;
  RegisterLoad* registers;
  std::optional<FaultKind> only;  // no other fault
};

// Between two faults all validators are up, level and vote, and both loads make progress. Whatever
// a fault may not lead to fails the test. Used by the main thread only.
class Injector {
 public:
  // The faults follow from `seed`.
  Injector(const Target& target, uint64_t seed, FaultReport* report);

  // From the fault to the recovery.
  void InjectNext();

 private:
  integration::TestCluster& cluster() const { return *target_.cluster; }

  void Inject(const Fault& fault);
  void KillOne(const Fault& fault);
  void PauseOne(const Fault& fault);
  void KillAll(const Fault& fault);
  void MakeDiskLow(const Fault& fault);
  void MakeDiskFull(const Fault& fault);
  void SitOutFullDisk(size_t validator);
  void ReturnFromFullDisk(size_t validator);
  void Damage(const Fault& fault);

  // Damage, from the start with the flipped bit on.
  void RestoreCopy(size_t validator, const std::string& copy);
  void LiveWithDamage(const Fault& fault, const BitFlip& flip, Chance* details);
  void ReadSomeBlocks(size_t validator, Chance* details);

  void StartAndAwait(FaultKind kind, size_t validator);
  void AwaitRecovery(FaultKind kind, std::vector<RecoveryWatch> watches);
  RecoveryWatch Watch(size_t validator, uint64_t votes_before = 0) const;
  // Asks the validator once, unless it has recovered. True when it has.
  bool Poll(RecoveryWatch& watch) const;
  bool SaysWhyNotReady(size_t validator, absl::string_view why) const;
  uint64_t VotesOf(size_t validator) const;
  // That the process has ended with this status, and a last line that says why.
  void ExpectNamedEnd(size_t validator, int status, int wanted, absl::string_view why);
  void ExpectProgress();
  void ExpectAllRunning();
  void Outcome(FaultKind kind, absl::string_view what);
  void Note(absl::string_view line);
  std::string DataDir(size_t validator) const { return cluster().home(validator) + "/data"; }

  const Target target_;
  FaultReport* const report_;
  FaultDeck deck_;
  uint64_t injected_ = 0;
  const absl::Time start_;
  std::ofstream log_;
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_INJECTOR_H_
