#include "consensus/peer_presence.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace kiln::consensus {
namespace {

constexpr ValidatorIndex kPeer{1};

TEST(PeerPresence, TakesNobodyForAwayOfWhomNothingWasSaid) {
  const PeerPresence peers(4, 100);
  EXPECT_FALSE(peers.IsAway(kPeer, UINT64_MAX - 1));
  EXPECT_EQ(peers.AwayFrom(kPeer), UINT64_MAX);
}

TEST(PeerPresence, TakesAPeerForAwayWhenItsStreamWasDownForLong) {
  PeerPresence peers(4, 100);
  peers.NoteDisconnected(kPeer, 1000);
  EXPECT_FALSE(peers.IsAway(kPeer, 1099));
  EXPECT_TRUE(peers.IsAway(kPeer, 1100));
  EXPECT_FALSE(peers.IsAway({2}, 1100));
}

TEST(PeerPresence, CountsFromTheFirstTimeThatAStreamIsSaidToBeDown) {
  PeerPresence peers(4, 100);
  peers.NoteDisconnected(kPeer, 1000);
  peers.NoteDisconnected(kPeer, 1050);
  EXPECT_EQ(peers.AwayFrom(kPeer), 1100u);
}

TEST(PeerPresence, ForgetsItWhenTheStreamIsUp) {
  PeerPresence peers(4, 100);
  peers.NoteDisconnected(kPeer, 1000);
  peers.NoteConnected(kPeer);
  EXPECT_FALSE(peers.IsAway(kPeer, 5000));
  peers.NoteDisconnected(kPeer, 5000);
  EXPECT_EQ(peers.AwayFrom(kPeer), 5100u);
}

TEST(PeerPresence, KnowsWhoseStreamIsUp) {
  PeerPresence peers(4, 100);
  EXPECT_FALSE(peers.IsConnected(kPeer));
  peers.NoteConnected(kPeer);
  EXPECT_TRUE(peers.IsConnected(kPeer));
  EXPECT_FALSE(peers.IsConnected({2}));
  peers.NoteDisconnected(kPeer, 1000);
  EXPECT_FALSE(peers.IsConnected(kPeer));
}

}  // namespace
}  // namespace kiln::consensus
