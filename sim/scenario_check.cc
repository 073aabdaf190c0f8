// Bounds of scenarios: files come from anywhere.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "node/did_you_mean.h"
#include "sim/fault_driver.h"
#include "sim/faults.h"
#include "sim/scenario_toml.h"

namespace kiln::sim {
namespace {

constexpr size_t kTextBytesMax = 2000;
constexpr size_t kListMax = 1000;
constexpr double kAmountMax = 1e9;
constexpr uint64_t kDelayUsMax = 60'000'000;

absl::Status Wrong(absl::string_view member, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(member, ": ", what));
}

struct Bound {
  absl::string_view member;
  uint64_t value;
  uint64_t min;
  uint64_t max;
};

absl::Status CheckNumbers(const Scenario& scenario) {
  const Bound bounds[] = {
      {"round_timeout_min_ms", scenario.round_timeout_min_ms, 1, 60'000},
      {"round_timeout_max_ms", scenario.round_timeout_max_ms, scenario.round_timeout_min_ms,
       600'000},
      {"heartbeat_ms", scenario.heartbeat_ms, 1, 600'000},
      {"listen_ms", scenario.listen_ms, 0, 60'000},
      {"block_bytes_max", scenario.block_bytes_max, 64 << 10, 8 << 20},
      {"block_transactions_max", scenario.block_transactions_max, 1, 65'536},
      {"duplicate_window_blocks", scenario.duplicate_window_blocks, 16, 65'536},
      {"execution_lag_max", scenario.execution_lag_max, 4, 64},
      {"snapshot_interval_blocks", scenario.snapshot_interval_blocks, 16, 1'000'000},
      {"retention_blocks", scenario.retention_blocks, 0, 1'000'000},
      {"mempool_transactions_max", scenario.mempool_transactions_max, 1, 10'000'000},
      {"mempool_bytes_max", scenario.mempool_bytes_max, 0, uint64_t{4} << 30},
      {"scrub_bytes_per_s", scenario.scrub_bytes_per_s, 0, 1 << 30},
      {"delay_min_us", scenario.delay_min_us, 0, kDelayUsMax},
      {"delay_mean_us", scenario.delay_mean_us, scenario.delay_min_us, kDelayUsMax},
      {"link_bytes_per_ms", scenario.link_bytes_per_ms, 0, uint64_t{1} << 40},
      {"sync_us", scenario.sync_us, 0, 60'000'000},
      {"execute_us", scenario.execute_us, 0, 60'000'000},
      {"transactions_per_s", scenario.transactions_per_s, 0, 100'000},
      {"transaction_bytes", scenario.transaction_bytes, 0, 1 << 20},
      {"chaos_ms", scenario.chaos_ms, 0, kScenarioMsMax},
      {"calm_ms", scenario.calm_ms, 0, kScenarioMsMax - scenario.chaos_ms},
      {"measure_from_ms", scenario.measure_from_ms, 0, kScenarioMsMax},
      {"calm_rounds", scenario.calm_rounds, 1, 10'000},
  };
  for (const Bound& bound : bounds) {
    if (bound.value >= bound.min && bound.value <= bound.max) continue;
    return Wrong(bound.member, absl::StrCat("must be from ", bound.min, " to ", bound.max, " (is ",
                                            bound.value, ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckPowers(const Scenario& scenario) {
  if (scenario.powers.empty() || scenario.powers.size() > kScenarioReplicasMax) {
    return Wrong("powers", absl::StrCat("must name 1 to ", kScenarioReplicasMax, " validators"));
  }
  unsigned __int128 total = 0;
  for (const uint64_t power : scenario.powers) {
    if (power == 0) return Wrong("powers", "no validator may have power 0");
    total += power;
  }
  if (total > UINT64_MAX) return Wrong("powers", "the sum does not fit in 64 bits");
  return absl::OkStatus();
}

absl::Status CheckIndexes(const std::string& member, const std::vector<uint32_t>& indexes,
                          size_t count, absl::string_view of_what) {
  if (indexes.size() > kListMax) {
    return Wrong(member, absl::StrCat("has more than ", kListMax, " elements"));
  }
  for (const uint32_t index : indexes) {
    if (index < count) continue;
    return Wrong(member,
                 absl::StrCat("there is no ", of_what, " ", index, ": they are 0 to ", count - 1));
  }
  return absl::OkStatus();
}

absl::Status CheckTwins(const Scenario& scenario) {
  const size_t validators = scenario.powers.size();
  KILN_RETURN_IF_ERROR(CheckIndexes("twins", scenario.twins, validators, "validator"));
  const std::set<uint32_t> different(scenario.twins.begin(), scenario.twins.end());
  if (different.size() != scenario.twins.size()) {
    return Wrong("twins", "a validator has one second replica at most");
  }
  if (validators + scenario.twins.size() > kScenarioReplicasMax) {
    return Wrong("twins", absl::StrCat("makes more than ", kScenarioReplicasMax, " replicas"));
  }
  return CheckIndexes("leaders", scenario.leaders, validators, "validator");
}

absl::Status CheckRegions(const Scenario& scenario) {
  const std::vector<std::vector<uint64_t>>& delays_us = scenario.region_delays_us;
  if (delays_us.size() > kListMax) return Wrong("region_delays_us", "has too many regions");
  for (const std::vector<uint64_t>& to : delays_us) {
    if (to.size() != delays_us.size()) {
      return Wrong("region_delays_us", absl::StrCat("must be a square: ", delays_us.size(),
                                                    " lists of ", delays_us.size()));
    }
    for (const uint64_t delay_us : to) {
      if (delay_us > kDelayUsMax) return Wrong("region_delays_us", "is beyond a minute");
    }
  }
  if (!scenario.regions.empty() && scenario.regions.size() != scenario.powers.size()) {
    return Wrong("regions", "must name one region for each validator, or be empty");
  }
  return CheckIndexes("regions", scenario.regions, delays_us.size(), "region");
}

absl::Status CheckKind(const std::string& prefix, const Fault& fault) {
  std::vector<absl::string_view> kinds;
  for (const FaultKind& known : FaultKinds()) {
    if (known.kind != fault.kind) {
      kinds.push_back(known.kind);
      continue;
    }
    if (known.row == fault.row) return absl::OkStatus();
    return Wrong(prefix + "row", absl::StrCat("\"", fault.kind, "\" is of row \"", known.row,
                                              "\", not \"", fault.row, "\""));
  }
  return Wrong(prefix + "kind", node::UnknownKey(fault.kind, kinds));
}

bool IsProbability(absl::string_view kind) {
  return kind == "loss" || kind == "duplication" || kind == "mutate";
}

absl::Status CheckMessages(const std::string& prefix, const Fault& fault) {
  static constexpr absl::string_view kMessages[] = {
      "proposal",     "vote",          "timeout",          "certificates", "blocks",
      "transactions", "block_request", "standing_request", "standing"};
  if (fault.messages.size() > std::size(kMessages)) {
    return Wrong(prefix + "messages", "names a kind twice");
  }
  for (const std::string& message : fault.messages) {
    if (std::count(std::begin(kMessages), std::end(kMessages), message) > 0) continue;
    return Wrong(prefix + "messages", absl::StrCat("there is no message \"", message, "\" (known: ",
                                                   absl::StrJoin(kMessages, ", "), ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckFault(const Scenario& scenario, size_t index) {
  const Fault& fault = scenario.faults[index];
  const std::string prefix = absl::StrCat("fault[", index, "].");
  const size_t replicas = scenario.powers.size() + scenario.twins.size();
  KILN_RETURN_IF_ERROR(CheckKind(prefix, fault));
  KILN_RETURN_IF_ERROR(CheckIndexes(prefix + "nodes", fault.nodes, replicas, "replica"));
  KILN_RETURN_IF_ERROR(CheckIndexes(prefix + "peers", fault.peers, replicas, "replica"));
  KILN_RETURN_IF_ERROR(CheckMessages(prefix, fault));
  if (fault.at_ms > kScenarioMsMax) return Wrong(prefix + "at_ms", "is beyond the longest run");
  if (fault.for_ms > kScenarioMsMax) return Wrong(prefix + "for_ms", "is beyond the longest run");
  if (!std::isfinite(fault.amount) || std::abs(fault.amount) > kAmountMax) {
    return Wrong(prefix + "amount", "must be from -1000000000 to 1000000000");
  }
  if (IsProbability(fault.kind) && (fault.amount < 0 || fault.amount > 1)) {
    return Wrong(prefix + "amount", "is a probability: from 0 to 1");
  }
  if (fault.kind == "wrong_disk" && fault.peers.empty()) {
    return Wrong(prefix + "peers", "must name whose disk it is");
  }
  return absl::OkStatus();
}

absl::Status CheckPairs(const Scenario& scenario) {
  const std::vector<Fault>& faults = scenario.faults;
  for (size_t i = 0; i < faults.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!LeaveRecordAlone(faults[j], faults[i])) continue;
      return Wrong(absl::StrCat("fault[", i, "].nodes"),
                   absl::StrCat("\"recovered_folder\" and \"recovered_old_record\" may not befall "
                                "the same replica (see fault[",
                                j, "]): an old record in an empty folder is refused at the start"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTexts(const Scenario& scenario) {
  if (scenario.name.size() > kTextBytesMax) return Wrong("name", "is too long");
  if (scenario.about.size() > kTextBytesMax) return Wrong("about", "is too long");
  if (scenario.must_violate.size() > kListMax) return Wrong("must_violate", "is too long");
  for (const std::string& invariant : scenario.must_violate) {
    if (invariant.empty() || invariant.size() > 8) {
      return Wrong("must_violate", "must be ids of invariants (\"S1\")");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateScenario(const Scenario& scenario) {
  KILN_RETURN_IF_ERROR(CheckTexts(scenario));
  KILN_RETURN_IF_ERROR(CheckPowers(scenario));
  KILN_RETURN_IF_ERROR(CheckTwins(scenario));
  KILN_RETURN_IF_ERROR(CheckRegions(scenario));
  KILN_RETURN_IF_ERROR(CheckNumbers(scenario));
  if (scenario.faults.size() > kScenarioFaultsMax) {
    return Wrong("fault", absl::StrCat("there are more than ", kScenarioFaultsMax, " faults"));
  }
  for (size_t i = 0; i < scenario.faults.size(); ++i) {
    KILN_RETURN_IF_ERROR(CheckFault(scenario, i));
  }
  return CheckPairs(scenario);
}

}  // namespace kiln::sim
