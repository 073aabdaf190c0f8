// Shrinking, with runs whose violation is known.
#include "sim/shrink.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "sim/isolated_run.h"
#include "sim/scenario_toml.h"
#include "sim/sim_random.h"

namespace kiln::sim {
namespace {

const Violation kDoubleVote = {"S6", 1'000'000, "two votes"};
const Violation kNone = {};

Fault Of(const std::string& row, const std::string& kind, uint64_t for_ms,
         std::vector<uint32_t> nodes) {
  return {.row = row, .kind = kind, .at_ms = 1000, .for_ms = for_ms, .nodes = std::move(nodes)};
}

const Fault* Find(const Scenario& scenario, const std::string& kind) {
  for (const Fault& fault : scenario.faults) {
    if (fault.kind == kind) return &fault;
  }
  return nullptr;
}

Scenario Large() {
  Scenario scenario;
  scenario.powers.assign(7, 3);
  scenario.twins = {0, 6};
  scenario.leaders = {1, 2, 6};
  scenario.heartbeat_ms = 700;
  scenario.regions = {4, 0, 1, 2, 3, 4, 5};
  scenario.region_delays_us.assign(6, std::vector<uint64_t>(6, 1000));
  for (int i = 0; i < 20; ++i) scenario.faults.push_back(Of("N1", "loss", 4000, {0, 1, 2}));
  scenario.faults.insert(scenario.faults.begin() + 7, Of("K2", "crash", 3000, {}));
  scenario.faults.insert(scenario.faults.begin() + 15, Of("N2", "partition", 5000, {1, 3, 5}));
  return scenario;
}

// Needs a crash of replica 2, a partition that is at least 900 ms long, and half a second.
Violation NeedsCrashAndPartition(const Scenario& scenario) {
  const Fault* crash = Find(scenario, "crash");
  const Fault* partition = Find(scenario, "partition");
  if (crash == nullptr || partition == nullptr || scenario.chaos_ms < 500) return kNone;
  const auto& nodes = crash->nodes;
  const bool hits = nodes.empty() || std::count(nodes.begin(), nodes.end(), 2) > 0;
  return hits && partition->for_ms >= 900 && scenario.powers.size() >= 4 ? kDoubleVote : kNone;
}

TEST(Shrink, FindsTheFaultsThatMatterAndMakesThemSmall) {
  const ShrinkResult shrunk = Shrink(Large(), kDoubleVote, NeedsCrashAndPartition);
  ASSERT_EQ(shrunk.scenario.faults.size(), 2U) << ScenarioText(shrunk.scenario);
  EXPECT_EQ(Find(shrunk.scenario, "crash")->nodes, std::vector<uint32_t>{2});
  EXPECT_EQ(Find(shrunk.scenario, "crash")->for_ms, 1U);
  const Fault& partition = *Find(shrunk.scenario, "partition");
  EXPECT_EQ(partition.nodes.size(), 1U);
  EXPECT_GE(partition.for_ms, 900U);
  EXPECT_LE(partition.for_ms, 1000U);
  EXPECT_EQ(shrunk.scenario.powers, std::vector<uint64_t>(4, 1));
  EXPECT_TRUE(shrunk.scenario.twins.empty());
  EXPECT_TRUE(shrunk.scenario.leaders.empty());
  EXPECT_LE(shrunk.scenario.chaos_ms, 600U);
  EXPECT_EQ(shrunk.scenario.transactions_per_s, 0U);
  EXPECT_EQ(shrunk.scenario.heartbeat_ms, Scenario{}.heartbeat_ms);
  EXPECT_EQ(shrunk.violation, kDoubleVote);
}

TEST(Shrink, ComesToTheSameEndEachTime) {
  const ShrinkResult first = Shrink(Large(), kDoubleVote, NeedsCrashAndPartition);
  const ShrinkResult second = Shrink(Large(), kDoubleVote, NeedsCrashAndPartition);
  EXPECT_EQ(first.scenario, second.scenario);
  EXPECT_EQ(first.runs, second.runs);
}

TEST(Shrink, TriesValidScenariosOnly) {
  Scenario scenario = Large();
  scenario.round_timeout_min_ms = 5000;
  scenario.round_timeout_max_ms = 5000;
  Shrink(scenario, kDoubleVote, [](const Scenario& candidate) {
    EXPECT_TRUE(ValidateScenario(candidate).ok()) << ScenarioText(candidate);
    return NeedsCrashAndPartition(candidate);
  });
}

TEST(Shrink, DoesNotTakeAnotherViolationForTheSame) {
  const auto other_without_partition = [](const Scenario& scenario) -> Violation {
    if (Find(scenario, "partition") == nullptr) return {"L1", 0, "no progress"};
    return kDoubleVote;
  };
  const ShrinkResult shrunk = Shrink(Large(), kDoubleVote, other_without_partition);
  EXPECT_EQ(shrunk.scenario.faults.size(), 1U);
  EXPECT_EQ(shrunk.violation.invariant, "S6");
}

TEST(Shrink, LeavesTheSecondPhaseAloneWhenLivenessIsViolated) {
  const Violation stuck = {"L1", 5, "stuck"};
  const auto always = [&](const Scenario&) { return stuck; };
  EXPECT_EQ(Shrink(Large(), stuck, always).scenario.calm_ms, Large().calm_ms);
  const auto always_unsafe = [&](const Scenario&) { return kDoubleVote; };
  EXPECT_EQ(Shrink(Large(), kDoubleVote, always_unsafe).scenario.calm_ms, 0U);
}

TEST(Shrink, StopsWhenItsRunsAreUsedUp) {
  ShrinkOptions options;
  options.runs_max = 5;
  EXPECT_EQ(Shrink(Large(), kDoubleVote, NeedsCrashAndPartition, options).runs, 5U);
}

TEST(Shrink, RenumbersWhatRemains) {
  const Scenario smaller = WithoutValidator(Large(), 0);
  EXPECT_EQ(smaller.powers.size(), 6U);
  EXPECT_EQ(smaller.twins, std::vector<uint32_t>{5});
  EXPECT_EQ(smaller.leaders, (std::vector<uint32_t>{0, 1, 5}));
  EXPECT_EQ(smaller.regions, (std::vector<uint32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(smaller.faults[0].nodes, (std::vector<uint32_t>{0, 1}));
  EXPECT_TRUE(ValidateScenario(smaller).ok());
}

TEST(Shrink, DropsAFaultWhoseOnlyReplicaGoes) {
  Scenario scenario;
  scenario.twins = {1};
  scenario.faults = {Of("C3", "pause", 10, {4}), Of("C3", "pause", 10, {3}),
                     Of("C3", "pause", 10, {})};
  const Scenario without_twin = WithoutTwin(scenario, 0);
  ASSERT_EQ(without_twin.faults.size(), 2U);
  EXPECT_EQ(without_twin.faults[0].nodes, std::vector<uint32_t>{3});
  EXPECT_EQ(WithoutValidator(scenario, 3).faults.size(), 2U);
}

TEST(IsolatedRun, MakesTheDeathOfARunAViolation) {
  const Runner dies = [](const Scenario&, Recorder* recorder) -> RunResult {
    recorder->Record({.kind = TraceEvent::Kind::kVoted, .at_us = 77, .replica = 2, .text = "b1"});
    const char line[] = "noise\nkiln: stopped: the lock is gone\n";
    EXPECT_GT(write(STDERR_FILENO, line, sizeof(line) - 1), 0);
    _exit(70);
  };
  TraceLog log;
  const RunResult result = RunIsolated(dies, Scenario{}, &log);
  ASSERT_EQ(result.violations.size(), 1U);
  EXPECT_EQ(result.violations[0].invariant, "S13");
  EXPECT_EQ(result.violations[0].at_us, 77U);
  EXPECT_EQ(result.violations[0].what,
            "the process of the run died: kiln: stopped: the lock is gone");
  ASSERT_EQ(log.events().size(), 1U);
  EXPECT_EQ(log.events()[0].text, "b1");
}

TEST(IsolatedRun, HandsOnTheWholeResult) {
  const RunResult expected = {.violations = {{"S1", 5, "two \"blocks\""}},
                              .committed_blocks = 1,
                              .rounds = 2,
                              .committed_transactions = 3,
                              .simulated_us = 4,
                              .events = 5,
                              .faults = {{"N1", 6}},
                              .frames_dropped = 7,
                              .figures = {.measured_us = 8,
                                          .transactions = 9,
                                          .refused = 10,
                                          .blocks = 11,
                                          .rounds = 12,
                                          .longest_pause_us = 13,
                                          .latency_p50_us = 14,
                                          .latency_p90_us = 15,
                                          .latency_p99_us = 16,
                                          .latency_max_us = 17,
                                          .messages = {{"vote", {.count = 18, .bytes = 19}}},
                                          .busiest_line_bytes = 20,
                                          .transactions_in_second = {21, 22}},
                              .trace_hash = UINT64_MAX};
  const RunResult result = RunIsolated([&](const Scenario&, Recorder*) { return expected; }, {});
  EXPECT_EQ(result.violations, expected.violations);
  EXPECT_EQ(result.committed_blocks, 1U);
  EXPECT_EQ(result.rounds, 2U);
  EXPECT_EQ(result.committed_transactions, 3U);
  EXPECT_EQ(result.simulated_us, 4U);
  EXPECT_EQ(result.events, 5U);
  EXPECT_EQ(result.faults, expected.faults);
  EXPECT_EQ(result.frames_dropped, 7U);
  EXPECT_EQ(result.figures, expected.figures);
  EXPECT_EQ(result.trace_hash, UINT64_MAX);
}

}  // namespace
}  // namespace kiln::sim
