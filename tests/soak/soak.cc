#include "tests/soak/soak.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/load.h"
#include "tests/integration/small_disk.h"
#include "tests/integration/test_cluster.h"
#include "tests/integration/vote_audit.h"
#include "tests/soak/executions.h"
#include "tests/soak/injector.h"
#include "tests/soak/register_load.h"

namespace kiln::soak {
namespace {

using integration::SmallDisk;
using integration::TestCluster;
using integration::VoteAudit;

constexpr size_t kValidators = 4;
constexpr size_t kOnSmallDisk = kValidators - 1;
constexpr size_t kValueBytes = 512;  // so that tables and blob files are written too
constexpr absl::Duration kAttemptTimeout = absl::Seconds(2);  // then clients ask somebody else

const TestCluster::Settings kSettings = {{"round_timeout_min_ms", "200"},
                                         {"round_timeout_max_ms", "2000"},
                                         {"heartbeat_interval_ms", "500"},
                                         {"doppelganger_wait_ms", "200"},
                                         {"vote_log_file", "\"votes.log\""}};

std::unique_ptr<SmallDisk> MountSmallDisk(const SoakOptions& options, TestCluster& cluster,
                                          FaultReport& report) {
  std::unique_ptr<SmallDisk> disk;
  if (options.has_own_mounts) disk = SmallDisk::Mount(cluster.home(kOnSmallDisk) + "/data");
  if (disk == nullptr) {
    report.Skip(FaultKind::kDiskLow, "mounting is not permitted here");
    report.Skip(FaultKind::kDiskFull, "mounting is not permitted here");
  } else {
    cluster.Set(kOnSmallDisk, "disk_free_bytes_min", absl::StrCat(kSmallDiskFreeBytesMin));
  }
  return disk;
}

bool IsInterrupted(const SoakOptions& options) {
  return options.is_interrupted != nullptr && *options.is_interrupted;
}

void InjectFaults(const SoakOptions& options, const Target& target, SoakResult& result) {
  Injector injector(target, options.seed, &result.faults);
  const absl::Time start = absl::Now();
  while (absl::Now() < start + options.duration && !testing::Test::HasFailure() &&
         !IsInterrupted(options)) {
    injector.InjectNext();
  }
  result.faults_took = absl::Now() - start;
}

bool AllRun(TestCluster& cluster) {
  for (size_t i = 0; i < cluster.size(); ++i) {
    if (!cluster.IsRunning(i)) return false;
  }
  return true;
}

// Every ledger has executed all that was acknowledged; then all stop. False when they do not.
bool LevelAndStop(TestCluster& cluster, uint64_t height) {
  for (size_t i = 0; i < cluster.size(); ++i) {
    if (!cluster.WaitForHeight(i, height)) return false;
  }
  return cluster.StopAll();
}

std::optional<Executions> CheckLedgers(TestCluster& cluster,
                                       const std::vector<Hash>& acknowledged) {
  cluster.ExpectEqualLedgers();
  Executions sum;
  for (size_t i = 0; i < cluster.size(); ++i) {
    const absl::StatusOr<Executions> executions = CountExecutions(cluster.home(i), acknowledged);
    if (!executions.ok()) {
      ADD_FAILURE() << cluster.home(i) << ": " << executions.status();
      return std::nullopt;
    }
    EXPECT_EQ(executions->lost, 0U) << cluster.home(i);
    EXPECT_EQ(executions->duplicated, 0U) << cluster.home(i);
    sum.lost += executions->lost;
    sum.duplicated += executions->duplicated;
  }
  return sum;
}

uint64_t CheckVotes(const TestCluster& cluster) {
  VoteAudit votes;
  uint64_t sum = 0;
  for (size_t i = 0; i < cluster.size(); ++i) votes.ReadLog(cluster.home(i) + "/votes.log");
  votes.ExpectOneVotePerRound();
  for (uint32_t i = 0; i < cluster.size(); ++i) {
    EXPECT_GT(votes.CountBy(i), 0U) << "validator-" << i;
    EXPECT_LE(votes.HighestBy(i), integration::DurableLastVotedRound(cluster.home(i)));
    sum += votes.CountBy(i);
  }
  return sum;
}

// Faults under load, and what clients saw of them. The ids of what was acknowledged.
std::vector<Hash> BreakThings(const SoakOptions& options, TestCluster& cluster, SmallDisk* disk,
                              SoakResult& result) {
  ClientOptions chain = cluster.chain();
  chain.attempt_timeout = kAttemptTimeout;
  integration::Load load(chain, {.value_bytes = kValueBytes});
  RegisterLoad registers(chain, {.seed = options.seed});
  InjectFaults(options, {&cluster, disk, kOnSmallDisk, &load, &registers, options.only}, result);
  load.Stop();
  registers.Stop();
  result.acknowledged = load.acknowledged();
  result.unknown = load.errors().size();
  result.registers = registers.counts();
  result.height = std::max(load.highest_height(), cluster.HighestHeight());
  load.ExpectOnlyUnknownOutcomes();
  if (!IsInterrupted(options)) {
    registers.ExpectLinearizable(cluster.dir());
    result.registers_checked = true;
  }
  std::vector<Hash> acknowledged = load.acknowledged_ids();
  for (const Hash& id : registers.acknowledged_ids()) acknowledged.push_back(id);
  return acknowledged;
}

// Why not everything was checked; empty when it was.
std::string RunAndCheck(const SoakOptions& options, TestCluster& cluster, SoakResult& result) {
  const std::unique_ptr<SmallDisk> disk = MountSmallDisk(options, cluster, result.faults);
  if (options.only.has_value() && disk == nullptr && IsOfDisk(*options.only)) {
    return "mounting is not permitted here";
  }
  if (!cluster.StartAllAndWait()) return "not all validators started";
  const std::vector<Hash> acknowledged = BreakThings(options, cluster, disk.get(), result);
  if (IsInterrupted(options)) return "interrupted";
  if (!AllRun(cluster)) return "a validator is down that should be up";
  if (!LevelAndStop(cluster, result.height)) return "the validators did not get level and stop";
  result.ledgers = CheckLedgers(cluster, acknowledged);
  result.votes = CheckVotes(cluster);
  return result.ledgers.has_value() ? "" : "a ledger could not be read";
}

}  // namespace

SoakResult RunSoak(const SoakOptions& options) {
  SoakResult result;
  TestCluster cluster(kValidators, kSettings);
  result.folder = cluster.dir();
  try {
    result.cut_short = RunAndCheck(options, cluster, result);
  } catch (const std::exception& error) {
    result.cut_short = absl::StrCat("the soak itself failed: ", error.what());
    ADD_FAILURE() << result.cut_short;
  }
  result.has_failed = testing::Test::HasFailure();
  return result;
}

}  // namespace kiln::soak
