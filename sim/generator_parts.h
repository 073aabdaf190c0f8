// What the profiles are made of. For sim/generator*.cc alone.
#ifndef KILN_SIM_GENERATOR_PARTS_H_
#define KILN_SIM_GENERATOR_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sim/faults.h"
#include "sim/generator.h"
#include "sim/scenario.h"
#include "sim/sim_random.h"

namespace kiln::sim {

// --- One for each profile. `scenario` has its name and seed.
void GenerateSwarm(const GeneratorOptions& options, SimRandom random, Scenario* scenario);
void GenerateCrash(const GeneratorOptions& options, SimRandom random, Scenario* scenario);
void GenerateByzzfuzz(const GeneratorOptions& options, SimRandom random, Scenario* scenario);
void GenerateTwins(const GeneratorOptions& options, SimRandom random, Scenario* scenario);
void GenerateWan(const GeneratorOptions& options, SimRandom random, Scenario* scenario);
void GenerateHappy(const GeneratorOptions& options, SimRandom random, Scenario* scenario);

// --- Clusters

// `count` powers: equal, skewed, one heavy, or such that groups reach a quorum exactly.
std::vector<uint64_t> DrawPowers(size_t count, SimRandom* random);
// Powers, delays, timeouts, sizes and load; the time of chaos is that of about `rounds` rounds.
void DrawCluster(size_t validators, uint64_t rounds, SimRandom* random, Scenario* scenario);
// About what a round takes when nothing is wrong.
uint64_t RoundUs(const Scenario& scenario);
// Enough for a liveness bound after the faults.
uint64_t CalmMs(const Scenario& scenario);

// --- Faults

// Whether faults of this kind make a validator one that the others cannot count on any more.
bool SpendsBudget(const Fault& fault);

// The validators that cannot be counted on. Invariant: less than a third of the power.
class FaultBudget {
 public:
  explicit FaultBudget(std::vector<uint64_t> powers);
  // Whether the validator is among them or was added to them.
  bool Spend(uint32_t validator);
  // One that is among them or can be, if there is any.
  std::optional<uint32_t> Draw(SimRandom* random);

 private:
  const std::vector<uint64_t> powers_;
  std::vector<bool> spent_;
  unsigned __int128 total_ = 0;
  unsigned __int128 power_ = 0;
};

// Draws faults for a cluster that is drawn already. Not thread-safe.
class FaultDrawer {
 public:
  // `scenario` outlives it; its twins are spent from the budget.
  FaultDrawer(Scenario* scenario, SimRandom random);

  // Adds one fault of this kind. False when the cluster cannot bear it.
  bool Add(const FaultKind& kind);
  std::optional<uint32_t> DrawUnreliable() { return budget_.Draw(&random_); }

 private:
  std::optional<Fault> Draw(const FaultKind& kind);
  bool DrawLinks(Fault* fault);
  bool DrawClock(Fault* fault);
  bool DrawCrash(Fault* fault);
  bool DrawDisk(Fault* fault);
  bool DrawLie(Fault* fault);

  bool AffectsUnreliable(Fault* fault);
  void Window(uint64_t min_ms, uint64_t max_ms, Fault* fault);
  // One validator, several, or empty: all.
  std::vector<uint32_t> SomeReplicas();
  std::vector<uint32_t> OneSide();
  std::vector<std::string> SomeMessages(size_t count_max);
  double Amount(double low, double high) { return low + (high - low) * random_.Unit(); }

  Scenario* const scenario_;
  SimRandom random_;
  FaultBudget budget_;
  const uint32_t validators_;
  const uint32_t replicas_;
};

// The fault kinds of the rows that start with one of `letters`.
std::vector<FaultKind> KindsOf(absl::string_view letters);
// REQUIRES: it exists.
FaultKind KindNamed(absl::string_view kind);

}  // namespace kiln::sim

#endif  // KILN_SIM_GENERATOR_PARTS_H_
