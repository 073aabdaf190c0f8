// Every scenario file of tests/scenarios, by name: what it says must hold.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sim/scenario_toml.h"
#include "sim/verdict.h"
#include "sim/world.h"

namespace kiln::sim {
namespace {

constexpr char kFolder[] = KILN_SOURCE_DIR "/tests/scenarios/";

std::vector<std::string> ScenarioNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Scenarios : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenarios, Holds) {
  const std::string path = absl::StrCat(kFolder, GetParam(), ".toml");
  const absl::StatusOr<Scenario> scenario = ReadScenario(path);
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  EXPECT_EQ(scenario->name, GetParam());
  EXPECT_FALSE(scenario->about.empty());
  const RunResult result = RunScenario(*scenario);
  const std::string replay =
      absl::StrCat("build/kiln sim --scenario tests/scenarios/", GetParam(), ".toml --trace");
  for (const Violation& violation : Failures(*scenario, result)) {
    ADD_FAILURE() << ViolationText(violation) << "\nreplay: " << replay;
  }
  const bool recovers =
      std::any_of(scenario->faults.begin(), scenario->faults.end(),
                  [](const Fault& fault) { return fault.kind.starts_with("recovered_"); });
  EXPECT_EQ(result.recoveries > 0, recovers) << "lost records that were recovered";
  for (const Fault& fault : scenario->faults) {
    EXPECT_GT(result.faults.contains(fault.row) ? result.faults.at(fault.row) : 0, 0U)
        << fault.row << " " << fault.kind << " never took effect";
  }
  if (scenario->must_violate.empty()) {
    EXPECT_GT(result.committed_blocks, 10U);
  }
}

INSTANTIATE_TEST_SUITE_P(Named, Scenarios, ::testing::ValuesIn(ScenarioNames()),
                         [](const auto& scenario) { return scenario.param; });

}  // namespace
}  // namespace kiln::sim
