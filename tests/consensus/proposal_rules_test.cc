// Whether a block may follow its parent: each rule by name.
#include "consensus/proposal_rules.h"

#include <functional>

#include "gtest/gtest.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using testing::Test;

// Blocks of rounds 1 to 6; a child of the last commits height 5.
class ProposalRulesTest : public Test {
 protected:
  absl::Status Check(const Block& block, Height commits = {5}) {
    return CheckExtends(block, *parent_, commits, world_.genesis().limits);
  }
  // The honest child of round 7 with one change.
  BlockPtr Changed(const std::function<void(Header&, QuorumCertificate&)>& change) {
    const BlockPtr honest = world_.Child(parent_, {7});
    Header header = honest->header;
    QuorumCertificate justify = honest->justify;
    change(header, justify);
    return MakeBlock(header, justify, EmptyPayload(), EmptyPayloadIndex());
  }
  void ExpectRefused(const BlockPtr& block, absl::string_view why, Height commits = {5}) {
    const absl::Status status = Check(*block, commits);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find(why), absl::string_view::npos) << status;
  }

  TestWorld world_;
  const std::vector<BlockPtr> chain_ = world_.Chain(6);
  const BlockPtr parent_ = chain_[6];
};

TEST_F(ProposalRulesTest, AcceptsAnHonestChild) {
  EXPECT_TRUE(Check(*world_.Child(parent_, {7})).ok());
  EXPECT_TRUE(Check(*world_.Child(parent_, {9})).ok()) << "rounds may be skipped";
}

TEST_F(ProposalRulesTest, RefusesAnotherParent) {
  ExpectRefused(Changed([&](Header& h, auto&) { h.parent_id = chain_[5]->id; }),
                "names another parent");
}

TEST_F(ProposalRulesTest, RefusesAWrongParentRound) {
  ExpectRefused(Changed([](Header& h, auto&) { h.parent_round = {5}; }), "wrong parent round");
}

TEST_F(ProposalRulesTest, RefusesARoundThatIsNotAboveTheParents) {
  ExpectRefused(Changed([](Header& h, auto&) { h.round = {6}; }), "round is not above");
  ExpectRefused(Changed([](Header& h, auto&) { h.round = {2}; }), "round is not above");
}

TEST_F(ProposalRulesTest, RefusesAHeightThatIsNotTheNext) {
  ExpectRefused(Changed([](Header& h, auto&) { h.height = {6}; }), "height is not");
  ExpectRefused(Changed([](Header& h, auto&) { h.height = {8}; }), "height is not");
}

TEST_F(ProposalRulesTest, RefusesAQcForAnotherBlock) {
  ExpectRefused(Changed([&](Header&, QuorumCertificate& qc) { qc = world_.QcFor(chain_[5]); }),
                "its QC certifies another block");
  ExpectRefused(Changed([](Header&, QuorumCertificate& qc) { qc.round = {5}; }),
                "its QC certifies another block");
}

TEST_F(ProposalRulesTest, RefusesATimeBeforeTheParents) {
  const uint64_t time_us = parent_->header.time_us;
  EXPECT_TRUE(Check(*Changed([&](Header& h, auto&) { h.time_us = time_us; })).ok());
  ExpectRefused(Changed([&](Header& h, auto&) { h.time_us = time_us - 1; }),
                "time before the parent's");
}

TEST_F(ProposalRulesTest, RefusesAnExecutedHeightBelowTheParents) {
  const BlockPtr parent = world_.Child(chain_[6], {7}, {.executed_height = Height{3}});
  const auto child = [&](uint64_t executed) {
    return world_.Child(parent, {8}, {.executed_height = Height{executed}});
  };
  const ChainLimits& limits = world_.genesis().limits;
  EXPECT_TRUE(CheckExtends(*child(3), *parent, {6}, limits).ok());
  const absl::Status status = CheckExtends(*child(2), *parent, {6}, limits);
  EXPECT_NE(status.message().find("executed height below"), absl::string_view::npos) << status;
}

TEST_F(ProposalRulesTest, RefusesAnotherRootForTheSameExecutedHeight) {
  ExpectRefused(Changed([&](Header& h, auto&) { h.state_root = parent_->id; }),
                "another state root than the parent's");
}

TEST_F(ProposalRulesTest, AcceptsAnotherRootForAHigherExecutedHeight) {
  EXPECT_TRUE(Check(*Changed([&](Header& h, auto&) {
                h.executed_height = {1};
                h.state_root = parent_->id;
              })).ok());
}

TEST_F(ProposalRulesTest, RefusesAnExecutedHeightThatItsAncestorsDoNotCommit) {
  EXPECT_TRUE(Check(*Changed([](Header& h, auto&) { h.executed_height = {5}; })).ok());
  ExpectRefused(Changed([](Header& h, auto&) { h.executed_height = {6}; }),
                "is above what its ancestors commit, 5");
}

TEST_F(ProposalRulesTest, RefusesExecutionThatTrailsTooFar) {
  const uint64_t lag_max = world_.genesis().limits.execution_lag_max;
  const BlockPtr block = world_.Child(parent_, {7});
  EXPECT_TRUE(Check(*block, Height{lag_max}).ok());
  ExpectRefused(block, "by more than", Height{lag_max + 1});
}

TEST_F(ProposalRulesTest, AcceptsTimesUpToTheBoundAheadOfTheOwnClock) {
  const uint64_t ahead_us = world_.genesis().limits.clock_skew_max_ms * 1000;
  const BlockPtr block = Changed([](Header& h, auto&) { ++h.time_us; });
  const uint64_t time_us = block->header.time_us;
  EXPECT_TRUE(CheckTime(*block, *parent_, time_us - ahead_us, world_.genesis().limits).ok());
  EXPECT_TRUE(CheckTime(*block, *parent_, time_us + 3'600'000'000, world_.genesis().limits).ok());
}

TEST_F(ProposalRulesTest, RefusesTimesFurtherAheadOfTheOwnClock) {
  const uint64_t ahead_us = world_.genesis().limits.clock_skew_max_ms * 1000;
  const BlockPtr block = Changed([](Header& h, auto&) { ++h.time_us; });
  const uint64_t wall_us = block->header.time_us - ahead_us - 1;
  const absl::Status status = CheckTime(*block, *parent_, wall_us, world_.genesis().limits);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_NE(status.message().find("ahead of this machine's clock"), absl::string_view::npos);
}

// Clocks of a quorum were an hour ahead for one block: the chain goes on while the others' clocks
// catch up.
TEST_F(ProposalRulesTest, AcceptsTheParentsTimeHoweverFarAheadItIs) {
  const BlockPtr block = Changed([this](Header& h, auto&) { h.time_us = parent_->header.time_us; });
  EXPECT_TRUE(CheckTime(*block, *parent_, 1'000'000, world_.genesis().limits).ok());
}

}  // namespace
}  // namespace kiln::consensus
