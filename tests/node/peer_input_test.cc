#include "node/peer_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "node/id_table.h"
#include "tests/consensus/test_world.h"
#include "tests/node/memory_store.h"
#include "tests/node/test_blocks.h"

namespace kiln::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PeerInputTest : public ::testing::Test {
 protected:
  std::unique_ptr<PeerInput> InputWith(const consensus::LeaderElection* leaders) {
    return std::make_unique<PeerInput>(
        world_.genesis(), &world_.validators(), leaders, &world_.signatures(), &store_, &window_,
        &snapshot_answers_, &snapshot_sync_, /*vote_log=*/nullptr,
        PeerInput::Sinks{.event =
                             [this](EngineEvent event, size_t bytes) {
                               events_.push_back(std::move(event));
                               bytes_.push_back(bytes);
                               return true;
                             },
                         .answer =
                             [this](ValidatorIndex to, network::FramePtr frame) {
                               answers_.emplace_back(to, std::move(frame));
                             },
                         .refused =
                             [this](ValidatorIndex from, const absl::Status& why) {
                               refusals_.push_back(absl::StrCat(from.value, ": ", why.message()));
                             },
                         .now_us = [] { return uint64_t{1}; }});
  }
  network::FramePtr FrameOf(const std::vector<TestTransaction>& transactions) {
    const TransactionBatch batch = BatchOf(transactions);
    return network::EncodeFrame(
        network::TransactionBatch{.payload = batch.bytes, .index = batch.index});
  }
  network::FramePtr RequestFor(const Hash& id) {
    return network::EncodeFrame(consensus::BlockRequest{.block_id = id, .count = 10});
  }

  consensus::TestWorld world_;
  storage::MemoryStore store_{world_.genesis()};
  DuplicateWindow window_{16};
  Snapshots snapshots_{world_.genesis().limits, &store_, 2};
  SnapshotAnswers snapshot_answers_{world_.genesis(), 4, &store_, &snapshots_};
  SnapshotSync snapshot_sync_{world_.genesis(),
                              ValidatorIndex{0},
                              &world_.validators(),
                              &world_.signatures(),
                              &store_,
                              SnapshotSync::Options{},
                              {}};
  std::vector<EngineEvent> events_;
  std::vector<size_t> bytes_;
  std::vector<std::pair<ValidatorIndex, network::FramePtr>> answers_;
  std::vector<std::string> refusals_;
  const std::unique_ptr<PeerInput> input_ = InputWith(&world_.leaders());
};

TEST_F(PeerInputTest, TurnsAValidVoteIntoAVerifiedEvent) {
  const consensus::Vote vote = world_.VoteFor(world_.Chain(1)[1], {2});
  const network::FramePtr frame = network::EncodeFrame(consensus::Message(vote));
  input_->Handle({2}, *frame);
  ASSERT_THAT(events_, SizeIs(1));
  const auto& event = std::get<consensus::Event>(events_[0]);
  const auto& verified = std::get<consensus::VerifiedMessage>(event);
  EXPECT_EQ(verified.from(), ValidatorIndex{2});
  EXPECT_EQ(std::get<consensus::Vote>(verified.message()), vote);
  EXPECT_THAT(bytes_, ElementsAre(frame->bytes()));
  EXPECT_EQ(input_->refused(), 0u);
}

TEST_F(PeerInputTest, ReportsWhoSentAVoteInSomebodyElsesName) {
  const consensus::Vote vote = world_.VoteFor(world_.Chain(1)[1], {2});
  input_->Handle({1}, *network::EncodeFrame(consensus::Message(vote)));
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_THAT(refusals_, ElementsAre(HasSubstr("1: ")));
  EXPECT_EQ(input_->refused(), 1u);
}

TEST_F(PeerInputTest, DropsAVoteOfARoundThatIsCertifiedUnread) {
  const std::vector<consensus::BlockPtr> chain = world_.Chain(2);
  consensus::Vote late = world_.VoteFor(chain[1], {2});
  late.signature = {};  // it is not even looked at
  input_->SetCertifiedRound(late.round);
  input_->Handle({2}, *network::EncodeFrame(consensus::Message(late)));
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_THAT(refusals_, IsEmpty());

  input_->Handle({2}, *network::EncodeFrame(consensus::Message(world_.VoteFor(chain[2], {2}))));
  EXPECT_THAT(events_, SizeIs(1));
}

TEST_F(PeerInputTest, ReportsAFrameThatCannotBeDecoded) {
  input_->Handle({3}, network::Frame{.kind = network::FrameKind::kVote, .body = "short"});
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_THAT(refusals_, ElementsAre(HasSubstr("3: ")));
}

TEST_F(PeerInputTest, AsksTheElectionThatItWasGivenWhoLeads) {
  const consensus::BlockPtr block = world_.Chain(1)[1];
  const ValidatorIndex leader = block->header.proposer;
  const network::FramePtr frame = network::EncodeFrame(world_.ProposalOf(block));
  input_->Handle(leader, *frame);
  EXPECT_THAT(events_, SizeIs(1));

  const auto others =
      consensus::LeaderElection::FromSchedule({ValidatorIndex{(leader.value + 1) % 4}});
  InputWith(&others)->Handle(leader, *frame);
  EXPECT_THAT(events_, SizeIs(1));
  EXPECT_THAT(refusals_, SizeIs(1));
}

TEST_F(PeerInputTest, AnswersARequestForABlockThatIsStored) {
  const consensus::BlockPtr block = world_.Chain(1)[1];
  input_->Handle({1}, *RequestFor(block->id));
  EXPECT_THAT(answers_, IsEmpty());  // the asker has others to ask

  KILN_CHECK_OK(store_.Persist({.blocks = {block}}));
  input_->Handle({1}, *RequestFor(block->id));
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].first, ValidatorIndex{1});
  const auto decoded = network::DecodeFrame(*answers_[0].second, world_.genesis().limits);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  const auto& blocks = std::get<consensus::Blocks>(std::get<consensus::Message>(*decoded));
  ASSERT_THAT(blocks.blocks, SizeIs(1));
  EXPECT_EQ(blocks.blocks[0]->id, block->id);
  EXPECT_EQ(input_->refused(), 0u);
}

TEST_F(PeerInputTest, LeavesOutOfABatchWhatWasExecuted) {
  const TestTransaction old{.payload = "old"};
  window_.Add({1}, {PrefixOf(old.id())});
  input_->Handle({2}, *FrameOf({{.payload = "new"}, old}));
  ASSERT_THAT(events_, SizeIs(1));
  const auto& arrived = std::get<TransactionsArrived>(events_[0]);
  EXPECT_EQ(arrived.origin, ValidatorIndex{2});
  EXPECT_THAT(arrived.batch.left_out, ElementsAre(1));

  input_->Handle({2}, *FrameOf({old}));
  EXPECT_THAT(events_, SizeIs(1));
}

}  // namespace
}  // namespace kiln::node
