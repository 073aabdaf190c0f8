// Scenario files: what is read is what was written, and nothing else is read.
#include "sim/scenario_toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/faults.h"
#include "sim/generator.h"
#include "sim/sim_random.h"

namespace kiln::sim {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(text, "file.toml");
  return scenario.ok() ? "" : std::string(scenario.status().message());
}

std::vector<uint32_t> SomeOf(SimRandom& random, size_t count) {
  std::vector<uint32_t> list;
  for (uint32_t i = 0; i < count; ++i) {
    if (random.Chance(0.4)) list.push_back(i);
  }
  return list;
}

Fault AnyFault(SimRandom& random, size_t replicas) {
  const FaultKind& kind = random.Pick(FaultKinds());
  Fault fault = {.row = std::string(kind.row), .kind = std::string(kind.kind)};
  fault.at_ms = random.Below(20'000);
  fault.for_ms = random.Chance(0.5) ? 0 : random.Below(5000);
  fault.nodes = SomeOf(random, replicas);
  fault.peers = {static_cast<uint32_t>(random.Below(replicas))};
  if (random.Chance(0.5)) fault.messages = {"vote", "proposal"};
  fault.amount = random.Unit();
  return fault;
}

Scenario AnyScenario(uint64_t seed) {
  SimRandom random(seed);
  Scenario scenario;
  scenario.name = "any";
  scenario.about = "says \"this\" and \\ that,\non two lines: \xC3\xA4";
  scenario.seed = random.Next();
  scenario.powers.assign(random.Between(1, 7), 1);
  for (uint64_t& power : scenario.powers) power = random.Between(1, UINT64_MAX / 8);
  scenario.twins = SomeOf(random, scenario.powers.size());
  scenario.leaders = SomeOf(random, scenario.powers.size());
  scenario.heartbeat_ms = random.Between(1, 5000);
  scenario.real_signatures = random.Chance(0.5);
  scenario.chaos_ms = random.Below(30'000);
  scenario.measure_from_ms = random.Below(scenario.chaos_ms + 1);
  if (random.Chance(0.5)) {
    scenario.region_delays_us = {{0, random.Below(1000)}, {random.Below(1000), 0}};
    for (size_t i = 0; i < scenario.powers.size(); ++i) {
      scenario.regions.push_back(static_cast<uint32_t>(random.Below(2)));
    }
  }
  scenario.calm_rounds = random.Between(1, 200);
  const size_t replicas = scenario.powers.size() + scenario.twins.size();
  for (uint64_t i = random.Below(6); i > 0; --i) {
    scenario.faults.push_back(AnyFault(random, replicas));
    if (!ValidateScenario(scenario).ok())
      scenario.faults.pop_back();  // two that exclude each other
  }
  if (random.Chance(0.3)) scenario.must_violate = {"S1", "L2"};
  return scenario;
}

TEST(ScenarioToml, ReadsBackWhatItWrote) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Scenario scenario = AnyScenario(seed);
    const std::string text = ScenarioText(scenario);
    const absl::StatusOr<Scenario> read = ParseScenario(text, "file.toml");
    ASSERT_TRUE(read.ok()) << read.status().message() << "\n" << text;
    EXPECT_EQ(*read, scenario) << text;
  }
}

TEST(ScenarioToml, ReadsBackWhatTheProfilesDraw) {
  for (const absl::string_view profile : Profiles()) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
      const Scenario scenario = Generate(profile, seed);
      const absl::StatusOr<Scenario> read = ParseScenario(ScenarioText(scenario), "file.toml");
      ASSERT_TRUE(read.ok()) << profile << " " << seed << ": " << read.status().message();
      ASSERT_EQ(*read, scenario) << profile << " " << seed;
    }
  }
}

TEST(ScenarioToml, LeavesOutWhatHasItsDefault) {
  EXPECT_EQ(ScenarioText(Scenario{}), "");
  Scenario scenario;
  scenario.name = "two halves";
  scenario.seed = 8123;
  scenario.faults.push_back(
      {.row = "N2", .kind = "partition", .at_ms = 2000, .for_ms = 3000, .nodes = {0, 1}});
  scenario.faults.push_back({.row = "N1", .kind = "loss", .for_ms = 500, .amount = 0.25});
  EXPECT_EQ(ScenarioText(scenario), R"(name = "two halves"
seed = 8123

[[fault]]
row = "N2"
kind = "partition"
at_ms = 2000
for_ms = 3000
nodes = [0, 1]

[[fault]]
row = "N1"
kind = "loss"
for_ms = 500
amount = 0.25
)");
}

TEST(ScenarioToml, ReadsAnEmptyFileAsTheDefaultScenario) {
  const absl::StatusOr<Scenario> scenario = ParseScenario("", "file.toml");
  ASSERT_TRUE(scenario.ok());
  EXPECT_EQ(*scenario, Scenario{});
}

TEST(ScenarioToml, RefusesKeysThatNobodyKnows) {
  EXPECT_EQ(ErrorOf("chaosms = 5\n"),
            "file.toml:1: unknown key \"chaosms\" (did you mean \"chaos_ms\"?)");
  EXPECT_EQ(ErrorOf("[[fault]]\nrow = \"N1\"\nkind = \"loss\"\nnode = [1]\n"),
            "file.toml:4: fault[0]: unknown key \"node\" (did you mean \"nodes\"?)");
}

TEST(ScenarioToml, NamesTheMemberOfAWrongType) {
  EXPECT_EQ(ErrorOf("seed = \"one\"\n"), "file.toml:1: seed: must be a whole number, 0 or above");
  EXPECT_EQ(ErrorOf("seed = -1\n"), "file.toml:1: seed: must be a whole number, 0 or above");
  EXPECT_EQ(ErrorOf("powers = 4\n"), "file.toml:1: powers: must be a list: [..., ...]");
  EXPECT_EQ(ErrorOf("powers = [1, true]\n"),
            "file.toml:1: powers: element 1 must be a whole number, 0 or above");
  EXPECT_EQ(ErrorOf("real_signatures = 1\n"),
            "file.toml:1: real_signatures: must be true or false");
  EXPECT_EQ(ErrorOf("fault = 3\n"),
            "file.toml:1: fault: must be tables, each under a [[fault]] of its own");
  EXPECT_THAT(ErrorOf("name = \"a\\u0007b\"\n"), HasSubstr("control characters"));
  EXPECT_THAT(ErrorOf("= 3\n"), HasSubstr("file.toml:1: "));
}

TEST(ScenarioToml, RefusesNumbersBeyondTheirRange) {
  EXPECT_EQ(ErrorOf("round_timeout_max_ms = 100\n"),
            "file.toml: round_timeout_max_ms: must be from 500 to 600000 (is 100)");
  EXPECT_THAT(ErrorOf("chaos_ms = 3600001\n"), HasSubstr("chaos_ms: must be from 0 to 3600000"));
  EXPECT_THAT(ErrorOf("chaos_ms = 3600000\n"), HasSubstr("calm_ms: must be from 0 to 0"));
  EXPECT_EQ(ErrorOf("chaos_ms = 3600000\ncalm_ms = 0\n"), "");
  EXPECT_THAT(ErrorOf("powers = []\n"), HasSubstr("must name 1 to 100 validators"));
  EXPECT_THAT(ErrorOf("powers = [0, 1]\n"), HasSubstr("no validator may have power 0"));
  EXPECT_THAT(ErrorOf("powers = [\"18446744073709551615\", 1]\n"), HasSubstr("does not fit"));
  EXPECT_EQ(ErrorOf("powers = [\"18446744073709551615\"]\n"), "");
}

TEST(ScenarioToml, RefusesReplicasThatAreNotThere) {
  EXPECT_EQ(ErrorOf("twins = [4]\n"), "file.toml: twins: there is no validator 4: they are 0 to 3");
  EXPECT_THAT(ErrorOf("twins = [1, 1]\n"), HasSubstr("one second replica at most"));
  EXPECT_THAT(ErrorOf("leaders = [9]\n"), HasSubstr("leaders: there is no validator 9"));
  const std::string fault = "[[fault]]\nrow = \"N2\"\nkind = \"mute\"\nnodes = [4]\n";
  EXPECT_EQ(ErrorOf(fault), "file.toml: fault[0].nodes: there is no replica 4: they are 0 to 3");
  EXPECT_EQ(ErrorOf("twins = [0]\n" + fault), "");
}

TEST(ScenarioToml, RefusesRegionsThatAreNotThere) {
  const std::string delays = "region_delays_us = [[0, 5], [5, 0]]\n";
  EXPECT_EQ(ErrorOf(delays + "regions = [0, 0, 1, 1]\n"), "");
  EXPECT_EQ(ErrorOf(delays + "regions = [0, 0, 1, 2]\n"),
            "file.toml: regions: there is no region 2: they are 0 to 1");
  EXPECT_EQ(ErrorOf(delays + "regions = [0, 1]\n"),
            "file.toml: regions: must name one region for each validator, or be empty");
  EXPECT_EQ(ErrorOf("region_delays_us = [[0, 5], [5]]\n"),
            "file.toml: region_delays_us: must be a square: 2 lists of 2");
  EXPECT_EQ(
      ErrorOf("region_delays_us = [[0, -5], [5, 0]]\n"),
      "file.toml:1: region_delays_us: element 0 element 1 must be a whole number, 0 or above");
  EXPECT_THAT(ErrorOf("region_delays_us = [[60000001]]\n"), HasSubstr("beyond a minute"));
}

TEST(ScenarioToml, RefusesFaultsThatNobodyKnows) {
  EXPECT_EQ(ErrorOf("[[fault]]\nrow = \"N2\"\nkind = \"partitoin\"\n"),
            "file.toml: fault[0].kind: unknown key \"partitoin\" (did you mean \"partition\"?)");
  EXPECT_EQ(ErrorOf("[[fault]]\nrow = \"N3\"\nkind = \"partition\"\n"),
            "file.toml: fault[0].row: \"partition\" is of row \"N2\", not \"N3\"");
  EXPECT_THAT(ErrorOf("[[fault]]\nrow = \"N1\"\nkind = \"loss\"\namount = 1.5\n"),
              HasSubstr("fault[0].amount: is a probability"));
  EXPECT_THAT(ErrorOf("[[fault]]\nrow = \"N4\"\nkind = \"drop\"\nmessages = [\"letter\"]\n"),
              HasSubstr("there is no message \"letter\""));
  EXPECT_THAT(ErrorOf("[[fault]]\nrow = \"C2\"\nkind = \"drift\"\namount = inf\n"),
              HasSubstr("fault[0].amount: must be from"));
}

TEST(ScenarioToml, RefusesAnOldRecordForAReplicaWhoseFolderIsEmptied) {
  const auto error_of = [](absl::string_view folder_of, absl::string_view record_of) {
    return ErrorOf(absl::StrCat(
        "[[fault]]\nrow = \"D8\"\nkind = \"recovered_folder\"\nnodes = ", folder_of,
        "\n[[fault]]\nrow = \"D8\"\nkind = \"recovered_old_record\"\nnodes = ", record_of, "\n"));
  };
  EXPECT_THAT(error_of("[1]", "[0, 1]"),
              HasSubstr("fault[1].nodes: \"recovered_folder\" and \"recovered_old_record\" may not "
                        "befall the same replica"));
  EXPECT_THAT(error_of("[]", "[2]"), HasSubstr("may not befall the same replica"));
  EXPECT_EQ(error_of("[1]", "[0, 2]"), "");
}

TEST(ScenarioToml, RefusesMoreFaultsThanAWorldTakes) {
  Scenario scenario;
  scenario.faults.assign(1000, {.row = "N1", .kind = "loss"});
  EXPECT_TRUE(ValidateScenario(scenario).ok());
  scenario.faults.push_back(scenario.faults[0]);
  EXPECT_FALSE(ValidateScenario(scenario).ok());
}

}  // namespace
}  // namespace kiln::sim
