// What a replica does that transcripts show badly: waiting, refusing, halting, and going on for
// ever.
#include "consensus/replica.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/consensus/replica_cluster.h"

namespace kiln::consensus {
namespace {

using testing::Test;

class ReplicaTest : public Test {
 protected:
  void MakeCluster(std::vector<uint64_t> powers = {1, 1, 1, 1}) {
    cluster_ = std::make_unique<ReplicaCluster>(ClusterOptions{.powers = std::move(powers)});
  }
  void StartAll() {
    for (uint32_t i = 0; i < cluster_->size(); ++i) cluster_->Start(i);
    cluster_->DeliverAll();
  }
  void TearDown() override { EXPECT_EQ(cluster_->invariants().violation(), ""); }

  TestWorld& world() { return cluster_->world(); }
  // How many lines of the log begin with `start` and contain `words`.
  int Count(const std::string& start, const std::string& words) {
    int count = 0;
    for (const std::string& line : cluster_->log()) {
      count += line.rfind(start, 0) == 0 && line.find(words) != std::string::npos;
    }
    return count;
  }
  // A proposal by the block's leader, as it arrives at replica 0.
  void Propose(const BlockPtr& block) {
    cluster_->Name(block, absl::StrCat("B", block->header.round.value));
    cluster_->Deliver({block->header.proposer.value, 0, world().ProposalOf(block)});
  }
  // Proposals for rounds 1 to `last` arrive at replica 0 alone, each on the one before.
  std::vector<BlockPtr> ProposeChain(uint64_t last) {
    std::vector<BlockPtr> chain = {world().genesis_block()};
    for (uint64_t round = 1; round <= last; ++round) {
      chain.push_back(world().Child(chain.back(), Round{round}));
      Propose(chain.back());
    }
    return chain;
  }
  // The state root after executing `block` on genesis.
  Hash RootAfter(const Block& block) {
    crypto::Hasher hasher(crypto::kDomainApplicationRoot);
    return hasher.Update(GenesisState(world().genesis()).Root().view())
        .Update(block.id.view())
        .Finish();
  }
  Round VotedIn(uint32_t i) { return cluster_->replica(i).safety_record().last_voted_round; }

  std::unique_ptr<ReplicaCluster> cluster_;
};

// --- Standings

TEST_F(ReplicaTest, TellsWhereItStandsToWhoeverAsksAndNotTooOften) {
  MakeCluster();
  StartAll();
  const std::string answer = "0: sends to 2: standing (round 1, signed up to 0)";
  cluster_->Deliver({2, 0, StandingRequest{world().genesis_block()->id}});
  cluster_->Deliver({2, 0, StandingRequest{world().genesis_block()->id}});
  EXPECT_EQ(Count("0: ", "standing (round 1, signed up to 0)"), 1) << answer;
  cluster_->Deliver({3, 0, StandingRequest{world().genesis_block()->id}});
  EXPECT_EQ(Count("0: ", "standing (round 1, signed up to 0)"), 2) << "each asker has its turn";
  cluster_->Advance(250'000);
  cluster_->Deliver({2, 0, StandingRequest{world().genesis_block()->id}});
  EXPECT_EQ(Count("0: ", "standing ("), 3);
}

TEST_F(ReplicaTest, RefusesAStandingThatItDidNotAskFor) {
  MakeCluster();
  StartAll();
  Standing standing{.epoch = {1},
                    .author = {2},
                    .asker = {0},
                    .nonce = world().genesis_block()->id,
                    .last_voted_round = {0},
                    .high_qc = world().genesis_qc(),
                    .last_tc = std::nullopt};
  standing.signature = world().signer({2}).Sign(StandingBytes(world().chain_id(), standing));
  cluster_->Deliver({2, 0, standing});
  EXPECT_EQ(Count("0: refuses", "nobody asked for"), 1);
}

// --- Voting

TEST_F(ReplicaTest, VotesForACertifiedRootThatItComputedItself) {
  MakeCluster();
  cluster_->Start(0);
  const std::vector<BlockPtr> chain = ProposeChain(3);  // the QC in the third commits the first
  Propose(world().Child(chain[3], {4},
                        {.executed_height = Height{1}, .state_root = RootAfter(*chain[1])}));
  EXPECT_EQ(VotedIn(0), Round{4});
}

TEST_F(ReplicaTest, RefusesARootThatIsNotWhatItComputed) {
  MakeCluster();
  cluster_->Start(0);
  const std::vector<BlockPtr> chain = ProposeChain(3);
  Propose(world().Child(chain[3], {4}, {.executed_height = Height{1}, .state_root = chain[1]->id}));
  EXPECT_EQ(VotedIn(0), Round{3});
  EXPECT_EQ(Count("0: refuses", "is not what this validator computed"), 1);
  EXPECT_EQ(Count("0: HALTS", ""), 0) << "its leader may be lying";
}

TEST_F(ReplicaTest, WaitsForItsOwnExecutionBeforeItVotes) {
  MakeCluster();
  cluster_->Start(0);
  cluster_->set_execution_held(0, true);
  const std::vector<BlockPtr> chain = ProposeChain(3);
  Propose(world().Child(chain[3], {4},
                        {.executed_height = Height{1}, .state_root = RootAfter(*chain[1])}));
  EXPECT_EQ(VotedIn(0), Round{3});
  cluster_->ReleaseExecution(0);
  EXPECT_EQ(VotedIn(0), Round{4});
}

TEST_F(ReplicaTest, RefusesATimeTooFarAheadOfItsClock) {
  MakeCluster();
  cluster_->Start(0);
  const uint64_t bound_us = world().genesis().limits.clock_skew_max_ms * 1000;
  const uint64_t wall_us = world().genesis().time_us;
  Propose(world().Child(world().genesis_block(), {1}, {.time_us = wall_us + bound_us + 1}));
  EXPECT_EQ(VotedIn(0), Round{0});
  EXPECT_EQ(Count("0: refuses", "ahead of this machine's clock"), 1);
  MakeCluster();
  cluster_->Start(0);
  Propose(world().Child(world().genesis_block(), {1}, {.time_us = wall_us + bound_us}));
  EXPECT_EQ(VotedIn(0), Round{1});
}

TEST_F(ReplicaTest, RefusesABlockThatDoesNotFollowItsParent) {
  MakeCluster();
  cluster_->Start(0);
  const std::vector<BlockPtr> chain = ProposeChain(1);
  Propose(world().Child(chain[1], {2}, {.executed_height = Height{1}}));
  EXPECT_EQ(VotedIn(0), Round{1});
  EXPECT_EQ(Count("0: refuses", "above what its ancestors commit"), 1);
}

TEST_F(ReplicaTest, RefusesASecondProposalForTheRound) {
  MakeCluster();
  cluster_->Start(0);
  cluster_->set_execution_held(0, true);
  const std::vector<BlockPtr> chain = ProposeChain(3);
  const auto proposed = [&](const std::string& transaction) {
    return world().Child(chain[3], {4},
                         {.transactions = {transaction},
                          .executed_height = Height{1},
                          .state_root = RootAfter(*chain[1])});
  };
  const BlockPtr first = proposed("first");
  Propose(first);
  Propose(proposed("second"));
  EXPECT_EQ(Count("0: refuses", "second proposal for round 4"), 1);
  cluster_->ReleaseExecution(0);
  EXPECT_EQ(cluster_->replica(0).safety_record().last_vote->block_id, first->id);
}

// --- Timeouts and rounds

TEST_F(ReplicaTest, JoinsTimeoutsAtABlockingShare) {
  MakeCluster();
  cluster_->Start(0);
  const QuorumCertificate qc = world().genesis_qc();
  cluster_->Deliver({1, 0, world().TimeoutOf({1}, {1}, qc)});
  EXPECT_EQ(Count("0: sends timeout 1", ""), 0);
  cluster_->Deliver({2, 0, world().TimeoutOf({2}, {1}, qc)});
  EXPECT_EQ(Count("0: sends timeout 1", ""), 1);
  EXPECT_EQ(cluster_->replica(0).status().round, Round{2}) << "its own completes the certificate";
}

TEST_F(ReplicaTest, TellsWhoIsBehindThoughNotAtOnceAgain) {
  MakeCluster();
  cluster_->Start(0);
  ProposeChain(3);
  const auto late = [&] {
    cluster_->Deliver({1, 0, world().TimeoutOf({1}, {1}, world().genesis_qc())});
  };
  late();
  late();
  EXPECT_EQ(Count("0: sends certificates (QC 2) to 1", ""), 1);
  cluster_->Advance(60'000);
  late();
  EXPECT_EQ(Count("0: sends certificates (QC 2) to 1", ""), 2);
}

// Rounds fail for as long as the network likes; then all restart, and the chain goes on.
TEST_F(ReplicaTest, GoesOnAfterHundredsOfRoundsWithoutACertificate) {
  for (const std::set<std::string>& lost :
       {std::set<std::string>{"vote"}, std::set<std::string>{"vote", "proposal"}}) {
    MakeCluster();
    StartAll();
    cluster_->Submit("a");
    while (cluster_->replica(0).status().round < Round{200}) {
      cluster_->DeliverAll({}, lost);
      cluster_->FireNext();
    }
    EXPECT_EQ(cluster_->replica(0).status().high_qc_round, Round{0});
    for (uint32_t i = 0; i < 4; ++i) cluster_->Crash(i);
    StartAll();
    cluster_->Submit("b");
    for (int i = 0; i < 20 && !cluster_->HasCommitted(0, "b"); ++i) {
      cluster_->DeliverAll();
      cluster_->FireNext();
    }
    for (uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(cluster_->HasCommitted(i, "b")) << i;
  }
}

TEST_F(ReplicaTest, NeverAsksForAStepWithoutEnd) {
  MakeCluster();
  for (uint32_t i = 0; i < 4; ++i) cluster_->Start(i);
  cluster_->Submit("a");
  int fired = 0;
  for (; cluster_->now_us() < 60'000'000; ++fired) {
    cluster_->FireNext();
    cluster_->flight().clear();
  }
  // Timers double up to 10 s; a deadline that stays in the past would never get here.
  EXPECT_LT(fired, 4 * 25);
}

TEST_F(ReplicaTest, AnIdleLeaderSpeaksAtTheHeartbeatAndNotBefore) {
  MakeCluster();
  StartAll();
  cluster_->Advance(PacemakerOptions().heartbeat_us - 1);
  EXPECT_EQ(Count("", "sends proposal"), 0);
  cluster_->Advance(1);
  EXPECT_EQ(Count("3: sends proposal", ""), 1);
  EXPECT_EQ(Count("", "sends timeout"), 0);
}

// --- Proposing

TEST_F(ReplicaTest, ALoneValidatorProposesOnceAStepAndFallsSilent) {
  MakeCluster({1});
  cluster_->Start(0);
  cluster_->set_execution_held(0, true);  // each of its results is a step too
  cluster_->SubmitTo(0, "a");
  int steps = 0;
  const auto run = [&] {
    while (cluster_->NextDeadline() <= cluster_->now_us()) {
      const uint64_t before = cluster_->replica(0).status().votes_signed;
      cluster_->FireNext();
      EXPECT_LE(cluster_->replica(0).status().votes_signed, before + 1);
      ASSERT_LT(++steps, 30);
    }
  };
  run();
  EXPECT_LE(cluster_->replica(0).status().committed_height.value,
            world().genesis().limits.execution_lag_max + 1)
      << "it does not run away from its application";
  cluster_->ReleaseExecution(0);
  run();
  EXPECT_TRUE(cluster_->HasCommitted(0, "a"));
  EXPECT_EQ(cluster_->replica(0).status().executed_height,
            cluster_->replica(0).status().committed_height);
  EXPECT_EQ(Count("", "sends"), 0) << "there is nobody to talk to";
}

TEST_F(ReplicaTest, AQuorumOfOneSharesTheCertificateThatNoProposalCarries) {
  MakeCluster({5, 1, 1});
  StartAll();
  cluster_->Submit("a");
  for (int i = 0; i < 20; ++i) {
    cluster_->Advance(0);
    cluster_->DeliverAll();
  }
  const ReplicaStatus heavy = cluster_->replica(0).status();
  for (uint32_t i = 1; i < 3; ++i) {
    EXPECT_TRUE(cluster_->HasCommitted(i, "a"));
    EXPECT_EQ(cluster_->replica(i).status().high_qc_round, heavy.high_qc_round);
    EXPECT_EQ(cluster_->replica(i).status().committed_id, heavy.committed_id);
  }
}

TEST_F(ReplicaTest, SendsItsProposalAgainToAPeerThatReconnects) {
  MakeCluster();
  StartAll();
  cluster_->SubmitTo(3, "a");
  cluster_->flight().clear();
  cluster_->Connect(3, 1);
  EXPECT_EQ(Count("3: sends proposal B1", "to 1"), 1);
  cluster_->DeliverAll();
  EXPECT_EQ(VotedIn(1), Round{1});
}

TEST_F(ReplicaTest, ARestartedLeaderProposesNothingElseInItsRound) {
  MakeCluster();
  StartAll();
  cluster_->SubmitTo(3, "a");
  cluster_->flight().clear();
  cluster_->Crash(3);
  cluster_->Start(3);
  cluster_->SubmitTo(3, "b");
  EXPECT_EQ(Count("3: sends proposal", ""), 1);
}

// --- Catching up

// A chain in which no two rounds follow each other commits nothing and may grow beyond one answer.
TEST_F(ReplicaTest, FetchesAnUncommittedChainLongerThanAnAnswer) {
  MakeCluster();
  cluster_->Start(0);
  cluster_->Start(1);
  Blocks all;
  BlockPtr tip = world().genesis_block();
  for (uint64_t round = 2; round <= 20; round += 2) {
    const QuorumCertificate justify =
        tip->header.height.value == 0 ? world().genesis_qc() : world().QcFor(tip, {{1}, {2}, {3}});
    tip = world().BlockOn(tip, justify, {round});
    cluster_->Name(tip, absl::StrCat("B", round));
    all.blocks.push_back(tip);
  }
  all.tip_qc = world().QcFor(tip, {{1}, {2}, {3}});
  cluster_->Deliver({2, 1, all});
  ASSERT_EQ(cluster_->replica(1).status().high_qc_round, Round{20});

  cluster_->Deliver({2, 0, Certificates{*all.tip_qc, std::nullopt}});
  for (int i = 0; i < 100; ++i) {
    cluster_->DeliverAll();
    cluster_->Advance(100'000);
  }
  // Two of the three who are asked are down, so that little is asked for at a time.
  EXPECT_GE(Count("0: fetches B20 above height 9", "from 1"), 1) << "the last one";
  const int fetches = Count("0: fetches", "");
  cluster_->Advance(5'000'000);
  EXPECT_EQ(Count("0: fetches", ""), fetches) << "it has all there is";
}

// Answers have three blocks here, so that thirty are far.
TEST_F(ReplicaTest, FetchesRangesFromSeveralWhenFarBehindAndSignsNoVoteMeanwhile) {
  MakeCluster({10, 10, 10, 1});
  for (uint32_t i = 0; i < 3; ++i) cluster_->Start(i);
  for (int i = 0; cluster_->committed(0).size() < 60; ++i) {
    ASSERT_LT(i, 1000);
    cluster_->Submit(absl::StrCat("t", i));
    cluster_->DeliverAll();
    cluster_->Advance(200'000);
  }
  cluster_->DeliverAll();
  cluster_->log().clear();
  cluster_->Start(3);
  for (uint32_t i = 0; i < 3; ++i) cluster_->Connect(i, 3);
  for (int i = 0; cluster_->committed(3).size() < cluster_->committed(0).size(); ++i) {
    ASSERT_LT(i, 200) << "it stays behind";
    cluster_->DeliverAll();
    cluster_->Advance(20'000);
  }
  EXPECT_GE(Count("3: fetches", absl::StrCat("above height ", kHeightMax.value)), 1)
      << "it asks how far the way is";
  EXPECT_EQ(cluster_->replica(3).status().catching_up_to, Height{0}) << "it is not behind any more";
  for (const std::string peer : {"0", "1", "2"}) {
    EXPECT_GE(Count("3: fetches", "from " + peer), 3) << peer;
  }
  cluster_->Submit("later");
  cluster_->DeliverAll();
  cluster_->Advance(200'000);
  cluster_->DeliverAll();
  size_t last_fetch = 0;
  size_t first_vote = 0;
  for (size_t at = 0; at < cluster_->log().size(); ++at) {
    const std::string& line = cluster_->log()[at];
    if (line.starts_with("3: fetches")) last_fetch = at;
    if (line.starts_with("3: sends vote") && first_vote == 0) first_vote = at;
  }
  EXPECT_GT(first_vote, last_fetch);
}

TEST_F(ReplicaTest, RefusesBlocksThatNobodyAskedFor) {
  MakeCluster();
  cluster_->Start(0);
  const BlockPtr block = world().Child(world().genesis_block(), {1});
  cluster_->Deliver({1, 0, Blocks{{block}, std::nullopt}});
  EXPECT_EQ(Count("0: refuses 1: blocks that nobody asked for", ""), 1);
}

// --- Halting

TEST_F(ReplicaTest, HaltsWhenAQuorumCertifiedAnotherRootThanItsOwn) {
  MakeCluster();
  StartAll();
  cluster_->set_diverged(0);
  cluster_->Submit("a");
  for (int i = 0; i < 20 && Count("0: HALTS", "") == 0; ++i) {  // its own proposals are refused
    cluster_->DeliverAll();
    cluster_->FireNext();
  }
  EXPECT_EQ(Count("0: HALTS at height ", "here, but the certified block B"), 1);
  EXPECT_EQ(cluster_->replica(0).NextDeadline(), UINT64_MAX);
  const int said = Count("0: ", "");
  cluster_->Submit("d");
  cluster_->Advance(20'000'000);
  EXPECT_EQ(Count("0: ", ""), said) << "it does nothing any more";
  for (int i = 0; i < 20 && !cluster_->HasCommitted(1, "d"); ++i) {
    cluster_->DeliverAll();
    cluster_->FireNext();
  }
  EXPECT_TRUE(cluster_->HasCommitted(1, "d")) << "the others go on";
}

TEST_F(ReplicaTest, HaltsWhenAQuorumContradictsWhatItCommitted) {
  MakeCluster();
  cluster_->Start(0);
  ProposeChain(4);
  ASSERT_EQ(cluster_->replica(0).status().committed_height, Height{2});
  const BlockPtr fork = world().Child(world().genesis_block(), {50});
  const BlockPtr tip = world().Child(fork, {51});
  cluster_->Deliver({1, 0, Blocks{{fork, tip}, world().QcFor(tip)}});
  EXPECT_EQ(Count("0: HALTS at height 2", "a quorum certified a chain without the committed"), 1);
}

TEST_F(ReplicaTest, ALowerForkThatIsCertifiedIsNoContradiction) {
  MakeCluster();
  cluster_->Start(0);
  // Round 1 fails, its block is certified all the same, late; round 2 goes on from genesis.
  const BlockPtr lost = world().Child(world().genesis_block(), {1}, {.transactions = {"lost"}});
  BlockPtr tip = world().Child(world().genesis_block(), {2});
  cluster_->Deliver({tip->header.proposer.value, 0,
                     world().ProposalOf(tip, world().TcFor({1}, world().genesis_qc()))});
  for (uint64_t round = 3; round <= 5; ++round) {
    tip = world().Child(tip, Round{round});
    Propose(tip);
  }
  ASSERT_EQ(cluster_->replica(0).status().committed_height, Height{2});
  cluster_->Deliver({1, 0, Blocks{{lost}, world().QcFor(lost)}});
  EXPECT_EQ(Count("0: HALTS", ""), 0);
}

// --- Catching up

TEST_F(ReplicaTest, AsksForNoBlocksWhileTheyAreHeld) {
  MakeCluster();
  cluster_->Start(0);
  const std::vector<BlockPtr> chain = world().Chain(3);
  cluster_->HoldBlocks(0, true);
  cluster_->Deliver({1, 0, Certificates{.high_qc = world().QcFor(chain[3]), .last_tc = {}}});
  cluster_->Advance(2'000'000);
  EXPECT_EQ(Count("0: fetches", ""), 0);
  EXPECT_GE(Count("0: sends timeout", ""), 1) << "the rest goes on";
  cluster_->HoldBlocks(0, false);
  EXPECT_EQ(Count("0: fetches", ""), 1);
}

// --- One key, one process

TEST_F(ReplicaTest, HaltsAtACertificateWithASignatureThatItDoesNotKnow) {
  for (const bool by_timeout : {false, true}) {
    cluster_ =
        std::make_unique<ReplicaCluster>(ClusterOptions{.halts_at_unknown_signatures = true});
    cluster_->Start(0);
    const BlockPtr block = world().Child(world().genesis_block(), {1});
    Certificates certificates{.high_qc = world().QcFor(block), .last_tc = std::nullopt};
    if (by_timeout) {
      certificates = {.high_qc = world().genesis_qc(),
                      .last_tc = world().TcFor({1}, world().genesis_qc())};
    }
    cluster_->Deliver({1, 0, certificates});
    EXPECT_EQ(Count("0: HALTS", "of round 1 has a signature of this validator's key"), 1);
    Propose(block);
    EXPECT_EQ(VotedIn(0), Round{0});
  }
}

TEST_F(ReplicaTest, HaltsWhenAProposalOrATimeoutBringsSuchACertificate) {
  for (const bool by_timeout : {false, true}) {
    cluster_ =
        std::make_unique<ReplicaCluster>(ClusterOptions{.halts_at_unknown_signatures = true});
    cluster_->Start(0);
    const std::vector<BlockPtr> chain = world().Chain(2);
    if (by_timeout) {
      cluster_->Deliver({1, 0, world().TimeoutOf({1}, {2}, world().QcFor(chain[1]))});
    } else {
      Propose(chain[2]);
    }
    EXPECT_EQ(Count("0: HALTS", "of round 1 has a signature of this validator's key"), 1);
    EXPECT_EQ(Count("0: sends vote", "") + Count("0: sends timeout", ""), 0);
  }
}

TEST_F(ReplicaTest, GoesOnWhenItsOwnSignaturesComeBack) {
  cluster_ = std::make_unique<ReplicaCluster>(ClusterOptions{.halts_at_unknown_signatures = true});
  StartAll();
  cluster_->Submit("a");
  cluster_->DeliverAll();
  cluster_->Crash(2);
  cluster_->Start(2);
  cluster_->Submit("b");
  cluster_->DeliverAll();
  EXPECT_TRUE(cluster_->HasCommitted(2, "b"));
  EXPECT_EQ(Count("2: HALTS", ""), 0);
}

TEST_F(ReplicaTest, SignsNothingNewWhileItListens) {
  constexpr uint64_t kListenUs = 900'000;
  cluster_ = std::make_unique<ReplicaCluster>(ClusterOptions{.listen_us = kListenUs});
  StartAll();
  cluster_->Submit("a");
  cluster_->Advance(kListenUs - 1);
  cluster_->DeliverAll();
  for (uint32_t i = 0; i < cluster_->size(); ++i) {
    EXPECT_EQ(VotedIn(i), Round{0}) << i;
    EXPECT_TRUE(cluster_->replica(i).status().is_listening) << i;
  }
  EXPECT_EQ(Count("", "sends proposal") + Count("", "sends timeout"), 0);
  cluster_->Advance(1);
  cluster_->DeliverAll();
  EXPECT_TRUE(cluster_->HasCommitted(0, "a"));
  EXPECT_FALSE(cluster_->replica(0).status().is_listening);
}

}  // namespace
}  // namespace kiln::consensus
