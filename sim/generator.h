// Scenarios by the thousand: what a profile draws for a seed.
#ifndef KILN_SIM_GENERATOR_H_
#define KILN_SIM_GENERATOR_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "sim/scenario.h"

namespace kiln::sim {

// What is not left to chance. Zero: drawn, or the profile's own.
struct GeneratorOptions {
  uint32_t validators = 0;
  uint64_t chaos_ms = 0;
  uint32_t rounds = 0;  // of twins
  bool real_signatures = false;
};

// The profiles that Generate knows:
//
//   swarm     every fault and attack there is, each seed with its own mix and its own cluster
//   crash     crashes, power losses and disks
//   byzzfuzz  a few rounds, one liar with small changes to what it says, a little network trouble
//   twins     two replicas under one identity; leaders and partitions drawn for each round
//   wan       a hundred validators of unequal power, far apart
//   happy     four validators and nothing wrong, for long
const std::vector<absl::string_view>& Profiles();

// A function of its arguments alone. Every scenario keeps within the fault model: validators that
// lie, have a twin, a clock that is far ahead or a disk that breaks its word, and those that may
// stop for good, have less than a third of the power together; all others may lose messages, crash
// and be slow as it comes. REQUIRES: `profile` is one of Profiles().
Scenario Generate(absl::string_view profile, uint64_t seed, const GeneratorOptions& options = {});

}  // namespace kiln::sim

#endif  // KILN_SIM_GENERATOR_H_
