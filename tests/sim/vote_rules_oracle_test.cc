#include "sim/vote_rules_oracle.h"

#include "sim/certificates_oracle.h"
#include "sim/durability_oracle.h"
#include "tests/node/memory_store.h"
#include "tests/sim/oracle_fixture.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;
using consensus::SafetyRecord;

// Replica 0 signs, and everybody proposes.
class VoteRules : public OracleTest {
 protected:
  void Propose(const BlockPtr& block,
               const std::optional<consensus::TimeoutCertificate>& tc = std::nullopt) {
    observed_.Note(world_.ProposalOf(block, tc));
  }
  void Send(const SafetyRecord& record, const consensus::Message& message) {
    oracle_.OnRecord(0, record);
    oracle_.OnSent(0, kNowUs, message);
  }
  // Whose time is so much ahead of clocks that are right.
  BlockPtr ChildAhead(const BlockPtr& parent, Round round, uint64_t ahead_us) {
    return world_.Child(parent, round, {.time_us = kWallStartUs + kNowUs + ahead_us});
  }
  uint64_t skew_max_us() const { return world_.genesis().limits.clock_skew_max_ms * 1000; }

  static constexpr uint64_t kNowUs = 3'000'000;

  Observed observed_{Context()};
  CertificatesOracle certificates_{&observed_, nullptr};
  VoteRulesOracle oracle_{&observed_, &certificates_,
                          [this](uint64_t height) -> std::optional<Hash> {
                            if (height > 0) return std::nullopt;
                            return consensus::GenesisState(world_.genesis()).Root();
                          }};
};

TEST_F(VoteRules, AcceptsVotesAlongAChainAndATimeoutWithItsVote) {
  SafetyRecord record = FreshRecord();
  const std::vector<BlockPtr> chain = world_.Chain(3);
  for (size_t i = 1; i < chain.size(); ++i) {
    Propose(chain[i]);
    record = Voted(record, chain[i], {0});
    Send(record, *record.last_vote);
  }
  record = TimedOut(record, world_.TimeoutOf({0}, {3}, world_.QcFor(chain[2])));
  Send(record, *record.last_timeout);
  Send(record, *record.last_vote);
  const BlockPtr next = world_.Child(chain[2], {4});
  Propose(next, world_.TcFor({3}, world_.QcFor(chain[2])));
  record = Voted(record, next, {0});
  Send(record, *record.last_vote);
  EXPECT_EQ(violations_, none_);
}

TEST_F(VoteRules, RefusesASecondVoteInARound) {
  const BlockPtr one = world_.Child(world_.genesis_block(), {1});
  const BlockPtr two = world_.Child(world_.genesis_block(), {1}, {.transactions = {"a=b"}});
  Propose(one);
  Propose(two);
  SafetyRecord record = Voted(FreshRecord(), one, {0});
  Send(record, *record.last_vote);
  record = Voted(record, two, {0});
  Send(record, *record.last_vote);
  EXPECT_TRUE(violations_.contains("S6"));
}

TEST_F(VoteRules, RefusesAVoteAfterATimeout) {
  const BlockPtr block = world_.Child(world_.genesis_block(), {1});
  Propose(block);
  SafetyRecord record = TimedOut(FreshRecord(), world_.TimeoutOf({0}, {1}, world_.genesis_qc()));
  Send(record, *record.last_timeout);
  record = Voted(record, block, {0});
  Send(record, *record.last_vote);
  EXPECT_TRUE(violations_.contains("S6"));
}

TEST_F(VoteRules, RefusesARecordThatForgets) {
  const std::vector<BlockPtr> chain = world_.Chain(2);
  Propose(chain[1]);
  Propose(chain[2]);
  SafetyRecord record = Voted(FreshRecord(), chain[2], {0});
  Send(record, *record.last_vote);
  record.locked_qc_round = {0};
  oracle_.OnRecord(0, record);
  EXPECT_EQ(violations_, std::set<std::string>({"S2"}));
}

TEST_F(VoteRules, RefusesAVoteThatNoTimeoutCertificateJustifies) {
  const std::vector<BlockPtr> chain = world_.Chain(2);
  Propose(chain[1]);
  Propose(chain[2]);
  const BlockPtr fork = world_.Child(chain[1], {4});
  // Somebody reported the QC of round 2.
  Propose(fork, world_.TcFor({3}, world_.QcFor(chain[2])));
  const SafetyRecord record = Voted(FreshRecord(), fork, {0});
  Send(record, *record.last_vote);
  EXPECT_EQ(violations_, std::set<std::string>({"S8"}));
}

// It died before its proposal left, and its record has a later round's TC.
TEST_F(VoteRules, AcceptsALeadersVoteForItsOwnBlockThatNobodyEverProposed) {
  const BlockPtr parent = world_.Chain(1)[1];
  Propose(parent);
  Round round{3};
  while (world_.LeaderOf(round) != ValidatorIndex{0}) ++round.value;
  const BlockPtr own = world_.Child(parent, round);
  const BlockPtr others = world_.Child(parent, {round.value + 1});
  observed_.Note(own);
  observed_.Note(others);
  Send(Voted(FreshRecord(), own, {0}), world_.VoteFor(own, {0}));
  EXPECT_EQ(violations_, none_);
  Send(Voted(FreshRecord(), others, {0}), world_.VoteFor(others, {0}));
  EXPECT_TRUE(violations_.contains("S8"));
}

TEST_F(VoteRules, RefusesAVoteForAWrongStateRoot) {
  const BlockPtr block = world_.Child(world_.genesis_block(), {1}, {.state_root = Hash{{1}}});
  Propose(block);
  const SafetyRecord record = Voted(FreshRecord(), block, {0});
  Send(record, *record.last_vote);
  EXPECT_EQ(violations_, std::set<std::string>({"S8"}));
}

TEST_F(VoteRules, RefusesAVoteForATimeFarAheadOfTheVotersClock) {
  const BlockPtr near = ChildAhead(world_.genesis_block(), {1}, skew_max_us());
  const BlockPtr far = ChildAhead(near, {2}, skew_max_us() + 1);
  Propose(near);
  Propose(far);
  SafetyRecord record = Voted(FreshRecord(), near, {0});
  Send(record, *record.last_vote);
  EXPECT_EQ(violations_, none_);
  record = Voted(record, far, {0});
  Send(record, *record.last_vote);
  EXPECT_EQ(violations_, std::set<std::string>({"S8"}));
}

TEST_F(VoteRules, AcceptsATimeThatAQuorumCertifiedOrAWrongClockShows) {
  const BlockPtr far = ChildAhead(world_.genesis_block(), {1}, 2 * skew_max_us());
  const BlockPtr same = ChildAhead(far, {2}, 2 * skew_max_us());
  const BlockPtr further = ChildAhead(same, {3}, 3 * skew_max_us());
  for (const BlockPtr& block : {far, same, further}) Propose(block);
  SafetyRecord record = Voted(FreshRecord(), same, {0});
  Send(record, *record.last_vote);
  scenario_.faults.push_back({.row = "C1",
                              .kind = "wall_jump",
                              .at_ms = kNowUs / 1000,
                              .nodes = {0},
                              .amount = static_cast<double>(2 * skew_max_us() / 1000)});
  record = Voted(record, further, {0});
  Send(record, *record.last_vote);
  EXPECT_EQ(violations_, none_);
}

TEST_F(VoteRules, RefusesAVoteForABlockThatNobodySent) {
  const SafetyRecord record = Voted(FreshRecord(), world_.Child(world_.genesis_block(), {1}), {0});
  Send(record, *record.last_vote);
  EXPECT_EQ(violations_, std::set<std::string>({"S8"}));
}

// A leader whose own vote is a quorum certifies and commits its blocks in one step: when it crashes
// before it sends any, they are on its disk alone.
TEST_F(VoteRules, AcceptsAVoteOnBlocksThatWereCommittedBeforeAnybodySentThem) {
  const std::vector<BlockPtr> chain = world_.Chain(4);
  storage::MemoryStore store(world_.genesis());
  storage::DurableWrite write;
  write.blocks = {chain[1], chain[2], chain[3], chain[4]};
  write.commits.push_back({.blocks = {chain[1], chain[2]},
                           .child = chain[3]->header,
                           .certificate = world_.QcFor(chain[3])});
  KILN_CHECK_OK(store.Persist(write));
  observed_.NoteStored(store);
  const SafetyRecord record = Voted(FreshRecord(), chain[4], {0});
  Send(record, *record.last_vote);
  EXPECT_EQ(violations_, none_);
  EXPECT_NE(observed_.Find(chain[1]->id), nullptr);
}

class Durability : public OracleTest {
 protected:
  Observed observed_{Context()};
  DurabilityOracle oracle_{&observed_};
  HandMadeDisk disk_;
};

TEST_F(Durability, AcceptsAVoteWhoseRecordAndChainAreOnDisk) {
  const std::vector<BlockPtr> chain = world_.Chain(2);
  for (const BlockPtr& block : chain) {
    observed_.Note(block);
    disk_.blocks.insert(block->id);
  }
  oracle_.OnStarted(0, disk_, absl::OkStatus());
  const SafetyRecord record = Voted(FreshRecord(), chain[2], {0});
  oracle_.OnSent(0, 0, *record.last_vote, &record);
  EXPECT_EQ(violations_, none_);
}

TEST_F(Durability, RefusesAVoteWithoutItsRecordOrItsBlocks) {
  const std::vector<BlockPtr> chain = world_.Chain(2);
  for (const BlockPtr& block : chain) observed_.Note(block);
  disk_.blocks = {chain[1]->id, chain[2]->id};
  oracle_.OnStarted(0, disk_, absl::OkStatus());
  const SafetyRecord older = Voted(FreshRecord(), chain[1], {0});
  oracle_.OnSent(0, 0, world_.VoteFor(chain[2], {0}), &older);
  EXPECT_EQ(violations_, std::set<std::string>({"S7"}));
}

TEST_F(Durability, RefusesAVoteOnABlockThatIsNotOnDisk) {
  const std::vector<BlockPtr> chain = world_.Chain(2);
  for (const BlockPtr& block : chain) observed_.Note(block);
  disk_.blocks = {chain[2]->id};  // its parent is missing
  oracle_.OnStarted(0, disk_, absl::OkStatus());
  const SafetyRecord record = Voted(FreshRecord(), chain[2], {0});
  oracle_.OnSent(0, 0, *record.last_vote, &record);
  EXPECT_EQ(violations_, std::set<std::string>({"S7"}));
}

TEST_F(Durability, RefusesAStartThatFailsWithoutACause) {
  oracle_.OnStarted(0, disk_, absl::DataLossError("safety: checksum"));
  EXPECT_EQ(violations_, std::set<std::string>({"D-a"}));  // no fault of this scenario explains it
}

TEST_F(Durability, AcceptsARefusalThatNamesARottenValue) {
  scenario_.faults.push_back({.row = "D5", .kind = "rot", .nodes = {0}});
  oracle_.OnStarted(0, disk_, absl::DataLossError("safety: checksum"));
  EXPECT_EQ(violations_, none_);
}

TEST_F(Durability, RefusesToHearAnythingAfterAFailedSync) {
  oracle_.OnStarted(0, disk_, absl::OkStatus());
  disk_.sync_failed = true;
  oracle_.OnCommitted(0);
  EXPECT_EQ(violations_, std::set<std::string>({"D-d"}));
}

TEST_F(Durability, RefusesAReceiptForWhatOneDiskAloneHolds) {
  const BlockPtr block = world_.Chain(1)[1];
  HandMadeDisk disks[4];
  for (uint32_t i = 0; i < 4; ++i) oracle_.OnStarted(i, disks[i], absl::OkStatus());
  disks[0].blocks = {block->id};
  Receipt receipt;
  receipt.height = 1;
  receipt.proof.block_id = block->id;
  oracle_.OnAnswered(0, 0, receipt);
  EXPECT_EQ(violations_, std::set<std::string>({"D-b"}));
}

}  // namespace
}  // namespace kiln::sim
