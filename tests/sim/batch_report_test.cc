// Batches: what is added up, and what becomes of seeds that kill their worker.
#include "sim/batch_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "sim/batch_runner.h"

namespace kiln::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Replay(uint64_t seed) {
  return absl::StrCat("kiln sim --seed ", seed, " --profile swarm");
}

Scenario ScenarioOfSeed(uint64_t seed) {
  Scenario scenario;
  scenario.seed = seed;
  scenario.faults.push_back({.row = "N1", .kind = seed % 2 == 0 ? "loss" : "delay"});
  return scenario;
}

RunResult Good(const Scenario& scenario, Recorder*) {
  return {.committed_blocks = 10,
          .rounds = 12,
          .simulated_us = 2'000'000,
          .faults = {{"N1", 3}},
          .trace_hash = scenario.seed};
}

// Seed 5 votes twice, seed 7 fails a check, seed 11 is killed.
RunResult Mixed(const Scenario& scenario, Recorder* recorder) {
  RunResult result = Good(scenario, recorder);
  if (scenario.seed == 5) result.violations.push_back({"S6", 1'500'000, "two votes in round 3"});
  if (scenario.seed == 7) {
    const char line[] = "kiln: stopped: check failed\n";
    EXPECT_GT(write(STDERR_FILENO, line, sizeof(line) - 1), 0);
    _exit(70);
  }
  if (scenario.seed == 11) raise(SIGKILL);
  return result;
}

TEST(Batch, RunsEverySeedOnce) {
  std::multiset<uint64_t> seen;
  const BatchReport report =
      RunBatch({.first_seed = 3, .last_seed = 42, .jobs = 3}, ScenarioOfSeed, Good,
               [&](const SeedOutcome& outcome) { seen.insert(outcome.seed); });
  EXPECT_EQ(seen.size(), 40U);
  EXPECT_EQ(std::set<uint64_t>(seen.begin(), seen.end()).size(), 40U);
  EXPECT_EQ(report.seeds, 40U);
  EXPECT_EQ(report.committed_blocks, 400U);
  EXPECT_EQ(report.rounds, 480U);
  EXPECT_EQ(report.simulated_us, 80'000'000U);
  EXPECT_EQ(report.faults.at("N1"), 120U);
  EXPECT_EQ(report.drawn.at("N1 loss"), 20U);
  EXPECT_THAT(report.failures, IsEmpty());
}

TEST(Batch, GoesOnBehindSeedsThatKillTheirWorker) {
  const BatchReport report =
      RunBatch({.first_seed = 1, .last_seed = 30, .jobs = 2}, ScenarioOfSeed, Mixed);
  EXPECT_EQ(report.seeds, 30U);
  ASSERT_EQ(report.failures.size(), 3U);
  EXPECT_EQ(report.failures[0].seed, 5U);
  EXPECT_EQ(report.failures[0].violation.invariant, "S6");
  EXPECT_EQ(report.failures[1].seed, 7U);
  EXPECT_EQ(report.failures[1].violation.invariant, "S13");
  EXPECT_THAT(report.failures[1].violation.what, HasSubstr("kiln: stopped: check failed"));
  EXPECT_EQ(report.failures[2].seed, 11U);
  EXPECT_THAT(report.failures[2].violation.what, HasSubstr("signal 9"));
}

TEST(Batch, NoticesTwoRunsOfOneSeedThatDiffer) {
  const Runner unsteady = [](const Scenario& scenario, Recorder* recorder) {
    static uint64_t runs = 0;
    RunResult result = Good(scenario, recorder);
    result.trace_hash = ++runs;
    return result;
  };
  const BatchReport report =
      RunBatch({.first_seed = 1, .last_seed = 20, .twice_every = 10}, ScenarioOfSeed, unsteady);
  EXPECT_EQ(report.run_twice, 2U);
  ASSERT_EQ(report.failures.size(), 2U);
  EXPECT_EQ(report.failures[0].seed, 1U);
  EXPECT_EQ(report.failures[0].violation.invariant, "M1");
}

TEST(Batch, StopsAtAFailureWhenAsked) {
  const BatchReport report = RunBatch(
      {.first_seed = 1, .last_seed = 100'000, .stops_at_failure = true}, ScenarioOfSeed, Mixed);
  EXPECT_EQ(report.failures[0].seed, 5U);
  EXPECT_LT(report.seeds, 100U);
}

TEST(Batch, WantsTheViolationThatAScenarioPromises) {
  const ScenarioOf beyond = [](uint64_t seed) {
    Scenario scenario = ScenarioOfSeed(seed);
    scenario.must_violate = {"S6"};
    return scenario;
  };
  const BatchReport report = RunBatch({.first_seed = 5, .last_seed = 6}, beyond, Mixed);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].seed, 6U);
  EXPECT_EQ(report.failures[0].violation.what, "S6 had to be violated, and was not");
}

BatchReport Sample() {
  BatchReport report;
  SeedOutcome good = {.seed = 2, .result = Good(ScenarioOfSeed(2), nullptr)};
  good.drawn = KindsOf(ScenarioOfSeed(2));
  SeedOutcome bad = good;
  bad.seed = 1;
  bad.failures = {{"S6", 41'200'000, "two votes"}, {"S1", 41'300'000, "two blocks"}};
  report.Add(good);
  report.Add(bad);
  report.cpu_seconds = 0.5;
  report.AddMarks({{"a lock is released", 0}, {"a block is fetched", 4}});
  return report;
}

TEST(BatchReport, ShowsHowToSeeAViolationAgain) {
  const std::string text = BatchReportText(Sample(), {"N3 clog", "N3"}, Replay);
  EXPECT_THAT(text, HasSubstr("VIOLATION S6 at 41.200 s, seed 1: two votes\n"
                              "  replay: kiln sim --seed 1 --profile swarm\n"));
  EXPECT_THAT(text, HasSubstr("seeds 2  violations 1"));
  EXPECT_THAT(text, HasSubstr("8 simulated s and 48 rounds per CPU second"));
  EXPECT_THAT(text, HasSubstr("faults never seen: N3 clog, N3\n"));
  EXPECT_THAT(text, HasSubstr("marks never reached: a lock is released\n"));
}

TEST(BatchReport, HasAllFiguresInItsJson) {
  const nlohmann::json json = nlohmann::json::parse(BatchReportJson(Sample(), {"N3"}, Replay));
  EXPECT_EQ(json["seeds"], 2);
  EXPECT_EQ(json["violations"], 1);
  EXPECT_EQ(json["committed_blocks"], 20);
  EXPECT_EQ(json["rounds"], 24);
  EXPECT_EQ(json["simulated_seconds"], 4.0);
  EXPECT_EQ(json["cpu_seconds"], 0.5);
  EXPECT_EQ(json["rounds_per_cpu_second"], 48.0);
  EXPECT_EQ(json["simulated_seconds_per_cpu_second"], 8.0);
  EXPECT_EQ(json["faults"]["N1"], 6);
  EXPECT_EQ(json["faults_missed"][0], "N3");
  EXPECT_EQ(json["marks_missed"], nlohmann::json({"a lock is released"}));
  ASSERT_EQ(json["failures"].size(), 1U);
  EXPECT_EQ(json["failures"][0]["seed"], 1);
  EXPECT_EQ(json["failures"][0]["invariant"], "S6");
  EXPECT_EQ(json["failures"][0]["at"], 41.2);
  EXPECT_EQ(json["failures"][0]["replay"], "kiln sim --seed 1 --profile swarm");
}

TEST(BatchReport, NamesKindsAndRowsThatWereNeverSeen) {
  BatchReport report = Sample();
  EXPECT_THAT(FaultsMissed(report, {"N1 loss", "N1 delay", "N2 mute", "N2 deaf"}),
              ElementsAre("N1 delay", "N2 mute", "N2", "N2 deaf"));
  report.faults.clear();
  EXPECT_THAT(FaultsMissed(report, {"N1 loss"}), ElementsAre("N1"));
}

}  // namespace
}  // namespace kiln::sim
