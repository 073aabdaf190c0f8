// A whole simulated run: it repeats itself, goes on while things break, and notices when they break
// beyond what the protocol bears.
#include "sim/world.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sim/generator.h"

namespace kiln::sim {
namespace {

// The run's hash as another process computes it, with hash seeds and addresses of its own.
uint64_t HashInAnotherProcess(const Scenario& scenario) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string shifted(1 << 20, 'x');  // other addresses from here on
    const uint64_t hash = RunScenario(scenario).trace_hash;
    const bool written = write(ends[1], &hash, sizeof(hash)) == sizeof(hash);
    _exit(written && !shifted.empty() ? 0 : 1);
  }
  uint64_t hash = 0;
  EXPECT_EQ(read(ends[0], &hash, sizeof(hash)), static_cast<ssize_t>(sizeof(hash)));
  int status = 0;
  waitpid(child, &status, 0);
  close(ends[0]);
  close(ends[1]);
  return hash;
}

TEST(World, DoesTheSameAgainForTheSameScenario) {
  for (const std::string profile : {"swarm", "crash", "byzzfuzz", "twins"}) {
    const Scenario scenario = Generate(profile, 11, {});
    const RunResult first = RunScenario(scenario);
    EXPECT_EQ(first.trace_hash, RunScenario(scenario).trace_hash) << profile;
    EXPECT_EQ(first.trace_hash, HashInAnotherProcess(scenario)) << profile;
    EXPECT_GT(first.committed_blocks, 0U) << profile;
  }
}

TEST(World, DoesSomethingElseForAnotherSeed) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Scenario scenario;
    scenario.seed = seed;
    scenario.chaos_ms = 1000;
    hashes.insert(RunScenario(scenario).trace_hash);
  }
  EXPECT_EQ(hashes.size(), 5U);
}

// One line for each: profile, seed, hash. They are the same in every build and on every machine. A
// change of the protocol, of a node's logic or of the simulator changes them; KILN_REWRITE=1 writes
// down the new ones.
TEST(World, HasTheSameHashInEveryBuild) {
  const std::string path = KILN_SOURCE_DIR "/tests/sim/testdata/trace_hashes.txt";
  std::string now;
  for (const std::string profile : {"swarm", "crash", "byzzfuzz", "twins"}) {
    for (const uint64_t seed : {3, 4}) {
      const uint64_t hash = RunScenario(Generate(profile, seed, {})).trace_hash;
      absl::StrAppend(&now, profile, " ", seed, " ", absl::Hex(hash, absl::kZeroPad16), "\n");
    }
  }
  if (std::getenv("KILN_REWRITE") != nullptr) std::ofstream(path) << now;
  std::stringstream written;
  written << std::ifstream(path).rdbuf();
  EXPECT_EQ(now, written.str());
}

TEST(World, EndsWithNobodyWronged) {
  Scenario scenario;
  scenario.chaos_ms = 3000;
  const RunResult result = RunScenario(scenario);
  EXPECT_TRUE(result.violations.empty()) << result.violations.front().what;
  EXPECT_GT(result.committed_transactions, 20U);
}

TEST(World, SeesTwoChainsWhenAThirdHasTwoFaces) {
  Scenario scenario;
  scenario.twins = {1, 2};
  scenario.chaos_ms = 20000;
  scenario.must_violate = {"S1"};
  scenario.faults.push_back(
      {.row = "N2", .kind = "partition", .for_ms = 20000, .nodes = {0, 1, 2}});
  const RunResult result = RunScenario(scenario);
  ASSERT_FALSE(result.violations.empty());
  EXPECT_EQ(result.violations.front().invariant, "S1");
}

TEST(World, RecordsWhatHappensForPeople) {
  Scenario scenario;
  scenario.chaos_ms = 1500;
  scenario.faults.push_back(
      {.row = "K2", .kind = "crash", .at_ms = 300, .for_ms = 200, .nodes = {1}});
  TraceLog log;
  const RunResult watched = RunScenario(scenario, &log);
  EXPECT_EQ(watched.trace_hash, RunScenario(scenario).trace_hash) << "watching changes nothing";
  std::set<TraceEvent::Kind> kinds;
  for (const TraceEvent& event : log.events()) kinds.insert(event.kind);
  for (const auto kind :
       {TraceEvent::Kind::kStarted, TraceEvent::Kind::kCrashed, TraceEvent::Kind::kRound,
        TraceEvent::Kind::kSent, TraceEvent::Kind::kReceived, TraceEvent::Kind::kCommitted,
        TraceEvent::Kind::kExecuted, TraceEvent::Kind::kAnswered, TraceEvent::Kind::kFaultBegan,
        TraceEvent::Kind::kHealed}) {
    EXPECT_TRUE(kinds.contains(kind)) << static_cast<int>(kind);
  }
}

}  // namespace
}  // namespace kiln::sim
