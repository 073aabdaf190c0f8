// Scenarios as files.
#ifndef KILN_SIM_SCENARIO_TOML_H_
#define KILN_SIM_SCENARIO_TOML_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sim/scenario.h"

namespace kiln::sim {

inline constexpr size_t kScenarioReplicasMax = 100;  // second replicas included
inline constexpr size_t kScenarioFaultsMax = 1000;
inline constexpr uint64_t kScenarioMsMax = 3'600'000;  // of both phases together
inline constexpr size_t kScenarioFileBytesMax = 1 << 20;

// Whether a world can be built of it in bounded time and memory: every number within its range,
// every replica that is named there, every fault one of FaultKinds(). The error names the member
// ("fault[3].nodes").
absl::Status ValidateScenario(const Scenario& scenario);

// TOML that ParseScenario reads as an equal scenario. What has its default is left out.
// REQUIRES: the scenario is valid.
std::string ScenarioText(const Scenario& scenario);

// A valid scenario. Unknown keys, wrong types and ranges are errors; `path` stands in them.
absl::StatusOr<Scenario> ParseScenario(absl::string_view text, const std::string& path);
absl::StatusOr<Scenario> ReadScenario(const std::string& path);

}  // namespace kiln::sim

#endif  // KILN_SIM_SCENARIO_TOML_H_
