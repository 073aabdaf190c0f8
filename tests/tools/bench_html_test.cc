#include "tools/bench_html.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/html.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/svg_chart.h"

namespace kiln::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

BenchReport Point(size_t in_flight, double rate, double committed_per_second, double p99_ms) {
  BenchReport point;
  point.steady.committed_per_second = committed_per_second;
  point.steady.latency_ms = {p99_ms / 2, p99_ms * 0.8, p99_ms, p99_ms * 2};
  point.steady.seconds = 3;
  point.validators = 4;
  point.payload_bytes = 128;
  point.in_flight = in_flight;
  point.rate = rate;
  point.duration_seconds = 4;
  point.processes.push_back({.name = "validator-0", .resident_highest_bytes = 123 << 20});
  return point;
}

SweepReport Example() {
  SweepReport report;
  report.curve = {Point(1, 0, 200, 4.5), Point(1000, 0, 30'000, 40), Point(16000, 0, 40'000, 400)};
  StageReport& stages = report.curve[2].stages.emplace();
  ProfileSnapshot profile{.monotonic_ns = 3'000'000'000, .process_cpu_ns = 1'000'000'000};
  profile[Stage::kVerify] = {10, 10, 300'000'000, 250'000'000};
  stages.validators.push_back({"validator-0", profile});
  stages.committed = 120'000;
  report.overload = {Point(0, 20'000, 20'000, 20), Point(0, 400'000, 38'000, 900)};
  report.overload[1].refused = 123'456;
  report.overload[1].held_back = 7'890;
  report.machine = "a machine <with> 2 cores";
  report.started = "2026-01-02 03:04 UTC";
  return report;
}

TEST(SweepReport, TakesTheHighestThroughputOfTheCurveAsCapacity) {
  EXPECT_EQ(Example().capacity(), 40'000);
}

TEST(SweepReport, HasTheFieldsThatScriptsRead) {
  const nlohmann::ordered_json json = SweepReportJson(Example());
  EXPECT_EQ(json["capacity_per_second"], 40'000.0);
  EXPECT_EQ(json["lost"], 0);
  EXPECT_EQ(json["curve"].size(), 3u);
  EXPECT_EQ(json["curve"][1]["in_flight"], 1000);
  EXPECT_TRUE(json["curve"][2].contains("stages"));
  EXPECT_EQ(json["overload"][1]["multiple_of_capacity"], 10.0);
  EXPECT_EQ(json["overload"][1]["refused"], 123'456);
  EXPECT_EQ(json["overload"][1]["held_back"], 7'890);
  EXPECT_EQ(json["machine"], "a machine <with> 2 cores");
}

TEST(SweepReport, ShowsEveryPointAsText) {
  const std::string text = SweepReportText(Example());
  EXPECT_THAT(text, HasSubstr("16000 in flight"));
  EXPECT_THAT(text, HasSubstr("400000 due/s (10 x)"));
  EXPECT_THAT(text, HasSubstr("123456"));
  EXPECT_THAT(text, HasSubstr("capacity 40000 per second"));
}

TEST(SweepReport, AddsUpLossesAndErrorsOfAllPoints) {
  SweepReport report = Example();
  report.curve[0].lost = 1;
  report.overload[0].lost = 2;
  report.overload[1].errors = 3;
  report.overload[1].first_error = "not answered <in time>";
  EXPECT_EQ(report.lost(), 3u);
  EXPECT_EQ(report.errors(), 3u);
  EXPECT_EQ(report.first_error(), "not answered <in time>");
  EXPECT_THAT(SweepReportHtml(report), HasSubstr("3 transactions were lost and 3 failed: not "
                                                 "answered &lt;in time&gt;"));
}

TEST(SweepHtml, ShowsChartsStagesPointsMachineAndConfiguration) {
  const std::string page = SweepReportHtml(Example());
  EXPECT_THAT(page, HasSubstr("Latency against throughput"));
  EXPECT_THAT(page, HasSubstr("Latency of what was committed"));
  EXPECT_THAT(page, HasSubstr("Stages at 16000 in flight"));
  EXPECT_THAT(page, HasSubstr("<td>verify</td><td>25.0 %</td>"));
  EXPECT_THAT(page, HasSubstr("a machine &lt;with&gt; 2 cores"));
  EXPECT_THAT(page, HasSubstr("<td>123456</td><td>7890</td>"));
  EXPECT_THAT(page, HasSubstr("<td>123 MiB</td>"));
  EXPECT_THAT(page, HasSubstr("<td>bytes of a transaction</td><td>128</td>"));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
}

TEST(SweepHtml, NeedsNothingFromElsewhere) {
  const std::string page = SweepReportHtml(Example());
  for (const std::string outside :
       {"http:", "https:", "src=", "href=", "url(", "@import", "<script"}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(SweepHtml, ClosesWhatItOpens) {
  const std::string page = SweepReportHtml(Example());
  for (const std::string tag : {"div", "table", "tr", "td", "th", "svg", "text", "p", "h2"}) {
    EXPECT_EQ(Count(page, absl::StrCat("<", tag, ">")) + Count(page, absl::StrCat("<", tag, " ")),
              Count(page, absl::StrCat("</", tag, ">")))
        << tag;
  }
}

TEST(SvgChart, HasAMarkForEachPointThatTheAxesCanShow) {
  const Chart chart{.x = {"x", true},
                    .y = {"y", true},
                    .series = {{"line", "s1", {{1, 10, "", "a"}, {10, 0, "", "b"}, {100, 1000}}}}};
  const std::string svg = RenderChart(chart);
  EXPECT_EQ(Count(svg, "<circle"), 2u) << "a logarithmic axis has no place for 0";
  EXPECT_THAT(svg, HasSubstr("<title>a</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(SvgChart, SaysWhenThereIsNoData) {
  EXPECT_THAT(RenderChart({.x = {"x"}, .y = {"y"}, .series = {{"line", "s1", {}}}}),
              HasSubstr("no data"));
}

TEST(SvgChart, PutsHigherValuesHigher) {
  const std::string svg =
      RenderChart({.x = {"x"},
                   .y = {"y"},
                   .series = {{"line", "s1", {{1, 1, "", "low"}, {2, 9, "", "high"}}}}});
  const auto y_of = [&](const std::string& title) {
    const size_t end = svg.find(absl::StrCat("<title>", title));
    return std::stod(svg.substr(svg.rfind("cy=\"", end) + 4));
  };
  EXPECT_LT(y_of("high"), y_of("low"));
}

TEST(SvgChart, EscapesWhatItIsGiven) {
  EXPECT_EQ(EscapeHtml("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
  EXPECT_THAT(RenderChart({.x = {"<x>"}, .y = {"y"}, .series = {{"&", "s1", {{1, 1}}}}}),
              Not(HasSubstr("<x>")));
}

TEST(AxisTicks, AreRoundNumbersWithinTheRange) {
  EXPECT_THAT(AxisTicks(0, 10, false), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(AxisTicks(0, 44'000, false), ElementsAre(0, 10'000, 20'000, 30'000, 40'000));
  EXPECT_THAT(AxisTicks(3, 60, true), ElementsAre(5, 10, 20, 50));
  EXPECT_THAT(AxisTicks(1, 1e5, true), ElementsAre(1, 10, 100, 1000, 10'000, 100'000));
}

TEST(ShortNumber, IsShort) {
  EXPECT_EQ(ShortNumber(0), "0");
  EXPECT_EQ(ShortNumber(0.25), "0.25");
  EXPECT_EQ(ShortNumber(950), "950");
  EXPECT_EQ(ShortNumber(1500), "1.5k");
  EXPECT_EQ(ShortNumber(44'000), "44k");
  EXPECT_EQ(ShortNumber(1'200'000), "1.2M");
}

}  // namespace
}  // namespace kiln::tools
