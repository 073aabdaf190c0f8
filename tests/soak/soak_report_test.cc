#include "tests/soak/soak_report.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace kiln::soak {
namespace {

const SoakOptions kOptions = {.duration = absl::Seconds(30), .seed = 7};

SoakResult Complete() {
  SoakResult result;
  result.registers_checked = true;
  result.ledgers = Executions();
  result.votes = 12;
  return result;
}

TEST(SoakReport, IsGoodWhenEverythingWasCheckedAndHeld) {
  const SoakResult result = Complete();
  EXPECT_TRUE(result.good());
  const std::string text = ReportText(kOptions, result);
  EXPECT_TRUE(absl::StrContains(text, "0 lost, 0 duplicated")) << text;
  EXPECT_TRUE(absl::StrContains(text, "Good: everything held")) << text;
  EXPECT_EQ(ReportJson(kOptions, result).at("ledgers").at("lost"), 0);
}

TEST(SoakReport, DoesNotClaimWhatWasNotChecked) {
  SoakResult result;
  result.cut_short = "interrupted";
  EXPECT_FALSE(result.good());
  const std::string text = ReportText(kOptions, result);
  EXPECT_FALSE(absl::StrContains(text, "0 lost")) << text;
  EXPECT_TRUE(absl::StrContains(text, "ledgers        NOT CHECKED")) << text;
  EXPECT_TRUE(absl::StrContains(text, "histories      NOT CHECKED")) << text;
  EXPECT_TRUE(absl::StrContains(text, "votes          NOT CHECKED")) << text;
  EXPECT_TRUE(absl::StrContains(text, "Not everything was checked: interrupted.")) << text;
  const nlohmann::ordered_json json = ReportJson(kOptions, result);
  EXPECT_TRUE(json.at("ledgers").is_null());
  EXPECT_TRUE(json.at("votes").is_null());
  EXPECT_EQ(json.at("good"), false);
}

TEST(SoakReport, IsNotGoodWhenOneCheckWasNotMade) {
  SoakResult result = Complete();
  result.ledgers.reset();
  EXPECT_FALSE(result.good());
}

TEST(SoakReport, AFailureNamesTheCommandAndTheFolder) {
  SoakResult result = Complete();
  result.has_failed = true;
  result.folder = "/tmp/soak";
  EXPECT_FALSE(result.good());
  const std::string text = ReportText(kOptions, result);
  EXPECT_TRUE(absl::StrContains(text, "Again: kiln_soak --seconds 30 --seed 7")) << text;
  EXPECT_TRUE(absl::StrContains(text, "/tmp/soak")) << text;
}

TEST(SoakReport, TheCommandNamesTheOnlyFault) {
  SoakOptions options = kOptions;
  options.only = FaultKind::kDiskFull;
  EXPECT_EQ(CommandOf(options), "kiln_soak --seconds 30 --seed 7 --only \"disk full\"");
}

}  // namespace
}  // namespace kiln::soak
