#include "tests/soak/soak.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/load.h"
#include "tests/integration/small_disk.h"
#include "tests/integration/test_cluster.h"
#include "tests/integration/vote_audit.h"
#include "tests/soak/executions.h"
#include "tests/soak/injector.h"

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

void InjectFaults(const SoakOptions& options, const Target& target, FaultReport& report) {
  Chance chance(options.seed);
  Injector injector(target, &chance, &report);
  const absl::Time end = absl::Now() + options.duration;
  while (absl::Now() < end && !testing::Test::HasFailure()) injector.InjectNext();
}

// Every ledger has executed all that was acknowledged; then all stop. False when they do not.
bool LevelAndStop(TestCluster& cluster, const integration::Load& load, SoakResult& result) {
  result.height = std::max(load.highest_height(), cluster.HighestHeight());
  for (size_t i = 0; i < cluster.size(); ++i) {
    if (!cluster.WaitForHeight(i, result.height)) return false;
  }
  return cluster.StopAll();
}

void CheckLedgers(TestCluster& cluster, const std::vector<Hash>& acknowledged, SoakResult& result) {
  cluster.ExpectEqualLedgers();
  for (size_t i = 0; i < cluster.size(); ++i) {
    const absl::StatusOr<Executions> executions = CountExecutions(cluster.home(i), acknowledged);
    ASSERT_TRUE(executions.ok()) << cluster.home(i) << ": " << executions.status();
    EXPECT_EQ(executions->lost, 0U) << cluster.home(i);
    EXPECT_EQ(executions->duplicated, 0U) << cluster.home(i);
    result.lost += executions->lost;
    result.duplicated += executions->duplicated;
  }
}

void CheckVotes(const TestCluster& cluster, SoakResult& result) {
  VoteAudit votes;
  for (size_t i = 0; i < cluster.size(); ++i) votes.ReadLog(cluster.home(i) + "/votes.log");
  votes.ExpectOneVotePerRound();
  for (uint32_t i = 0; i < cluster.size(); ++i) {
    EXPECT_GT(votes.CountBy(i), 0U) << "validator-" << i;
    EXPECT_LE(votes.HighestBy(i), integration::DurableLastVotedRound(cluster.home(i)));
    result.votes += votes.CountBy(i);
  }
}

}  // namespace

SoakResult RunSoak(const SoakOptions& options) {
  SoakResult result;
  TestCluster cluster(kValidators, kSettings);
  result.folder = cluster.dir();
  const std::unique_ptr<SmallDisk> disk = MountSmallDisk(options, cluster, result.faults);
  if (!cluster.StartAllAndWait()) return result;
  ClientOptions chain = cluster.chain();
  chain.attempt_timeout = kAttemptTimeout;
  integration::Load load(chain, {.value_bytes = kValueBytes});
  RegisterLoad registers(chain, {.seed = options.seed});
  InjectFaults(options, {&cluster, disk.get(), kOnSmallDisk, &load, &registers}, result.faults);
  load.Stop();
  registers.Stop();
  result.acknowledged = load.acknowledged();
  result.unknown = load.errors().size();
  result.registers = registers.counts();
  load.ExpectOnlyUnknownOutcomes();
  registers.ExpectLinearizable(cluster.dir());
  if (!LevelAndStop(cluster, load, result)) return result;
  std::vector<Hash> acknowledged = load.acknowledged_ids();
  for (const Hash& id : registers.acknowledged_ids()) acknowledged.push_back(id);
  CheckLedgers(cluster, acknowledged, result);
  CheckVotes(cluster, result);
  return result;
}

}  // namespace kiln::soak
