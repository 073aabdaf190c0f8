#include "tests/soak/fault_report.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace kiln::soak {
namespace {

RecoveryTimes Times(int64_t seconds) {
  return {.ready = absl::Seconds(seconds),
          .voting = absl::Seconds(2 * seconds),
          .level = absl::Seconds(3 * seconds)};
}

TEST(FaultReport, CountsFaultsOfAllKinds) {
  FaultReport report;
  EXPECT_EQ(report.faults(), 0U);
  report.AddFault(FaultKind::kKill);
  report.AddFault(FaultKind::kKill);
  report.AddFault(FaultKind::kDamage);
  EXPECT_EQ(report.faults(), 3U);
}

TEST(FaultReport, ShowsTheSpreadOfRecoveryTimes) {
  FaultReport report;
  report.AddFault(FaultKind::kKillAll);
  for (const int64_t seconds : {3, 1, 2}) report.AddRecovery(FaultKind::kKillAll, Times(seconds));
  const nlohmann::ordered_json kind = report.Json().at(0);
  EXPECT_EQ(kind.at("fault"), "kill all");
  EXPECT_EQ(kind.at("recoveries"), 3);
  EXPECT_EQ(kind.at("ready_s").at("min"), 1);
  EXPECT_EQ(kind.at("ready_s").at("median"), 2);
  EXPECT_EQ(kind.at("level_s").at("max"), 9);
  EXPECT_TRUE(absl::StrContains(report.Table(), "1.00/2.00/3.00")) << report.Table();
}

TEST(FaultReport, SaysHowFaultsEnded) {
  FaultReport report;
  for (const char* outcome : {"refused", "went on", "refused"}) {
    report.AddFault(FaultKind::kDamage);
    report.AddOutcome(FaultKind::kDamage, outcome);
  }
  EXPECT_TRUE(absl::StrContains(report.Table(), "2 refused, 1 went on")) << report.Table();
  EXPECT_EQ(report.Json().at(0).at("outcomes").at("refused"), 2);
}

TEST(FaultReport, ClaimsNoTimesWithoutARecovery) {
  FaultReport report;
  report.AddFault(FaultKind::kPause);
  EXPECT_FALSE(absl::StrContains(report.Table(), "0.00")) << report.Table();
}

TEST(FaultReport, SaysWhatWasSkippedAndWhy) {
  FaultReport report;
  report.Skip(FaultKind::kDiskFull, "mounting is not permitted here");
  EXPECT_EQ(report.faults(), 0U);
  EXPECT_TRUE(absl::StrContains(report.Table(), "SKIPPED: mounting is not permitted here"))
      << report.Table();
  EXPECT_EQ(report.Json().at(0).at("skipped"), "mounting is not permitted here");
}

}  // namespace
}  // namespace kiln::soak
