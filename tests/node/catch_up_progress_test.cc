#include "node/catch_up_progress.h"

#include "gtest/gtest.h"

namespace kiln::node {
namespace {

using Line = CatchUpProgress::Line;
constexpr uint64_t kSecond = 1'000'000;

TEST(CatchUpProgress, SaysNothingOfAValidatorThatIsNotBehind) {
  CatchUpProgress progress;
  EXPECT_EQ(progress.Note({100}, {0}, 1), Line::kNone);
  EXPECT_EQ(progress.Note({100}, {0}, 10 * kSecond), Line::kNone);
  EXPECT_FALSE(progress.status().has_value());
}

TEST(CatchUpProgress, KnowsRateAndTimeLeft) {
  CatchUpProgress progress;
  EXPECT_EQ(progress.Note({100}, {1100}, kSecond), Line::kBegun);
  ASSERT_TRUE(progress.status().has_value());
  EXPECT_EQ(progress.status()->blocks_per_second, 0) << "nothing to tell it from yet";
  progress.Note({300}, {1100}, 2 * kSecond);
  ASSERT_TRUE(progress.status().has_value());
  EXPECT_EQ(progress.status()->height, 300u);
  EXPECT_EQ(progress.status()->target, 1100u);
  EXPECT_DOUBLE_EQ(progress.status()->blocks_per_second, 200);
  EXPECT_DOUBLE_EQ(progress.status()->seconds_left, 4);
}

TEST(CatchUpProgress, MeasuresTheLastSecondsAlone) {
  CatchUpProgress progress;
  for (uint64_t second = 1; second <= 10; ++second) {
    progress.Note({second}, {100'000}, second * kSecond);
  }
  for (uint64_t second = 11; second <= 20; ++second) {
    progress.Note({1000 * second}, {100'000}, second * kSecond);
  }
  ASSERT_TRUE(progress.status().has_value());
  EXPECT_DOUBLE_EQ(progress.status()->blocks_per_second, 1000);
}

TEST(CatchUpProgress, WritesALineNowAndThen) {
  CatchUpProgress progress;
  int lines = 0;
  for (uint64_t now_us = 0; now_us < 60 * kSecond; now_us += kSecond / 10) {
    if (progress.Note({now_us / kSecond}, {1000}, now_us) != Line::kNone) ++lines;
  }
  EXPECT_GE(lines, 20);
  EXPECT_LE(lines, 30);
}

TEST(CatchUpProgress, EndsOnceAndSaysHowLongItTook) {
  CatchUpProgress progress;
  progress.Note({100}, {1100}, kSecond);
  progress.Note({600}, {1100}, 3 * kSecond);
  EXPECT_EQ(progress.Note({1100}, {1100}, 3 * kSecond + 10), Line::kNone) << "another may follow";
  EXPECT_EQ(progress.Note({1100}, {0}, 4 * kSecond + 10), Line::kDone);
  EXPECT_FALSE(progress.status().has_value());
  EXPECT_EQ(progress.blocks(), 500u);
  EXPECT_DOUBLE_EQ(progress.seconds(), 2);
  EXPECT_EQ(progress.Note({1100}, {0}, 9 * kSecond), Line::kNone);
}

TEST(CatchUpProgress, TakesTargetsThatFollowEachOtherForOne) {
  CatchUpProgress progress;
  progress.Note({100}, {1100}, kSecond);
  EXPECT_EQ(progress.Note({1100}, {0}, 2 * kSecond - 1), Line::kNone);
  EXPECT_EQ(progress.Note({1100}, {1200}, 2 * kSecond), Line::kNone);
  EXPECT_TRUE(progress.status().has_value());
}

}  // namespace
}  // namespace kiln::node
