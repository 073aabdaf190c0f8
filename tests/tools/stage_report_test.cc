#include "tools/stage_report.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln::tools {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSecondNs = 1'000'000'000;

ProfileSnapshot Example(uint64_t times) {
  ProfileSnapshot profile{.monotonic_ns = 100 + 10 * times * kSecondNs,
                          .process_cpu_ns = 4 * times * kSecondNs};
  profile[Stage::kVerify] = {1000 * times, 1000 * times, 2 * times * kSecondNs, times * kSecondNs};
  profile[Stage::kPersist] = {50 * times, 500 * times, kSecondNs * times, kSecondNs * times / 2};
  profile[Leg::kBlockToDurable] = {10 * times, 20 * times * 1'000'000};
  profile[Depth::kInbox] = {10 * times, 30 * times, 9};
  return profile;
}

TEST(StageReport, CountsFromOneReadingToTheOther) {
  ProfileSnapshot difference = Difference(Example(3), Example(1));
  EXPECT_EQ(difference.monotonic_ns, 20 * kSecondNs);
  EXPECT_EQ(difference.process_cpu_ns, 8 * kSecondNs);
  EXPECT_EQ(difference[Stage::kVerify].calls, 2000u);
  EXPECT_EQ(difference[Stage::kPersist].items, 1000u);
  EXPECT_EQ(difference[Stage::kVerify].wall_ns, 4 * kSecondNs);
  EXPECT_EQ(difference[Leg::kBlockToDurable].count, 20u);
  EXPECT_EQ(difference[Depth::kInbox].sum, 60u);
  EXPECT_EQ(difference[Depth::kInbox].highest, 9u);
}

TEST(StageReport, CountsAProcessThatStartedAnewFromItsStart) {
  ProfileSnapshot difference = Difference(Example(1), Example(3));
  EXPECT_EQ(difference.process_cpu_ns, 4 * kSecondNs);
  EXPECT_EQ(difference[Stage::kVerify].calls, 1000u);
}

TEST(StageReport, HasTheFieldsThatScriptsRead) {
  const StageReport report{.validators = {{"validator-0", Difference(Example(1), {})},
                                          {"validator-1", Difference(Example(2), {})}},
                           .committed = 1'000'000};
  const nlohmann::ordered_json json = StageReportJson(report);
  EXPECT_EQ(json["committed"], 1'000'000);
  EXPECT_EQ(json["validators"][1]["validator"], "validator-1");
  EXPECT_EQ(json["validators"][0]["cpu_seconds"], 4.0);
  const nlohmann::ordered_json& total = json["total"];
  EXPECT_EQ(total["cpu_seconds"], 12.0);
  EXPECT_EQ(total["cpu_us_per_transaction"], 12.0);
  EXPECT_EQ(total["stages"].size(), kStageCount);
  const nlohmann::ordered_json& verify = total["stages"][2];
  EXPECT_EQ(verify["stage"], "verify");
  EXPECT_EQ(verify["calls"], 3000);
  EXPECT_EQ(verify["wall_us_per_call"], 2000.0);
  EXPECT_EQ(verify["cpu_share"], 0.25);
  EXPECT_EQ(total["stages"][4]["items_per_call"], 10.0);
  EXPECT_EQ(total["other_cpu_seconds"], 12.0 - 3.0 - 1.5);
  EXPECT_EQ(total["legs"][1]["leg"], "block_to_durable");
  EXPECT_EQ(total["legs"][1]["mean_ms"], 2.0);
  EXPECT_EQ(total["queues"][0]["queue"], "inbox");
  EXPECT_EQ(total["queues"][0]["mean"], 3.0);
  EXPECT_EQ(total["queues"][0]["highest"], 9);
}

TEST(StageReport, DividesByNothingWhenNothingHappened) {
  const nlohmann::ordered_json json = StageReportJson({.validators = {{"validator-0", {}}}});
  EXPECT_EQ(json["total"]["cpu_us_per_transaction"], 0.0);
  EXPECT_EQ(json["total"]["stages"][0]["wall_us_per_call"], 0.0);
  EXPECT_THAT(StageReportText({.validators = {{"validator-0", {}}}}), HasSubstr("submit"));
}

TEST(StageReport, ShowsEveryStageAndValidator) {
  const std::string text =
      StageReportText({.validators = {{"validator-0", Difference(Example(1), {})},
                                      {"validator-1", Difference(Example(2), {})}},
                       .committed = 1'000'000});
  for (size_t i = 0; i < kStageCount; ++i) {
    EXPECT_THAT(text, HasSubstr(std::string(NameOf(static_cast<Stage>(i))) + " "));
  }
  EXPECT_THAT(text, HasSubstr("validator-1"));
  EXPECT_THAT(text, HasSubstr("25.0 %"));
  EXPECT_THAT(text, HasSubstr("other"));
}

}  // namespace
}  // namespace kiln::tools
