// Each reason why a node is not fit to serve.
#include "node/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/consensus/test_world.h"

namespace kiln::node {
namespace {

using ::testing::HasSubstr;

class HealthTest : public testing::Test {
 protected:
  HealthTest() {
    input_.validators = &world_.validators();
    input_.connected = {false, true, true, false};
    input_.committed_height = {7};
    input_.head_time = input_.now = absl::FromUnixSeconds(1'700'000'000);
    input_.head_age_max = absl::Seconds(30);
  }

  consensus::TestWorld world_;
  HealthInput input_;
};

TEST_F(HealthTest, IsReadyWithRoomAQuorumAndAFreshHead) {
  EXPECT_EQ(WhyNotReady(input_), "");
}

TEST_F(HealthTest, IsNotReadyWithoutAQuorum) {
  input_.connected[2] = false;
  EXPECT_THAT(WhyNotReady(input_), HasSubstr("power 2 of 4"));
}

TEST_F(HealthTest, IsNotReadyWhileItSignsNothing) {
  input_.is_listening = true;
  EXPECT_THAT(WhyNotReady(input_), HasSubstr("listening"));
  input_.is_listening = false;
  input_.abstains_up_to = {9};
  EXPECT_THAT(WhyNotReady(input_), HasSubstr("signs nothing up to round 9"));
}

TEST_F(HealthTest, IsNotReadyWhileItCatchesUp) {
  input_.catching_up = CatchUpStatus{.height = 120, .target = 5000};
  EXPECT_EQ(WhyNotReady(input_), "catching up: executed height 120 of 5000");
  input_.catching_up->blocks_per_second = 1220;
  input_.catching_up->seconds_left = 4;
  EXPECT_THAT(WhyNotReady(input_), HasSubstr("5000, 1220 blocks a second, 4 s left"));
}

TEST_F(HealthTest, IsNotReadyWithAnOldHead) {
  input_.now += absl::Seconds(31);
  EXPECT_THAT(WhyNotReady(input_), HasSubstr("height 7, is 31 s old"));
}

TEST_F(HealthTest, IsNotReadyWithoutRoomOnItsDisk) {
  input_.disk_room = DiskRoom::kLow;
  EXPECT_THAT(WhyNotReady(input_), HasSubstr("disk_free_bytes_min"));
}

}  // namespace
}  // namespace kiln::node
