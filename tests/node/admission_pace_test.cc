#include "node/admission_pace.h"

#include <algorithm>
#include <cstdint>

#include "gtest/gtest.h"

namespace kiln::node {
namespace {

constexpr uint64_t kOneSecond = 1'000'000;

// A chain that commits 100 transactions each 10 ms while any wait, and clients that offer
// `offered` in each such step. Steps on from `*step` and says how many wait at the end.
uint64_t Overload(AdmissionPace* pace, uint64_t offered, int steps, uint64_t* step, uint64_t* left,
                  uint64_t waiting) {
  for (int i = 0; i < steps; ++i) {
    const uint64_t now_us = kOneSecond + ++*step * 10'000;
    if (pace->Admits(waiting, offered, *left, now_us)) waiting += offered;
    const uint64_t committed = std::min<uint64_t>(waiting, 100);
    waiting -= committed;
    *left += committed;
  }
  return waiting;
}

TEST(AdmissionPace, AdmitsUpToItsFloorWhateverWasCommitted) {
  AdmissionPace pace(50);
  EXPECT_TRUE(pace.Admits(10, 40, 0, kOneSecond));
  EXPECT_FALSE(pace.Admits(10, 41, 0, kOneSecond));
}

TEST(AdmissionPace, AdmitsABatchOfAnySizeToAnEmptyQueue) {
  AdmissionPace pace(50);
  EXPECT_TRUE(pace.Admits(0, 1000, 0, kOneSecond));
}

TEST(AdmissionPace, LetsAsManyWaitAsLeaveInASecond) {
  AdmissionPace pace(200);
  uint64_t step = 0;
  uint64_t left = 0;
  const uint64_t waiting = Overload(&pace, /*offered=*/200, /*steps=*/1000, &step, &left, 0);
  EXPECT_GE(waiting, 9'000u);
  EXPECT_LE(waiting, 11'000u);
  EXPECT_GE(left, 95'000u) << "the chain was kept busy";
}

TEST(AdmissionPace, FollowsAChainThatBecomesSlower) {
  AdmissionPace pace(200);
  uint64_t step = 0;
  uint64_t left = 0;
  Overload(&pace, 200, 1000, &step, &left, 0);
  for (int look = 1; look <= 20; ++look) {  // in which little leaves
    ++left;
    pace.Admits(5000, 1, left, kOneSecond * (20 + look));
  }
  EXPECT_FALSE(pace.Admits(5000, 1, left, kOneSecond * 41));
  EXPECT_TRUE(pace.Admits(100, 1, left, kOneSecond * 41));
}

}  // namespace
}  // namespace kiln::node
