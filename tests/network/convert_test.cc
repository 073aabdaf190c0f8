// What a validator says of itself, on the wire and back.
#include "network/convert.h"

#include <gtest/gtest.h>

#include <limits>

#include "kiln/v1/client.pb.h"

namespace kiln::network {
namespace {

TEST(StatusOnTheWire, HasHowCatchingUpAndTheScrubGetOn) {
  NodeStatus status;
  status.catching_up =
      CatchUpStatus{.height = 1544, .target = 6200, .blocks_per_second = 1180, .seconds_left = 3.9};
  status.scrub = ScrubStatus{.height = 4011,
                             .passes = 2,
                             .last_completed = absl::FromUnixSeconds(1'700'000'000),
                             .damaged = 1,
                             .repaired = 3,
                             .damage = "height 7: payload: damaged"};
  v1::StatusReply reply;
  ToProto(status, &reply);
  const absl::StatusOr<NodeStatus> back = FromProto(reply);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_TRUE(back->catching_up.has_value());
  EXPECT_EQ(back->catching_up->height, 1544u);
  EXPECT_EQ(back->catching_up->target, 6200u);
  EXPECT_EQ(back->catching_up->blocks_per_second, 1180);
  EXPECT_EQ(back->catching_up->seconds_left, 3.9);
  ASSERT_TRUE(back->scrub.has_value());
  EXPECT_EQ(back->scrub->height, 4011u);
  EXPECT_EQ(back->scrub->passes, 2u);
  EXPECT_EQ(back->scrub->last_completed, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(back->scrub->damaged, 1u);
  EXPECT_EQ(back->scrub->repaired, 3u);
  EXPECT_EQ(back->scrub->damage, "height 7: payload: damaged");
}

TEST(StatusOnTheWire, SaysNothingOfWhatIsNot) {
  v1::StatusReply reply;
  ToProto(NodeStatus(), &reply);
  const absl::StatusOr<NodeStatus> back = FromProto(reply);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_FALSE(back->catching_up.has_value());
  EXPECT_FALSE(back->scrub.has_value());
}

TEST(StatusOnTheWire, IsRefusedWithARateThatIsNoNumber) {
  for (const double odd :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    NodeStatus status;
    status.catching_up = CatchUpStatus{.blocks_per_second = odd};
    v1::StatusReply reply;
    ToProto(status, &reply);
    EXPECT_FALSE(FromProto(reply).ok());
    status.catching_up = CatchUpStatus{.seconds_left = odd};
    ToProto(status, &reply);
    EXPECT_FALSE(FromProto(reply).ok());
  }
}

}  // namespace
}  // namespace kiln::network
