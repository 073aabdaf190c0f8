#include "sim/generator.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sim/faults.h"

namespace kiln::sim {
namespace {

// Faults after which a validator cannot be counted on, spelled out once more.
bool IsBeyondRepair(const Fault& fault) {
  static const auto& kinds = *new std::set<std::string>{
      "sync_error",        "lying_sync",         "rot",       "silent_rot", "disk_full", "old_copy",
      "old_safety_record", "lost_safety_record", "wrong_disk"};
  if (fault.row[0] == 'B' || kinds.contains(fault.kind)) return true;
  return fault.kind == "wall_jump" && fault.amount > 500;
}

// Whether the honest and whole validators are a quorum, in arithmetic of its own.
bool IsWithinFaultModel(const Scenario& scenario) {
  std::set<uint32_t> lost(scenario.twins.begin(), scenario.twins.end());
  for (const Fault& fault : scenario.faults) {
    if (!IsBeyondRepair(fault)) continue;
    if (fault.nodes.empty()) return false;  // all of them
    lost.insert(fault.nodes.begin(), fault.nodes.end());
  }
  long double total = 0;
  long double whole = 0;
  for (uint32_t i = 0; i < scenario.powers.size(); ++i) {
    total += static_cast<long double>(scenario.powers[i]);
    if (!lost.contains(i)) whole += static_cast<long double>(scenario.powers[i]);
  }
  return 3 * whole > 2 * total;
}

const FaultKind* KindOf(const Fault& fault) {
  for (const FaultKind& kind : FaultKinds()) {
    if (kind.row == fault.row && kind.kind == fault.kind) return &kind;
  }
  return nullptr;
}

// Empty when nothing is wrong.
std::string WhatIsWrongWith(const Fault& fault, const Scenario& scenario) {
  const size_t replicas = scenario.powers.size() + scenario.twins.size();
  if (KindOf(fault) == nullptr) return "no such kind";
  if (fault.at_ms >= scenario.chaos_ms) return "begins after the chaos";
  if (fault.at_ms + fault.for_ms > scenario.chaos_ms) return "ends after the chaos";
  const bool may_last = fault.row[0] == 'B' || fault.kind == "wall_jump";
  if (fault.for_ms == 0 && !may_last) return "lasts for ever";
  const auto is_replica = [replicas](uint32_t node) { return node < replicas; };
  if (!std::all_of(fault.nodes.begin(), fault.nodes.end(), is_replica)) return "unknown node";
  if (!std::all_of(fault.peers.begin(), fault.peers.end(), is_replica)) return "unknown peer";
  const bool needs_nodes = fault.row[0] == 'B' || fault.kind == "partition";
  if (needs_nodes && fault.nodes.empty()) return "befalls nobody";
  if (fault.kind == "wrong_disk" && fault.peers.size() != 1) return "no disk to copy";
  return "";
}

// What a proposal with a QC and a TC, which has one more, keeps its leader's line busy for: 136
// bytes of each signer for two signatures and a round, 64 for the third.
uint64_t LineMs(const Scenario& scenario) {
  if (scenario.link_bytes_per_ms == 0) return 0;
  const uint64_t validators = scenario.powers.size();
  return validators * (validators * 2 / 3 * (136 + 64)) / scenario.link_bytes_per_ms;
}

class EveryProfile : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Generator, EveryProfile,
                         testing::Values("swarm", "crash", "byzzfuzz", "twins", "wan", "happy"),
                         [](const auto& test) { return test.param; });

TEST_P(EveryProfile, IsKnownByName) {
  EXPECT_EQ(std::count(Profiles().begin(), Profiles().end(), GetParam()), 1);
}

TEST_P(EveryProfile, GivesTheSameScenarioForTheSameSeed) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    EXPECT_EQ(Generate(GetParam(), seed), Generate(GetParam(), seed)) << seed;
  }
}

TEST_P(EveryProfile, KeepsWithinTheFaultModel) {
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    const Scenario scenario = Generate(GetParam(), seed);
    ASSERT_TRUE(IsWithinFaultModel(scenario)) << scenario.name;
  }
}

TEST_P(EveryProfile, DrawsFaultsThatMakeSense) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const Scenario scenario = Generate(GetParam(), seed);
    for (const Fault& fault : scenario.faults) {
      ASSERT_EQ(WhatIsWrongWith(fault, scenario), "") << scenario.name << " " << fault.kind;
    }
  }
}

TEST_P(EveryProfile, DealsNoReplicaAnOldRecordAndAnEmptyFolder) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const Scenario scenario = Generate(GetParam(), seed);
    const auto befallen_by = [&](absl::string_view kind) {
      std::set<uint32_t> nodes;
      for (const Fault& fault : scenario.faults) {
        if (fault.kind == kind) nodes.insert(fault.nodes.begin(), fault.nodes.end());
      }
      return nodes;
    };
    const std::set<uint32_t> emptied = befallen_by("recovered_folder");
    for (const uint32_t node : befallen_by("recovered_old_record")) {
      ASSERT_FALSE(emptied.contains(node)) << scenario.name << " replica " << node;
    }
  }
}

TEST_P(EveryProfile, DrawsClustersThatMakeSense) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const Scenario scenario = Generate(GetParam(), seed);
    ASSERT_FALSE(scenario.powers.empty());
    ASSERT_EQ(std::count(scenario.powers.begin(), scenario.powers.end(), 0), 0) << scenario.name;
    ASSERT_LE(scenario.round_timeout_min_ms, scenario.round_timeout_max_ms) << scenario.name;
    ASSERT_LE(scenario.delay_min_us, scenario.delay_mean_us) << scenario.name;
    ASSERT_LT(2 * scenario.delay_mean_us, scenario.round_timeout_min_ms * 1000) << scenario.name;
    ASSERT_LE(LineMs(scenario), scenario.round_timeout_min_ms / 3) << scenario.name;
    ASSERT_GT(scenario.chaos_ms, 0U) << scenario.name;
    ASSERT_GE(scenario.calm_ms, 10 * scenario.round_timeout_max_ms) << scenario.name;
    ASSERT_LE(scenario.transaction_bytes, scenario.block_bytes_max / 2) << scenario.name;
  }
}

TEST_P(EveryProfile, TakesTheNumberOfValidatorsThatIsAskedFor) {
  EXPECT_EQ(Generate(GetParam(), 3, {.validators = 10}).powers.size(), 10U);
}

TEST(Generator, DrawsEveryKindOfFaultWithinAFewHundredSeeds) {
  std::map<std::string, int> drawn;
  for (const char* profile : {"swarm", "crash", "byzzfuzz"}) {
    for (uint64_t seed = 0; seed < 300; ++seed) {
      for (const Fault& fault : Generate(profile, seed).faults) ++drawn[fault.kind];
    }
  }
  for (const FaultKind& kind : FaultKinds()) {
    EXPECT_GE(drawn[std::string(kind.kind)], 5) << kind.row << " " << kind.kind;
  }
}

TEST(Generator, LeavesKindsOutOfMostSwarmSeeds) {
  int without_lies = 0;
  int without_crashes = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Scenario scenario = Generate("swarm", seed);
    const auto none_of = [&](char letter) {
      return std::none_of(scenario.faults.begin(), scenario.faults.end(),
                          [letter](const Fault& fault) { return fault.row[0] == letter; });
    };
    without_lies += none_of('B') ? 1 : 0;
    without_crashes += none_of('K') ? 1 : 0;
  }
  EXPECT_GT(without_lies, 50);
  EXPECT_GT(without_crashes, 50);
  EXPECT_LT(without_lies, 400);
  EXPECT_LT(without_crashes, 400);
}

TEST(Generator, DrawsClustersOfAllSizes) {
  std::map<size_t, int> sizes;
  for (uint64_t seed = 0; seed < 5000; ++seed) ++sizes[Generate("swarm", seed).powers.size()];
  EXPECT_GT(sizes[1], 0);
  EXPECT_GT(sizes[4], 2000);
  EXPECT_GT(sizes[7], 100);
  EXPECT_GT(sizes[100], 0);
}

TEST(Generator, PartitionsExactlyAtTheQuorumAndJustBelow) {
  int exactly = 0;
  int just_below = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Scenario scenario = Generate("swarm", seed);
    uint64_t total = 0;
    for (const uint64_t power : scenario.powers) total += power;
    for (const Fault& fault : scenario.faults) {
      if (fault.kind != "partition") continue;
      uint64_t side = 0;
      for (const uint32_t node : fault.nodes) {
        if (node < scenario.powers.size()) side += scenario.powers[node];
      }
      if (side == total * 2 / 3 + 1) ++exactly;
      if (side == total * 2 / 3) ++just_below;
    }
  }
  EXPECT_GT(exactly, 0);
  EXPECT_GT(just_below, 0);
}

TEST(Generator, GivesTwinsAPartitionForMostRoundsAndNothingElse) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Scenario scenario = Generate("twins", seed, {.rounds = 8});
    ASSERT_FALSE(scenario.twins.empty());
    ASSERT_EQ(scenario.leaders.size(), 8 + 2 * scenario.powers.size());
    for (const Fault& fault : scenario.faults) ASSERT_EQ(fault.kind, "partition");
    ASSERT_LE(scenario.faults.size(), 16U);
    ASSERT_LE(scenario.chaos_ms, 8 * 120U);
  }
}

TEST(Generator, LiesOfOneValidatorMeet) {
  int chained = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::map<uint32_t, int> lies;
    for (const Fault& fault : Generate("swarm", seed).faults) {
      if (fault.row[0] == 'B') ++lies[fault.nodes.front()];
    }
    for (const auto& [node, count] : lies) chained += count > 1 ? 1 : 0;
  }
  EXPECT_GT(chained, 20);
}

}  // namespace
}  // namespace kiln::sim
