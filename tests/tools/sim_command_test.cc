// kiln sim: what it refuses before it runs anything, and what it says of small runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/scenario_toml.h"
#include "tests/node/temp_dir.h"
#include "tests/tools/run_kiln.h"

namespace kiln::tools {
namespace {

using node::ReadText;
using node::TempDir;
using node::WriteText;
using testing::HasSubstr;

Outcome Sim(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "sim");
  return Kiln(std::move(arguments));
}

void ExpectRefusal(std::vector<std::string> arguments, const std::string& what) {
  const Outcome outcome = Sim(std::move(arguments));
  EXPECT_EQ(outcome.exit_status, 1) << what;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.error, HasSubstr(what));
}

TEST(SimCommand, RefusesWhatDoesNotGoTogether) {
  ExpectRefusal({}, "name what to run: --seeds, --seed, --scenario or --minutes");
  ExpectRefusal({"--seeds", "1..2", "--seed", "3"}, "--seed");
  ExpectRefusal({"--seed", "3", "--scenario", "x.toml"}, "--scenario");
  ExpectRefusal({"--seeds", "1..2", "--trace"}, "are for one run: give --seed or --scenario");
  ExpectRefusal({"--seed", "3", "--trace", "--json"}, "--trace and --json both print");
  ExpectRefusal({"--seed", "3", "--trace", "--shrink"}, "--shrink");
  ExpectRefusal({"--seed", "3", "--from-ms", "5"}, "--html");
  ExpectRefusal({"--scenario", "x.toml", "--validators", "4"}, "--validators");
}

TEST(SimCommand, RefusesWrongValues) {
  ExpectRefusal({"--seeds", "5..1"}, "--seeds \"5..1\": must be FIRST..LAST, as in 1..1000");
  ExpectRefusal({"--seeds", "all"}, "must be FIRST..LAST");
  ExpectRefusal({"--seeds", "1..2", "--profile", "calm"}, "--profile");
  ExpectRefusal({"--seeds", "1..2", "--validators", "101"}, "--validators");
  ExpectRefusal({"--seeds", "1..2", "--jobs", "0"}, "--jobs");
}

TEST(SimCommand, NamesTheLineOfAWrongScenario) {
  const TempDir dir;
  const std::string file = dir / "wrong.toml";
  ExpectRefusal({"--scenario", file}, file);
  WriteText(file, "seed = 1\nchaosms = 3\n");
  ExpectRefusal({"--scenario", file}, file + ":2: unknown key \"chaosms\"");
}

// A second of an undisturbed cluster.
std::string ShortScenario(const TempDir& dir) {
  sim::Scenario scenario;
  scenario.name = "short";
  scenario.chaos_ms = 1000;
  const std::string file = dir / "short.toml";
  WriteText(file, sim::ScenarioText(scenario));
  return file;
}

TEST(SimCommand, RunsAScenarioFile) {
  const TempDir dir;
  const std::string file = ShortScenario(dir);
  const Outcome outcome = Sim({"--scenario", file, "--json"});
  EXPECT_EQ(outcome.exit_status, 0) << outcome.out;
  const nlohmann::json run = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(run["name"], "short");
  EXPECT_EQ(run["good"], true);
  EXPECT_GT(run["committed_blocks"], 0);
  EXPECT_EQ(run["figures"]["seconds"], 1.0);
  EXPECT_GT(run["figures"]["transactions"], 0);
  EXPECT_GT(run["figures"]["latency_ms"]["p50"], 0);
  EXPECT_GT(run["figures"]["messages"]["vote"]["bytes"], 0);
  const std::string page = dir / "page.html";
  EXPECT_EQ(Sim({"--scenario", file, "--html", page.c_str()}).exit_status, 0);
  EXPECT_THAT(ReadText(page), HasSubstr("<h1>short</h1>"));
  EXPECT_THAT(Sim({"--scenario", file, "--trace"}).out, HasSubstr("#  seconds"));
  ExpectRefusal({"--scenario", file, "--shrink"}, "nothing to shrink");
}

TEST(SimCommand, RunsABatch) {
  const Outcome outcome =
      Sim({"--seeds", "1..3", "--profile", "byzzfuzz", "--validators", "4", "--json"});
  const nlohmann::json batch = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(batch["seeds"], 3);
  EXPECT_GT(batch["rounds"], 0);
  EXPECT_EQ(outcome.exit_status, batch["violations"] == 0 ? 0 : 1);
}

}  // namespace
}  // namespace kiln::tools
