// A chain with nothing to do, and one that cannot do anything.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "network/kiln_service.h"
#include "network/tls_identity.h"
#include "tests/integration/test_cluster.h"

namespace kiln::integration {
namespace {

using ::testing::HasSubstr;
namespace health = ::grpc::health::v1;

constexpr absl::Duration kHeartbeat = absl::Seconds(1);
const TestCluster::Settings kHeartbeats = {{"heartbeat_interval_ms", "1000"}};

TEST(IdleChain, HasNoBlocksButHeartbeats) {
  TestCluster cluster(4, kHeartbeats);
  ASSERT_TRUE(cluster.StartAllAndWait());
  const absl::StatusOr<Receipt> receipt = Put(cluster.chain(), "the last one");
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  // Blocks follow until its execution is certified; then it is quiet.
  ASSERT_TRUE(cluster.WaitForHeight(0, receipt->height + 3));
  const absl::Time from = absl::Now();
  const uint64_t height = cluster.Height(0);
  ASSERT_GT(height, 0U);
  ASSERT_TRUE(cluster.WaitForHeight(0, height + 4));
  const uint64_t blocks = cluster.Height(0) - height;
  // However slow this machine is: so many heartbeats at most fit between the two looks.
  const int64_t heartbeats_max = (absl::Now() - from) / kHeartbeat + 2;
  EXPECT_LE(blocks, static_cast<uint64_t>(heartbeats_max));
  ASSERT_TRUE(cluster.StopAll());
}

TEST(IdleChain, CommitsATransactionWhenTheLeaderIsDead) {
  TestCluster cluster(4, {{"heartbeat_interval_ms", "20000"}});
  ASSERT_TRUE(cluster.StartAllAndWait());
  ASSERT_TRUE(Put(cluster.chain(), "first").ok());
  const absl::StatusOr<NodeStatus> status = cluster.Status(0);
  ASSERT_TRUE(status.ok()) << status.status();
  size_t leader = 0;
  while (absl::StrCat("validator-", leader) != status->leader) ++leader;
  cluster.Kill(leader);
  const size_t other = (leader + 2) % cluster.size();
  const absl::StatusOr<Receipt> receipt = Put(cluster.Only(other), "without the leader");
  EXPECT_TRUE(receipt.ok()) << receipt.status();
  ASSERT_TRUE(cluster.StopAll());
}

struct Health {
  bool answered = false;
  bool is_serving = false;
  std::string reason;
};

Health AskForHealth(const TestCluster& cluster, size_t i) {
  const Genesis& genesis = cluster.chain().genesis;
  std::vector<crypto::PublicKey> keys;
  for (const GenesisValidator& validator : genesis.validators) keys.push_back(validator.node_key);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub = health::Health::NewStub(grpc::CreateCustomChannel(
      cluster.client_address(i), network::ClientChannelCredentials(keys, genesis.ChainId()),
      arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  health::HealthCheckResponse response;
  Health result;
  result.answered = stub->Check(&context, {}, &response).ok();
  result.is_serving = response.status() == health::HealthCheckResponse::SERVING;
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto reason = metadata.find(network::kNotReadyReasonMetadata);
  if (reason != metadata.end()) result.reason.assign(reason->second.data(), reason->second.size());
  return result;
}

TEST(Health, IsNotServingWithAReasonWhenOnlyHalfOfTheValidatorsRun) {
  TestCluster cluster(4, kHeartbeats);
  ASSERT_TRUE(cluster.StartAllAndWait());
  EXPECT_TRUE(AskForHealth(cluster, 0).is_serving);
  cluster.Kill(2);
  cluster.Kill(3);
  Health health;
  ASSERT_TRUE(WaitUntil([&] {
    health = AskForHealth(cluster, 0);
    return health.answered && !health.is_serving;
  }));
  EXPECT_THAT(health.reason, HasSubstr("no quorum"));
  // Nothing is acknowledged meanwhile, and the outcome is open.
  const absl::StatusOr<Receipt> receipt =
      Put(cluster.AllFrom(0), "with two of four", absl::Seconds(2));
  EXPECT_TRUE(absl::IsDeadlineExceeded(receipt.status()) || absl::IsUnavailable(receipt.status()))
      << receipt.status();
  cluster.Start(2);
  ASSERT_TRUE(WaitUntil([&] { return AskForHealth(cluster, 0).is_serving; }));
  EXPECT_TRUE(Put(cluster.Only(0), "with three of four").ok());
  ASSERT_TRUE(cluster.StopAll());
}

}  // namespace
}  // namespace kiln::integration
