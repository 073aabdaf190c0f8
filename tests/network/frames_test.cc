#include "network/frames.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/consensus/test_world.h"

namespace kiln::network {
namespace {

using consensus::TestWorld;

// One frame of each kind, as honest validators send them.
std::vector<FramePtr> AllKinds(TestWorld* world) {
  const consensus::BlockPtr first = world->Child(world->genesis_block(), {1}, {{"a", "bb"}});
  const consensus::BlockPtr second = world->Child(first, {3}, {{"ccc"}});
  const consensus::QuorumCertificate qc = world->QcFor(first);
  const consensus::TimeoutCertificate tc = world->TcFor({2}, qc);
  const consensus::SharedBytes payload = consensus::PayloadOf({"x", "y"});
  return {
      EncodeFrame(consensus::Message(world->ProposalOf(second, tc))),
      EncodeFrame(consensus::Message(world->VoteFor(first, {1}))),
      EncodeFrame(consensus::Message(world->TimeoutOf({2}, {3}, qc, tc))),
      EncodeFrame(consensus::Message(consensus::Certificates{qc, tc})),
      EncodeFrame(consensus::Message(consensus::Blocks{{first, second}, world->QcFor(second)})),
      EncodeFrame(TransactionBatch{payload, nullptr}),
      EncodeFrame(consensus::BlockRequest{first->id, {4}, 5}),
      EncodeFrame(consensus::Message(consensus::StandingRequest{first->id})),
      EncodeFrame(
          consensus::Message(consensus::Standing{{1}, {1}, {2}, first->id, {3}, qc, tc, {}})),
      EncodeFrame(SnapshotOffer{std::make_shared<const std::string>("an offer")}),
      EncodeFrame(SnapshotRequest{{16}, 3}),
      EncodeFrame(SnapshotChunk{{16}, "a proof", std::make_shared<const std::string>("a chunk")}),
      EncodeFrame(SnapshotOfferRequest{}),
  };
}

FramePtr Reencode(const PeerMessage& message) {
  return std::visit([](const auto& value) { return EncodeFrame(value); }, message);
}

TEST(Frames, DecodeToWhatWasEncodedForEveryKind) {
  TestWorld world;
  const std::vector<FramePtr> frames = AllKinds(&world);
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(frames[i]->kind), i + 1);
    const auto message = DecodeFrame(*frames[i], world.genesis().limits);
    ASSERT_TRUE(message.ok()) << message.status();
    const FramePtr again = Reencode(*message);
    EXPECT_EQ(again->kind, frames[i]->kind);
    EXPECT_EQ(again->body, frames[i]->body);
    EXPECT_EQ(again->payload == nullptr ? "" : *again->payload,
              frames[i]->payload == nullptr ? "" : *frames[i]->payload);
  }
}

TEST(Frames, KeepThePayloadOfAProposalWithoutCopyingIt) {
  TestWorld world;
  const consensus::BlockPtr block = world.Child(world.genesis_block(), {1}, {{"a"}});
  const FramePtr frame = EncodeFrame(consensus::Message(world.ProposalOf(block)));
  EXPECT_EQ(frame->payload.get(), block->payload.get());
  const auto message = DecodeFrame(*frame, world.genesis().limits);
  ASSERT_TRUE(message.ok()) << message.status();
  const auto& proposal = std::get<consensus::Proposal>(std::get<consensus::Message>(*message));
  EXPECT_EQ(proposal.block->payload.get(), block->payload.get());
  EXPECT_EQ(proposal.block->id, block->id);
}

TEST(Frames, RefuseAPayloadBesideAMessageThatHasNone) {
  TestWorld world;
  for (const FramePtr& frame : AllKinds(&world)) {
    if (frame->payload != nullptr) continue;
    Frame with_payload = *frame;
    with_payload.payload = std::make_shared<const std::string>("x");
    EXPECT_FALSE(DecodeFrame(with_payload, world.genesis().limits).ok());
  }
}

TEST(Frames, RefuseBodiesAndPayloadsAboveTheirBounds) {
  TestWorld world;
  const ChainLimits limits = world.genesis().limits;
  for (const FrameKind kind :
       {FrameKind::kVote, FrameKind::kBlockRequest, FrameKind::kTimeout, FrameKind::kCertificates,
        FrameKind::kProposal, FrameKind::kBlocks, FrameKind::kTransactions}) {
    const Frame large{kind, std::string(FrameBytesMax(limits) + 1, '\0'), nullptr};
    EXPECT_FALSE(DecodeFrame(large, limits).ok());
    const Frame payload{kind, "",
                        std::make_shared<const std::string>(limits.block_bytes_max + 1, '\0')};
    EXPECT_FALSE(DecodeFrame(payload, limits).ok());
  }
}

TEST(Frames, RefuseAHelloAndAnEmptyBatch) {
  const ChainLimits limits;
  EXPECT_FALSE(DecodeFrame(Frame{}, limits).ok());
  EXPECT_FALSE(DecodeFrame(Frame{FrameKind::kTransactions, "", nullptr}, limits).ok());
  EXPECT_FALSE(
      DecodeFrame(Frame{FrameKind::kTransactions, "", consensus::EmptyPayload()}, limits).ok());
}

TEST(Frames, OfTheLargestValidatorSetFitTheBound) {
  TestWorld world(std::vector<uint64_t>(consensus::kValidatorsMax, 1));
  const consensus::BlockPtr first = world.Child(world.genesis_block(), {1});
  const consensus::BlockPtr second = world.Child(first, {3});
  const consensus::QuorumCertificate qc = world.QcFor(first);
  std::vector<ValidatorIndex> everybody;
  for (uint32_t i = 0; i < consensus::kValidatorsMax; ++i) everybody.push_back({i});
  const consensus::QuorumCertificate full_qc = world.QcFor(first, everybody);
  const consensus::TimeoutCertificate tc = world.TcFor({2}, full_qc, everybody);
  const consensus::BlockPtr block = world.BlockOn(first, full_qc, {3});
  const ChainLimits& limits = world.genesis().limits;
  for (const consensus::Message& message :
       {consensus::Message(world.ProposalOf(block, tc)),
        consensus::Message(world.TimeoutOf({0}, {3}, full_qc, tc)),
        consensus::Message(consensus::Standing{{1}, {0}, {1}, first->id, {3}, full_qc, tc, {}})}) {
    const FramePtr frame = EncodeFrame(message);
    EXPECT_LE(frame->body.size() + limits.block_bytes_max, FrameBytesMax(limits));
    EXPECT_TRUE(DecodeFrame(*frame, limits).ok());
  }
}

TEST(Frames, NeverCrashOnMutatedBytes) {
  TestWorld world;
  std::mt19937_64 chance(2);  // the same in every run
  size_t refused = 0;
  for (const FramePtr& frame : AllKinds(&world)) {
    for (int i = 0; i < 2000; ++i) {
      Frame mutated = *frame;
      std::string payload = frame->payload == nullptr ? "" : *frame->payload;
      std::string* part = (payload.empty() || chance() % 2 == 0) ? &mutated.body : &payload;
      if (part->empty()) part = &payload;
      if (part->empty()) part->push_back('x');
      (*part)[chance() % part->size()] ^= static_cast<char>(1 << chance() % 8);
      if (chance() % 8 == 0) part->resize(chance() % part->size());
      if (chance() % 8 == 0) part->append(chance() % 9, 'x');
      mutated.payload = std::make_shared<const std::string>(payload);
      if (!DecodeFrame(mutated, world.genesis().limits).ok()) ++refused;
    }
  }
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace kiln::network
