#include "network/peer_transport.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/network/peer_test_cluster.h"

namespace kiln::network {
namespace {

constexpr ValidatorIndex kV0{0};
constexpr ValidatorIndex kV1{1};

TEST(PeerTransport, ConnectsFourValidatorsAndDeliversABroadcastToEachOther) {
  PeerTestCluster cluster(4);
  cluster.StartAll();
  ASSERT_TRUE(cluster.AwaitAllConnected());
  for (uint32_t from = 0; from < 4; ++from) {
    cluster.transport(from).Broadcast(TestFrame(absl::StrCat("from ", from)), {from});
  }
  for (uint32_t at = 0; at < 4; ++at) {
    for (uint32_t from = 0; from < 4; ++from) {
      if (at == from) continue;
      ASSERT_TRUE(cluster.handler(at).AwaitFrames(ValidatorIndex{from}, 1));
      EXPECT_EQ(cluster.handler(at).FramesFrom(ValidatorIndex{from})[0].body,
                absl::StrCat("from ", from));
    }
    EXPECT_EQ(cluster.handler(at).CountFrom(ValidatorIndex{at}), 0u);
  }
}

TEST(PeerTransport, DeliversFramesInOrderAndUnchanged) {
  PeerTestCluster cluster(2);
  cluster.StartAll();
  ASSERT_TRUE(cluster.AwaitAllConnected());
  std::vector<FramePtr> sent;
  for (int i = 0; i < 500; ++i) {
    sent.push_back(std::make_shared<const Frame>(
        Frame{FrameKind::kProposal, std::string(static_cast<size_t>(i) * 7, 'b'),
              std::make_shared<const std::string>(std::string(static_cast<size_t>(i) * 13, 'p'))}));
    cluster.transport(1).Send(kV0, sent.back());
  }
  ASSERT_TRUE(cluster.handler(0).AwaitFrames(kV1, sent.size()));
  const std::vector<Frame> received = cluster.handler(0).FramesFrom(kV1);
  for (size_t i = 0; i < sent.size(); ++i) {
    ASSERT_EQ(received[i].kind, sent[i]->kind);
    ASSERT_EQ(received[i].body, sent[i]->body);
    ASSERT_EQ(received[i].bytes(), sent[i]->bytes());
  }
  EXPECT_EQ(cluster.StatusOf(0, 1).frames_received, sent.size());
  EXPECT_TRUE(Eventually([&] { return cluster.StatusOf(1, 0).frames_sent == sent.size(); }));
  EXPECT_EQ(cluster.StatusOf(1, 0).frames_dropped, 0u);
}

TEST(PeerTransport, DeliversAFrameOfTheLargestSize) {
  PeerTestCluster cluster(2);
  cluster.StartAll();
  ASSERT_TRUE(cluster.AwaitAllConnected());
  const size_t largest = FrameBytesMax(cluster.Options(0).limits);
  cluster.transport(0).Send(kV1, TestFrame(std::string(largest, 'x'), FrameKind::kBlocks));
  ASSERT_TRUE(cluster.handler(1).AwaitFrames(kV0, 1));
  EXPECT_EQ(cluster.handler(1).FramesFrom(kV0)[0].bytes(), largest);
}

TEST(PeerTransport, ReachesARestartedPeerAgainOnTheSamePort) {
  PeerTestCluster cluster(3);
  cluster.StartAll();
  ASSERT_TRUE(cluster.AwaitAllConnected());
  for (const uint32_t restarted : {0u, 2u, 1u}) {
    cluster.Stop(restarted);
    for (uint32_t other = 0; other < 3; ++other) {
      if (other == restarted) continue;
      ASSERT_TRUE(cluster.handler(other).AwaitConnected(ValidatorIndex{restarted}, false));
    }
    ASSERT_TRUE(cluster.Start(restarted).ok());
    ASSERT_TRUE(cluster.AwaitAllConnected());
    for (uint32_t other = 0; other < 3; ++other) {
      if (other == restarted) continue;
      const size_t before = cluster.handler(other).CountFrom(ValidatorIndex{restarted});
      cluster.transport(restarted).Send(ValidatorIndex{other}, TestFrame("again"));
      EXPECT_TRUE(cluster.handler(other).AwaitFrames(ValidatorIndex{restarted}, before + 1));
    }
  }
}

TEST(PeerTransport, FindsAPeerThatStartsLater) {
  PeerTestCluster cluster(2);
  ASSERT_TRUE(cluster.Start(1).ok());
  ASSERT_TRUE(cluster.Start(0).ok());
  ASSERT_TRUE(cluster.AwaitAllConnected());
  cluster.Stop(1);
  ASSERT_TRUE(cluster.AwaitError(0, 1, ""));
  // Several attempts fail; what was said last meanwhile arrives.
  ASSERT_TRUE(cluster.handler(0).AwaitConnected(kV1, false));
  ASSERT_TRUE(cluster.AwaitError(0, 1, "failed to connect"));
  cluster.transport(0).Send(kV1, TestFrame("said early"));
  ASSERT_TRUE(cluster.Start(1).ok());
  ASSERT_TRUE(cluster.handler(1).AwaitFrames(kV0, 1));
  EXPECT_EQ(cluster.handler(1).FramesFrom(kV0)[0].body, "said early");
}

TEST(PeerTransport, RefusesAPortThatIsTaken) {
  PeerTestCluster cluster(2);
  ASSERT_TRUE(cluster.Start(1).ok());
  cluster.SetAddress(0, cluster.address(1));
  const absl::Status status = cluster.Start(0);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_NE(status.message().find("in use"), absl::string_view::npos) << status;
}

TEST(PeerTransport, RefusesToStartUnderAKeyThatIsNotThisValidators) {
  PeerTestCluster cluster(2);
  PeerTransportOptions options = cluster.Options(0);
  options.self = kV1;
  EXPECT_EQ(cluster.Start(0, options).code(), absl::StatusCode::kInvalidArgument);
  options.self = ValidatorIndex{7};
  EXPECT_EQ(cluster.Start(0, options).code(), absl::StatusCode::kInvalidArgument);
}

TEST(PeerTransport, CountsWhatTheHandlerHasNoRoomForAndGoesOn) {
  PeerTestCluster cluster(2);
  cluster.StartAll();
  ASSERT_TRUE(cluster.AwaitAllConnected());
  cluster.handler(1).SetAccepting(false);
  for (int i = 0; i < 10; ++i) cluster.transport(0).Send(kV1, TestFrame("x"));
  EXPECT_TRUE(Eventually([&] { return cluster.StatusOf(1, 0).frames_dropped == 10; }));
  cluster.handler(1).SetAccepting(true);
  cluster.transport(0).Send(kV1, TestFrame("y"));
  EXPECT_TRUE(cluster.handler(1).AwaitFrames(kV0, 1));
}

TEST(PeerTransport, StopsWhileTrafficFlows) {
  for (int iteration = 0; iteration < 12; ++iteration) {
    PeerTestCluster cluster(3);
    cluster.StartAll();
    std::atomic<bool> stopping = false;
    std::vector<std::thread> senders;
    for (uint32_t from = 0; from < 3; ++from) {
      senders.emplace_back([&cluster, &stopping, from] {
        const FramePtr large = TestFrame(std::string(20000, 'x'), FrameKind::kBlocks);
        while (!stopping) {
          cluster.transport(from).Broadcast(TestFrame("small"), {0});
          cluster.transport(from).Broadcast(large, {0});
        }
      });
    }
    if (iteration % 5 != 0) {  // else: before connections are made
      ASSERT_TRUE(cluster.handler(0).AwaitFrames(kV1, 1 + static_cast<size_t>(iteration)));
    }
    for (uint32_t i = 0; i < 3; ++i) cluster.transport((i + iteration) % 3).Stop();
    for (uint32_t i = 0; i < 3; ++i) cluster.transport(i).Stop();  // idempotent
    stopping = true;
    for (std::thread& sender : senders) sender.join();
    const size_t seen = cluster.handler(0).CountFrom(kV1);
    cluster.transport(1).Broadcast(TestFrame("after the end"), {0});
    EXPECT_EQ(cluster.handler(0).CountFrom(kV1), seen);
    for (uint32_t i = 0; i < 3; ++i) {
      for (const PeerConnectionStatus& status : cluster.transport(i).status()) {
        EXPECT_FALSE(status.connected);
      }
    }
  }
}

}  // namespace
}  // namespace kiln::network
