// The scrub in whole worlds: what decays on one disk comes back from the others.
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mark.h"
#include "gtest/gtest.h"
#include "sim/scenario_toml.h"
#include "sim/world.h"

namespace kiln::sim {
namespace {

uint64_t Passed(absl::string_view mark) {
  for (const Mark* one : Mark::All()) {
    if (one->name() == mark) return one->count();
  }
  ADD_FAILURE() << "no mark \"" << mark << "\"";
  return 0;
}

TEST(ScrubbedWorlds, MendRotBeforeItIsServed) {
  absl::StatusOr<Scenario> scenario =
      ReadScenario(KILN_SOURCE_DIR "/tests/scenarios/scrub_mends_rot.toml");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  const uint64_t before = Passed("the scrub mends a block");
  constexpr uint64_t kSeeds = 12;
  for (scenario->seed = 1; scenario->seed <= kSeeds; ++scenario->seed) {
    const RunResult result = RunScenario(*scenario);
    for (const Violation& violation : result.violations) {
      ADD_FAILURE() << "seed " << scenario->seed << ": " << violation.invariant << ": "
                    << violation.what;
    }
  }
  // Three values decay in each world, of which more than a third are of blocks.
  EXPECT_GE(Passed("the scrub mends a block") - before, kSeeds);
}

}  // namespace
}  // namespace kiln::sim
