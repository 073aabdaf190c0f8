// Clusters: powers, delays, timeouts, sizes, load.
#include <algorithm>
#include <numeric>

#include "sim/generator_parts.h"

namespace kiln::sim {
namespace {

template <typename T>
T PickOf(SimRandom* random, std::initializer_list<T> values) {
  return *(values.begin() + random->Below(values.size()));
}

// So that the total is a multiple of three and some: the quorum's bound is met, or missed by one.
void MakeExact(std::vector<uint64_t>* powers, SimRandom* random) {
  const uint64_t total = std::accumulate(powers->begin(), powers->end(), uint64_t{0});
  powers->back() += 3 - total % 3 + random->Below(3);
}

void DrawTimes(SimRandom* random, Scenario* scenario) {
  scenario->delay_mean_us = PickOf<uint64_t>(random, {500, 1000, 2000, 5000, 20000});
  scenario->delay_min_us = scenario->delay_mean_us / PickOf<uint64_t>(random, {1, 2, 5, 10});
  scenario->sync_us = PickOf<uint64_t>(random, {50, 500, 500, 2000, 10000});
  scenario->execute_us = PickOf<uint64_t>(random, {50, 200, 200, 2000, 20000});
  const uint64_t round_ms = std::max<uint64_t>(1, RoundUs(*scenario) / 1000);
  const uint64_t min_ms = round_ms * PickOf<uint64_t>(random, {3, 5, 10, 30});
  scenario->round_timeout_min_ms = std::max<uint64_t>(20, min_ms);
  scenario->round_timeout_max_ms =
      scenario->round_timeout_min_ms * PickOf<uint64_t>(random, {4, 8, 16});
  scenario->heartbeat_ms =
      std::min(scenario->round_timeout_max_ms,
               scenario->round_timeout_min_ms * PickOf<uint64_t>(random, {1, 2, 4}));
  scenario->listen_ms = scenario->round_timeout_min_ms * PickOf<uint64_t>(random, {0, 0, 1, 2});
}

// A line that cannot carry a full block to all others well within the longest timer lets no round
// succeed once transactions have piled up: that is a wrong configuration and no fault.
void FitBlocksToLines(Scenario* scenario) {
  if (scenario->link_bytes_per_ms == 0) return;
  const uint64_t in_time = scenario->link_bytes_per_ms * scenario->round_timeout_max_ms / 4;
  scenario->block_bytes_max =
      std::clamp<uint64_t>(in_time / scenario->powers.size(), 64 << 10, scenario->block_bytes_max);
}

// A line that cannot carry the certificates of one round to all others well within the shortest
// timer lets no two rounds follow each other: the same, of many validators with short timers.
void FitTimersToLines(Scenario* scenario) {
  if (scenario->link_bytes_per_ms == 0) return;
  const size_t validators = scenario->powers.size();
  const uint64_t line_ms = validators * CertificatesBytes(validators) / scenario->link_bytes_per_ms;
  const uint64_t least_ms = 3 * (RoundUs(*scenario) / 1000 + line_ms);
  const uint64_t times = std::max<uint64_t>(
      1, (least_ms + scenario->round_timeout_min_ms - 1) / scenario->round_timeout_min_ms);
  scenario->round_timeout_min_ms *= times;
  scenario->round_timeout_max_ms *= times;
  scenario->heartbeat_ms *= times;
  scenario->listen_ms *= times;
}

void DrawSizes(SimRandom* random, Scenario* scenario) {
  scenario->block_bytes_max = PickOf<uint64_t>(random, {64 << 10, 256 << 10, 1 << 20});
  scenario->block_transactions_max = PickOf<uint64_t>(random, {4, 64, 16384, 16384});
  scenario->duplicate_window_blocks = PickOf<uint64_t>(random, {16, 64, 64, 4096});
  scenario->execution_lag_max = PickOf<uint64_t>(random, {4, 8, 8, 64});
  scenario->snapshot_interval_blocks = PickOf<uint64_t>(random, {16, 16, 64, 10000});
  scenario->mempool_transactions_max = PickOf<uint64_t>(random, {200, 10000, 10000});
  scenario->link_bytes_per_ms = PickOf<uint64_t>(random, {0, 125000, 125000, 20000});
  FitTimersToLines(scenario);
  FitBlocksToLines(scenario);
}

// At most a tenth of what blocks can carry, so that what the faults held up is soon made up for.
void DrawLoad(SimRandom* random, Scenario* scenario) {
  const uint64_t rounds_per_s = std::max<uint64_t>(1, 1'000'000 / RoundUs(*scenario));
  const uint64_t fits = std::max<uint64_t>(1, rounds_per_s * scenario->block_transactions_max / 10);
  scenario->transactions_per_s =
      std::min(fits, PickOf<uint64_t>(random, {0, 1, 10, 20, 50, 50, 100, 300}));
  scenario->transaction_bytes = PickOf<uint64_t>(random, {1, 32, 32, 200, 1000});
  if (random->Chance(0.05)) {
    scenario->transactions_per_s = std::min<uint64_t>(scenario->transactions_per_s, 20);
    scenario->transaction_bytes = 20000;
  }
}

}  // namespace

std::vector<uint64_t> DrawPowers(size_t count, SimRandom* random) {
  std::vector<uint64_t> powers(count, 1);
  const uint64_t choice = random->Below(100);
  if (choice < 45) return powers;
  if (choice < 60) {
    for (uint64_t& power : powers) power = random->Between(1, 10);
  } else if (choice < 72) {  // one just below a third: 3h < h + rest
    for (uint64_t& power : powers) power = random->Between(2, 9);
    const uint64_t rest = std::accumulate(powers.begin() + 1, powers.end(), uint64_t{0});
    if (rest >= 3) powers[0] = (rest - 1) / 2;
  } else if (choice < 84) {
    for (uint64_t& power : powers) power = random->Between(1, 5);
    MakeExact(&powers, random);
  } else if (choice < 90) {
    for (size_t i = 0; i < count; ++i) powers[i] = 1 + 1000 / (i + 1);
  } else if (choice < 96) {  // sums near the largest that there may be
    for (uint64_t& power : powers) power = 1'000'000'000'000'000 + random->Below(1'000'000);
  } else {  // one is a quorum by itself
    powers[0] = 2 * count + random->Below(2);
  }
  random->Shuffle(&powers);
  return powers;
}

uint64_t RoundUs(const Scenario& scenario) {
  return 2 * (scenario.delay_mean_us + scenario.sync_us);
}

uint64_t CalmMs(const Scenario& scenario) {
  const uint64_t faulty_max = (scenario.powers.size() - 1) / 3;
  return 5000 + 2 * (faulty_max + 8) * scenario.round_timeout_max_ms + 2 * scenario.heartbeat_ms +
         RoundUs(scenario) / 100 + scenario.listen_ms;
}

void DrawCluster(size_t validators, uint64_t rounds, SimRandom* random, Scenario* scenario) {
  scenario->powers = DrawPowers(validators, random);
  DrawTimes(random, scenario);
  DrawSizes(random, scenario);
  DrawLoad(random, scenario);
  const uint64_t least_ms = 4 * scenario->round_timeout_min_ms;
  scenario->chaos_ms = std::clamp<uint64_t>(rounds * RoundUs(*scenario) / 1000,
                                            std::max<uint64_t>(1000, least_ms), 20000);
  scenario->calm_ms = CalmMs(*scenario);
}

}  // namespace kiln::sim
