#include "sim/decoded_frames.h"

#include <memory>
#include <variant>
#include <vector>

#include "gtest/gtest.h"

namespace kiln::sim {
namespace {

using network::FrameKind;
using network::FramePtr;

FramePtr VoteOf(uint64_t round) {
  consensus::Vote vote;
  vote.epoch = Epoch{1};
  vote.round = Round{round};
  return network::EncodeFrame(consensus::Message(vote));
}

uint64_t RoundOf(const absl::StatusOr<network::PeerMessage>& message) {
  if (!message.ok()) return 0;
  return std::get<consensus::Vote>(std::get<consensus::Message>(*message)).round.value;
}

TEST(DecodedFrames, GivesEachFrameWhatItsOwnBytesMean) {
  const ChainLimits limits;
  DecodedFrames frames(&limits);
  std::vector<FramePtr> sent;
  for (uint64_t round = 1; round <= 100; ++round) sent.push_back(VoteOf(round));
  for (int again = 0; again < 3; ++again) {
    for (uint64_t round = 1; round <= 100; ++round) {
      EXPECT_EQ(RoundOf(frames.Decode(sent[round - 1])), round);
      EXPECT_EQ(RoundOf(frames.Decode(sent[round / 2])), round / 2 + 1);
    }
  }
}

TEST(DecodedFrames, DoesNotTakeANewFrameForOneThatIsGone) {
  const ChainLimits limits;
  DecodedFrames frames(&limits);
  for (uint64_t round = 1; round <= 1000; ++round) {
    EXPECT_EQ(RoundOf(frames.Decode(VoteOf(round))), round);  // may lie where another lay
  }
}

TEST(DecodedFrames, RefusesABadFrameEachTime) {
  const ChainLimits limits;
  DecodedFrames frames(&limits);
  const auto bad =
      std::make_shared<const network::Frame>(network::Frame{FrameKind::kVote, "?", {}});
  EXPECT_FALSE(frames.Decode(bad).ok());
  EXPECT_FALSE(frames.Decode(bad).ok());
}

}  // namespace
}  // namespace kiln::sim
