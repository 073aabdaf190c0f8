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
    cluster.transport(from).Broadcast(TestFrame(absl::StrCat("from ", from)));
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

}  // namespace
}  // namespace kiln::network
