// What people read of a run.
#include "sim/trace_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/trace_diagram.h"
#include "sim/trace_html.h"
#include "sim/trace_window.h"

namespace kiln::sim {
namespace {

using Kind = TraceEvent::Kind;
using testing::HasSubstr;
using testing::Not;

// Two validators, and a second replica of the first.
Scenario Three() {
  Scenario scenario;
  scenario.name = "a <small> run";
  scenario.powers = {1, 1};
  scenario.twins = {0};
  return scenario;
}

std::vector<TraceEvent> Events() {
  return {
      {.kind = Kind::kStarted, .at_us = 0, .replica = 0, .round = 1, .text = "round 1"},
      {.kind = Kind::kStarted, .at_us = 0, .replica = 1, .round = 1},
      {.kind = Kind::kProposed, .at_us = 1500, .replica = 1, .round = 1, .text = "3fa2"},
      {.kind = Kind::kSent, .at_us = 1500, .replica = 1, .peer = 0, .id = 4, .text = "proposal"},
      {.kind = Kind::kVoted, .at_us = 1500, .replica = 1, .round = 1, .text = "3fa2"},
      {.kind = Kind::kFaultBegan, .at_us = 2000, .replica = UINT32_MAX, .text = "N1 loss"},
      {.kind = Kind::kReceived, .at_us = 2600, .replica = 0, .peer = 1, .id = 4},
      {.kind = Kind::kSent, .at_us = 2700, .replica = 0, .peer = 1, .id = 5, .text = "vote"},
      {.kind = Kind::kLost, .at_us = 2700, .replica = 0, .peer = 1, .id = 5, .text = "N1 loss"},
      {.kind = Kind::kTimedOut, .at_us = 500'000, .replica = 0, .round = 1},
      {.kind = Kind::kRound, .at_us = 500'400, .replica = 0, .round = 2},
      {.kind = Kind::kCommitted, .at_us = 500'400, .replica = 0, .round = 2, .height = 1},
      {.kind = Kind::kFaultEnded, .at_us = 600'000, .replica = UINT32_MAX, .text = "N1 loss"},
      {.kind = Kind::kCrashed, .at_us = 700'000, .replica = 0, .text = "synced writes kept"},
      {.kind = Kind::kViolation, .at_us = 700'001, .replica = 0, .text = "S6: two votes"}};
}

TEST(TraceText, HasOneLinePerChangeAndOneColumnPerReplica) {
  EXPECT_EQ(
      TraceTextOf(Three(), Events()),
      R"(# One line per change of state; the cell of the replica that changed has ROUND/HEIGHT.
# > entered a round   P proposed   V voted   T gave up on the round   C committed
# + started   X crashed   ! stopped itself   * this replica proposed in its round
#  seconds | 0               | 1               | 2=twin0         |
  0.000000 | + 1/0           |                 |                 | round 1
  0.000000 |                 | + 1/0           |                 |
  0.001500 |                 | PV 1/0*         |                 | 3fa2
  0.002000 ---- fault begins: N1 loss
  0.500000 | T 1/0           |                 |                 |
  0.500400 | >C 2/1          |                 |                 |
  0.600000 ---- fault ends: N1 loss
  0.700000 | X               |                 |                 | synced writes kept
  0.700001 ---- VIOLATION S6: two votes
)");
}

TEST(TraceHtml, IsOnePageThatNeedsNothingElse) {
  const RunResult result = {.violations = {{"S6", 700'001, "two <votes>"}}};
  const std::string page = TraceHtml(Three(), result, Events());
  EXPECT_THAT(page, HasSubstr("<h1>a &lt;small&gt; run</h1>"));
  EXPECT_THAT(page, HasSubstr("S6 at 0.700 s: two &lt;votes&gt;"));
  EXPECT_THAT(page, HasSubstr("proposal from 1 to 0, sent at 0.001500 s"));
  EXPECT_THAT(page, HasSubstr("lost: N1 loss"));
  EXPECT_THAT(page, HasSubstr("2: twin of 0"));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("href=")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
}

TEST(TraceHtml, ShowsTheRangeThatIsAskedFor) {
  const std::string page = TraceHtml(Three(), {}, Events(), {.from_ms = 400, .to_ms = 650});
  EXPECT_THAT(page, HasSubstr("gave up on round 1"));
  EXPECT_THAT(page, HasSubstr("N1 loss, from 0.002000 s to 0.600000 s"));
  EXPECT_THAT(page, Not(HasSubstr("validator 0 crashed")));
  EXPECT_THAT(TraceHtml(Three(), {}, Events(), {.from_ms = 5000}),
              HasSubstr("Nothing happened in this time."));
  EXPECT_THAT(TraceHtml(Three(), {}, {}), HasSubstr("Nothing happened in this time."));
}

std::vector<TraceEvent> Many(size_t count) {
  std::vector<TraceEvent> events(count);
  for (size_t i = 0; i < count; ++i) events[i] = {.kind = Kind::kVoted, .at_us = i * 100};
  return events;
}

TEST(TraceWindow, KeepsTheFirstEventsOrThoseBeforeTheViolation) {
  std::vector<TraceEvent> events = Many(1000);
  EXPECT_EQ(ChooseWindow(events, {.events_max = 100}).first, 0U);
  EXPECT_EQ(ChooseWindow(events, {.events_max = 100}).last, 100U);
  events[600].kind = Kind::kViolation;
  const TraceWindow window = ChooseWindow(events, {.events_max = 100});
  EXPECT_EQ(window.first, 510U);
  EXPECT_EQ(window.last, 610U);
  EXPECT_EQ(window.from_us, 51'000U);
  EXPECT_EQ(ChooseWindow(events, {.to_ms = 30, .events_max = 100}).last, 301U);
  EXPECT_EQ(ChooseWindow(events, {.to_ms = 30, .events_max = 100}).first, 201U);
}

TEST(TimeAxis, IsToScaleButForWaits) {
  std::vector<TraceEvent> events = Many(100);
  for (size_t i = 50; i < 100; ++i) events[i].at_us += 10'000'000;
  const TimeAxis axis(events, ChooseWindow(events, {}), 500);
  EXPECT_NEAR(axis.width(), 500, 1);
  ASSERT_EQ(axis.cuts().size(), 1U);
  EXPECT_EQ(axis.cuts()[0].from_us, 4900U);
  EXPECT_EQ(axis.At(0), 0);
  EXPECT_NEAR(axis.At(2000) - axis.At(1000), axis.At(10'007'000) - axis.At(10'006'000), 1e-6);
  EXPECT_EQ(axis.At(UINT64_MAX), axis.width());
}

}  // namespace
}  // namespace kiln::sim
