// What one simulated run consists of: a cluster, a load, and what goes wrong.
#ifndef KILN_SIM_SCENARIO_H_
#define KILN_SIM_SCENARIO_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace kiln::sim {

// What every wall clock that is right shows when a run begins.
inline constexpr uint64_t kWallStartUs = 1'700'000'000'000'000;

// About the bytes of a timeout, or of a proposal after a failed round, but for its block: a QC, and
// a TC with another one, of a signature of 64 bytes from two thirds of the validators each.
inline uint64_t CertificatesBytes(size_t validators) {
  return 400 + 3 * 68 * (2 * validators / 3 + 1);
}

// One thing that goes wrong. `row` is its id in docs/testing.md ("N2"), `kind` says what of it
// (sim/faults.h has the list with the meaning of the other members for each).
struct Fault {
  std::string row;
  std::string kind;
  uint64_t at_ms = 0;
  uint64_t for_ms = 0;                // 0: a moment, or for ever where that makes no sense
  std::vector<uint32_t> nodes;        // whom it befalls
  std::vector<uint32_t> peers;        // the other side of links; empty: everybody
  std::vector<std::string> messages;  // kinds of messages; empty: all
  double amount = 0;

  friend bool operator==(const Fault&, const Fault&) = default;
};

// Everything that a run depends on. Two runs of equal scenarios are equal, to the byte. Replicas
// are numbered as validators are; a validator's second replica (twins) comes after all of them, in
// the order of `twins`.
struct Scenario {
  std::string name;
  std::string about;  // what it shows, in a sentence
  uint64_t seed = 1;  // of delays and other small chances

  // The cluster.
  std::vector<uint64_t> powers = {1, 1, 1, 1};
  std::vector<uint32_t> twins;    // validators with a second replica of the same identity
  std::vector<uint32_t> leaders;  // a schedule by round, repeated; empty: the protocol's own
  uint64_t round_timeout_min_ms = 500;
  uint64_t round_timeout_max_ms = 4000;
  uint64_t heartbeat_ms = 2000;
  uint64_t listen_ms = 0;  // after a start, before the first signature
  uint64_t block_bytes_max = 1 << 20;
  uint64_t block_transactions_max = 16384;
  uint64_t duplicate_window_blocks = 64;
  uint64_t execution_lag_max = 8;
  uint64_t snapshot_interval_blocks = 64;
  uint64_t retention_blocks = 0;  // 0: all are kept
  uint64_t mempool_transactions_max = 10000;
  uint64_t mempool_bytes_max = 0;  // 0: 1 KiB for each of these
  uint64_t scrub_bytes_per_s = 0;  // 0: nothing that is stored is read again
  bool real_signatures = false;    // Ed25519 in place of the world's keyed hash

  // The network and disks when nothing is wrong.
  uint64_t delay_min_us = 1000;
  uint64_t delay_mean_us = 5000;        // the minimum included; exponential above it
  uint64_t link_bytes_per_ms = 125000;  // of each replica's own line; 0: unlimited
  // Where each validator is; empty: all in one place. From region a to region b every message takes
  // region_delays_us[a][b] longer.
  std::vector<uint32_t> regions;
  std::vector<std::vector<uint64_t>> region_delays_us;
  uint64_t sync_us = 500;
  uint64_t execute_us = 200;

  // The load: transactions from `clients`, each to a validator of its choice, until the end.
  uint64_t transactions_per_s = 20;
  uint64_t transaction_bytes = 32;

  // First anything may break; then faults end, what crashed starts again, and the chain must go on.
  uint64_t chaos_ms = 10000;
  uint64_t calm_ms = 20000;      // the most that the second phase takes; it ends when all was seen
  uint64_t measure_from_ms = 0;  // RunResult::figures are of the first phase from here on
  // The rounds of the second phase through which the replicas must keep together.
  uint64_t calm_rounds = 100;
  std::vector<Fault> faults;
  // Ids of invariants of which at least one must be violated ("S1"): for worlds beyond the fault
  // model. No others may be.
  std::vector<std::string> must_violate;

  friend bool operator==(const Scenario&, const Scenario&) = default;
};

// Who a replica is.
inline uint32_t ValidatorOf(const Scenario& scenario, uint32_t replica) {
  const size_t validators = scenario.powers.size();
  return replica < validators ? replica : scenario.twins[replica - validators];
}

// What a message takes longer because these two validators are in different places.
inline uint64_t RegionDelayUs(const Scenario& scenario, uint32_t from, uint32_t to) {
  if (scenario.regions.empty()) return 0;
  return scenario.region_delays_us[scenario.regions[from]][scenario.regions[to]];
}
inline uint64_t RegionDelayMaxUs(const Scenario& scenario) {
  uint64_t longest_us = 0;
  for (const uint32_t from : scenario.regions) {
    for (const uint32_t to : scenario.regions) {
      longest_us = std::max(longest_us, scenario.region_delays_us[from][to]);
    }
  }
  return longest_us;
}

}  // namespace kiln::sim

#endif  // KILN_SIM_SCENARIO_H_
