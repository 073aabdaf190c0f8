#include "consensus/executed_state.h"

#include "gtest/gtest.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

TEST(ExecutedState, NamesTheLastSnapshotThatIsAWholeIntervalOld) {
  const uint64_t interval = 16;
  uint64_t expected = 0;
  for (uint64_t height = 0; height <= 100; ++height) {
    for (uint64_t snapshot = interval; snapshot + interval <= height; snapshot += interval) {
      expected = snapshot;
    }
    EXPECT_EQ(SnapshotNamedAt({height}, interval).value, expected) << "at height " << height;
  }
}

TEST(ExecutedState, HasAnotherRootForEveryMember) {
  const TestWorld world({1, 1, 1, 1});
  const ExecutedState base = GenesisState(world.genesis());
  const auto change = [&base](void (*edit)(ExecutedState&)) {
    ExecutedState other = base;
    edit(other);
    EXPECT_NE(other.Root(), base.Root());
    const absl::StatusOr<ExecutedState> read = DecodeExecutedState(Encode(other));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, other);
  };
  change([](ExecutedState& state) { ++state.height.value; });
  change([](ExecutedState& state) { ++state.time_us; });
  change([](ExecutedState& state) { ++state.epoch.value; });
  change([](ExecutedState& state) { ++state.application_root.bytes[0]; });
  change([](ExecutedState& state) { ++state.channels_root.bytes[0]; });
  change([](ExecutedState& state) { ++state.channels_count; });
  change([](ExecutedState& state) { ++state.next_validators_hash.bytes[0]; });
  change([](ExecutedState& state) { ++state.snapshot_height.value; });
  change([](ExecutedState& state) { ++state.snapshot_root.bytes[0]; });
}

}  // namespace
}  // namespace kiln::consensus
