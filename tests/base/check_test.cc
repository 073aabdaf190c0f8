#include "base/check.h"

#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln {
namespace {

using ::testing::ExitedWithCode;

TEST(Check, PassesOverATrueCondition) {
  KILN_CHECK(1 + 1 == 2) << "not evaluated";
  KILN_CHECK_EQ(2, 2);
  KILN_CHECK_NE(2, 3);
  KILN_CHECK_LT(2, 3);
  KILN_CHECK_LE(3, 3);
  KILN_CHECK_GT(3, 2);
  KILN_CHECK_GE(3, 3);
  KILN_CHECK_OK(absl::OkStatus());
}

TEST(Check, EvaluatesWhatIsStreamedOnlyWhenItFails) {
  int evaluated = 0;
  KILN_CHECK(true) << ++evaluated;
  EXPECT_EQ(evaluated, 0);
}

TEST(Check, IsOneStatementUnderAnIf) {
  bool reached_else = false;
  if (false)
    KILN_CHECK(false) << "never";
  else
    reached_else = true;
  EXPECT_TRUE(reached_else);
}

TEST(CheckDeathTest, EndsTheProcessAndNamesConditionPlaceAndContext) {
  EXPECT_EXIT(KILN_CHECK(1 > 2) << "round " << 7, ExitedWithCode(kFailStopExitStatus),
              "^kiln: stopped: check failed at base/check_test.cc:[0-9]+: 1 > 2 round 7\\. "
              "What to do: [^\n]+\n$");
}

TEST(CheckDeathTest, FailsEachComparisonThatIsFalse) {
  EXPECT_EXIT(KILN_CHECK_EQ(1, 2), ExitedWithCode(70), "check failed");
  EXPECT_EXIT(KILN_CHECK_NE(2, 2), ExitedWithCode(70), "check failed");
  EXPECT_EXIT(KILN_CHECK_LT(2, 2), ExitedWithCode(70), "check failed");
  EXPECT_EXIT(KILN_CHECK_LE(3, 2), ExitedWithCode(70), "check failed");
  EXPECT_EXIT(KILN_CHECK_GT(2, 2), ExitedWithCode(70), "check failed");
  EXPECT_EXIT(KILN_CHECK_GE(1, 2), ExitedWithCode(70), "check failed");
}

TEST(CheckDeathTest, ShowsTheStatusThatWasNotOk) {
  EXPECT_EXIT(KILN_CHECK_OK(absl::DataLossError("torn")), ExitedWithCode(70), "torn");
}

TEST(FailStopDeathTest, PrintsOneLineWhateverTheCauseHolds) {
  EXPECT_EXIT(FailStop("disk\nkiln: stopped: forged.", "look\rat it."), ExitedWithCode(70),
              "^kiln: stopped: disk kiln: stopped: forged\\. What to do: look at it\n$");
}

TEST(FailStopDeathTest, PrintsOneLineHoweverManyThreadsStop) {
  const auto stop_from_many_threads = [] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([] { FailStop("cause", "remedy"); });
    for (std::thread& thread : threads) thread.join();
  };
  EXPECT_EXIT(stop_from_many_threads(), ExitedWithCode(70),
              "^kiln: stopped: cause\\. What to do: remedy\n$");
}

}  // namespace
}  // namespace kiln
