// Twins (Bano et al., arXiv 2004.10617): an identity with two replicas behaves like a Byzantine
// one, and all that an adversary chooses is who leads a round and who hears whom in it.
#include <algorithm>

#include "absl/container/btree_set.h"
#include "sim/generator_parts.h"

namespace kiln::sim {
namespace {

constexpr uint64_t kDelayMs = 10;
constexpr uint64_t kTimeoutMs = 100;
// A proposal and the votes; syncs in between.
constexpr uint64_t kGoodRoundMs = 2 * kDelayMs + 2;
// The timer, the timeouts, and whoever only joins.
constexpr uint64_t kBadRoundMs = kTimeoutMs + 2 * kDelayMs;

// Which group each replica is in.
using Groups = std::vector<uint32_t>;

Groups DrawGroups(size_t replicas, SimRandom* random) {
  // One group is frequent, or nothing would ever commit.
  const uint64_t choice = random->Below(10);
  const uint64_t count = choice < 2 ? 1 : choice < 7 ? 2 : 3;
  Groups groups(replicas);
  for (uint32_t& group : groups) group = static_cast<uint32_t>(random->Below(count));
  return groups;
}

uint32_t IdentityOf(uint32_t replica, const Scenario& scenario) {
  const auto validators = static_cast<uint32_t>(scenario.powers.size());
  return replica < validators ? replica : scenario.twins[replica - validators];
}

// Whether some group has the leader, the next one, who collects the votes, and a quorum.
bool RoundSucceeds(const Scenario& scenario, const Groups& groups, size_t round) {
  for (uint32_t group = 0; group < 3; ++group) {
    absl::btree_set<uint32_t> identities;
    for (uint32_t i = 0; i < groups.size(); ++i) {
      if (groups[i] == group) identities.insert(IdentityOf(i, scenario));
    }
    if (3 * identities.size() > 2 * scenario.powers.size() &&
        identities.contains(scenario.leaders[round]) &&
        identities.contains(scenario.leaders[round + 1])) {
      return true;
    }
  }
  return false;
}

// Two partitions at once make three groups.
void AddPartitions(const Groups& groups, uint64_t at_ms, uint64_t for_ms, Scenario* scenario) {
  for (uint32_t group = 1; group < 3; ++group) {
    Fault fault{.row = "N2", .kind = "partition", .at_ms = at_ms, .for_ms = for_ms};
    for (uint32_t i = 0; i < groups.size(); ++i) {
      if (groups[i] == group) fault.nodes.push_back(i);
    }
    const bool divides = !fault.nodes.empty() && fault.nodes.size() < groups.size();
    if (divides) scenario->faults.push_back(std::move(fault));
  }
}

void SetUpTwins(size_t validators, SimRandom* random, Scenario* scenario) {
  scenario->powers.assign(validators, 1);
  std::vector<uint32_t> identities(validators);
  for (uint32_t i = 0; i < validators; ++i) identities[i] = i;
  random->Shuffle(&identities);
  identities.resize((validators - 1) / 3);
  std::sort(identities.begin(), identities.end());
  scenario->twins = identities;
  scenario->delay_min_us = scenario->delay_mean_us = kDelayMs * 1000;
  scenario->link_bytes_per_ms = 0;
  scenario->round_timeout_min_ms = scenario->round_timeout_max_ms = kTimeoutMs;
  scenario->heartbeat_ms = 1;
  scenario->sync_us = 100;
  scenario->execute_us = 100;
  scenario->transactions_per_s = 10;
}

}  // namespace

void GenerateTwins(const GeneratorOptions& options, SimRandom random, Scenario* scenario) {
  const size_t drawn = random.Chance(0.9) ? 4 : 7;
  SetUpTwins(options.validators != 0 ? options.validators : drawn, &random, scenario);
  const uint64_t rounds = options.rounds != 0 ? options.rounds : random.Between(4, 12);
  const size_t validators = scenario->powers.size();
  for (uint64_t i = 0; i < rounds; ++i) {
    // The twins lead more often than their share: theirs are the turns that matter.
    const bool by_twin = !scenario->twins.empty() && random.Chance(0.4);
    scenario->leaders.push_back(by_twin ? random.Pick(scenario->twins)
                                        : static_cast<uint32_t>(random.Below(validators)));
  }
  // Then everybody in turn, so that whoever is honest leads two rounds in a row again.
  for (uint32_t i = 0; i < 2 * validators; ++i) {
    scenario->leaders.push_back(i % static_cast<uint32_t>(validators));
  }
  uint64_t at_ms = 0;
  for (uint64_t i = 0; i < rounds; ++i) {
    const Groups groups = DrawGroups(validators + scenario->twins.size(), &random);
    const uint64_t slot_ms = RoundSucceeds(*scenario, groups, i) ? kGoodRoundMs : kBadRoundMs;
    AddPartitions(groups, at_ms, slot_ms, scenario);
    at_ms += slot_ms;
  }
  scenario->chaos_ms = options.chaos_ms != 0 ? options.chaos_ms : at_ms;
  scenario->calm_ms = 40 * kTimeoutMs;
  // Everybody leads again, twice. More seeds find more than longer runs do.
  scenario->calm_rounds = 2 * validators;
}

}  // namespace kiln::sim
