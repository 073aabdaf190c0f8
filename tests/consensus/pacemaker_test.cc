#include "consensus/pacemaker.h"

#include "gtest/gtest.h"

namespace kiln::consensus {
namespace {

using EnteredBy = Pacemaker::EnteredBy;

constexpr PacemakerOptions kOptions{
    .round_timeout_min_us = 100, .round_timeout_max_us = 300, .heartbeat_us = 1000};

TEST(Pacemaker, StartsWithTheShortestTimer) {
  const Pacemaker pacemaker(kOptions, Round{7}, 50);
  EXPECT_EQ(pacemaker.round(), Round{7});
  EXPECT_EQ(pacemaker.deadline_us(), 150u);
}

TEST(Pacemaker, NeverGoesBack) {
  Pacemaker pacemaker(kOptions, Round{7}, 0);
  EXPECT_FALSE(pacemaker.Enter(Round{7}, EnteredBy::kQuorum, 10));
  EXPECT_FALSE(pacemaker.Enter(Round{6}, EnteredBy::kTimeouts, 10));
  EXPECT_EQ(pacemaker.round(), Round{7});
  EXPECT_EQ(pacemaker.entered_us(), 0u);
  EXPECT_EQ(pacemaker.deadline_us(), 100u);
}

TEST(Pacemaker, MayJumpAhead) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  EXPECT_TRUE(pacemaker.Enter(Round{90}, EnteredBy::kQuorum, 10));
  EXPECT_EQ(pacemaker.round(), Round{90});
  EXPECT_EQ(pacemaker.entered_us(), 10u);
}

TEST(Pacemaker, GivesEachFailedRoundHalfAsMuchTimeAgainUpToTheBound) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  for (const uint64_t expected : {150, 225, 300, 300}) {
    ASSERT_TRUE(pacemaker.Enter(Round{pacemaker.round().value + 1}, EnteredBy::kTimeouts, 1000));
    EXPECT_EQ(pacemaker.deadline_us(), 1000 + expected);
  }
}

TEST(Pacemaker, FallsBackAfterProgress) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  pacemaker.Enter(Round{2}, EnteredBy::kTimeouts, 0);
  pacemaker.Enter(Round{3}, EnteredBy::kTimeouts, 0);
  pacemaker.Enter(Round{4}, EnteredBy::kQuorum, 0);
  EXPECT_LE(pacemaker.deadline_us(), 100u);
}

// The deadline after entering `rounds` more rounds by QCs, each after `took_us`, from the last
// entry.
uint64_t FirstTimerAfter(Pacemaker* pacemaker, int rounds, uint64_t took_us) {
  for (int i = 0; i < rounds; ++i) {
    const uint64_t now_us = pacemaker->entered_us() + took_us;
    pacemaker->Enter(Round{pacemaker->round().value + 1}, EnteredBy::kQuorum, now_us);
  }
  return pacemaker->deadline_us() - pacemaker->entered_us();
}

constexpr PacemakerOptions kLongTimers{
    .round_timeout_min_us = 480'000, .round_timeout_max_us = 9'000'000, .heartbeat_us = 1'000'000};

TEST(Pacemaker, TheFirstTimerShortensWhenRoundsAreQuick) {
  Pacemaker pacemaker(kLongTimers, Round{1}, 0);
  EXPECT_LT(FirstTimerAfter(&pacemaker, 1, 15'000), 480'000u);
  EXPECT_EQ(FirstTimerAfter(&pacemaker, 200, 15'000), 6 * 15'000u);
}

TEST(Pacemaker, TheFirstTimerIsAtLeastAnEighthOfTheLongest) {
  Pacemaker pacemaker(kLongTimers, Round{1}, 0);
  EXPECT_EQ(FirstTimerAfter(&pacemaker, 500, 100), 60'000u);
}

TEST(Pacemaker, OneSlowRoundLengthensTheFirstTimerAtOnceAndNeverBeyondTheLongest) {
  Pacemaker pacemaker(kLongTimers, Round{1}, 0);
  FirstTimerAfter(&pacemaker, 500, 100);
  EXPECT_EQ(FirstTimerAfter(&pacemaker, 1, 40'000), 6 * 40'000u);
  EXPECT_EQ(FirstTimerAfter(&pacemaker, 1, 400'000), 480'000u);
}

TEST(Pacemaker, ARoundWhoseTimerRanOutMakesTheNextHalfAsLongAgainAndSaysNothingOfSpeed) {
  Pacemaker pacemaker(kLongTimers, Round{1}, 0);
  FirstTimerAfter(&pacemaker, 500, 100);
  ASSERT_TRUE(pacemaker.TakeExpired(pacemaker.deadline_us()));
  EXPECT_EQ(FirstTimerAfter(&pacemaker, 1, 61'000), 90'000u);
  EXPECT_EQ(FirstTimerAfter(&pacemaker, 1, 100), 60'000u);
}

TEST(Pacemaker, RoundsThatFailedOrWereIdleOrSkippedDoNotCountAsQuick) {
  Pacemaker pacemaker(kLongTimers, Round{1}, 0);
  for (int i = 0; i < 300; ++i) {
    const uint64_t now_us = pacemaker.entered_us() + 10;
    pacemaker.Enter(Round{pacemaker.round().value + 1}, EnteredBy::kTimeouts, now_us);
    pacemaker.Enter(Round{pacemaker.round().value + 2}, EnteredBy::kQuorum, now_us + 10);
    pacemaker.SetIdle(true, now_us + 20);
    pacemaker.SetIdle(false, now_us + 30);
    pacemaker.Enter(Round{pacemaker.round().value + 1}, EnteredBy::kQuorum, now_us + 40);
  }
  EXPECT_EQ(pacemaker.deadline_us() - pacemaker.entered_us(), 480'000u);
}

TEST(Pacemaker, ExpiresOnceForEachDeadline) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  EXPECT_FALSE(pacemaker.TakeExpired(99));
  EXPECT_TRUE(pacemaker.TakeExpired(100));
  EXPECT_FALSE(pacemaker.TakeExpired(100));
}

TEST(Pacemaker, RepeatsWithBackOffWithinARound) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  uint64_t now_us = 100;
  for (const uint64_t expected : {150, 225, 300, 300}) {
    ASSERT_TRUE(pacemaker.TakeExpired(now_us));
    EXPECT_EQ(pacemaker.deadline_us(), now_us + expected);
    now_us = pacemaker.deadline_us();
  }
}

TEST(Pacemaker, RepetitionsDoNotLengthenTheNextRound) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  for (const uint64_t now_us : {100, 300, 600}) ASSERT_TRUE(pacemaker.TakeExpired(now_us));
  pacemaker.Enter(Round{2}, EnteredBy::kTimeouts, 1000);
  EXPECT_EQ(pacemaker.deadline_us(), 1150u);
}

TEST(Pacemaker, AfterALongPauseItExpiresOnceAndLooksAhead) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  EXPECT_TRUE(pacemaker.TakeExpired(1'000'000));
  EXPECT_GT(pacemaker.deadline_us(), 1'000'000u);
}

TEST(Pacemaker, AddsTheHeartbeatWhileIdle) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  pacemaker.SetIdle(true, 0);
  EXPECT_EQ(pacemaker.deadline_us(), 1100u);
  EXPECT_EQ(pacemaker.heartbeat_deadline_us(), 1000u);
}

TEST(Pacemaker, StartsTheTimerAnewWhenIdlenessEnds) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  pacemaker.SetIdle(true, 0);
  pacemaker.SetIdle(false, 700);
  EXPECT_EQ(pacemaker.deadline_us(), 800u);
}

TEST(Pacemaker, SayingTheSameAgainDoesNotPostponeTheTimer) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  pacemaker.SetIdle(false, 60);
  EXPECT_EQ(pacemaker.deadline_us(), 100u);
  pacemaker.SetIdle(true, 60);
  pacemaker.SetIdle(true, 90);
  EXPECT_EQ(pacemaker.deadline_us(), 1160u);
}

TEST(Pacemaker, ANewRoundIsNotIdle) {
  Pacemaker pacemaker(kOptions, Round{1}, 0);
  pacemaker.SetIdle(true, 0);
  pacemaker.Enter(Round{2}, EnteredBy::kQuorum, 500);
  EXPECT_FALSE(pacemaker.idle());
  EXPECT_EQ(pacemaker.deadline_us(), 600u);
}

}  // namespace
}  // namespace kiln::consensus
