// Chains whose validators take snapshots every few blocks.
#ifndef KILN_TESTS_INTEGRATION_SNAPSHOT_FIXTURE_H_
#define KILN_TESTS_INTEGRATION_SNAPSHOT_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tests/integration/load.h"
#include "tests/integration/test_cluster.h"

namespace kiln::integration {

class SnapshotFixture : public testing::Test {
 protected:
  // `settings` are those of every kiln.toml.
  explicit SnapshotFixture(const TestCluster::Settings& settings)
      : cluster_(4, settings, {.duplicate_window_blocks = 16, .snapshot_interval_blocks = 16}) {}

  // With load, as high as this.
  void RunTo(uint64_t height) {
    Load load(cluster_.chain(), LoadOptions{.clients = 2, .in_flight = 2});
    ASSERT_TRUE(cluster_.WaitForHeight(0, height));
    load.Stop();
  }
  // By the validator that was started last.
  void ExpectASnapshotIsTaken(size_t validator) {
    ASSERT_TRUE(cluster_.WaitUntilCaughtUp(validator));
    EXPECT_TRUE(cluster_.IsRunning(validator)) << "the process stays the same";
    EXPECT_THAT(cluster_.LogSinceStart(validator),
                testing::HasSubstr("starting again from the snapshot"));
  }
  // REQUIRES: it is stopped.
  bool HasBlock(size_t i, uint64_t height) {
    return RunCommand({BuiltProgram("kiln"), "ledger", "inspect", "--home", cluster_.home(i),
                       "--height", absl::StrCat(height)},
                      cluster_.log_file(i))
               .status == 0;
  }

  TestCluster cluster_;
};

}  // namespace kiln::integration

#endif  // KILN_TESTS_INTEGRATION_SNAPSHOT_FIXTURE_H_
