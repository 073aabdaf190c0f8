#include "sim/agreement_oracle.h"

#include <memory>

#include "node/duplicate_window.h"
#include "node/execution.h"
#include "sim/finality_oracle.h"
#include "sim/reference_execution.h"
#include "sim/sim_application.h"
#include "tests/node/memory_store.h"
#include "tests/node/test_blocks.h"
#include "tests/sim/oracle_fixture.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;

// Commits and executes as a replica does.
class Ledger {
 public:
  explicit Ledger(const Genesis& genesis)
      : store(genesis),
        window_(genesis.limits.duplicate_window_blocks),
        snapshots_(genesis.limits, &store, /*kept=*/2),
        executor_(genesis.limits, &store, &application_, &window_, &snapshots_) {}

  // The last of `blocks`, whose child is certified.
  void Commit(const BlockPtr& block, const BlockPtr& child, consensus::QuorumCertificate qc) {
    storage::DurableWrite write;
    write.blocks.push_back(block);
    write.commits.push_back(
        {.blocks = {block}, .child = child->header, .certificate = std::move(qc)});
    KILN_CHECK_OK(store.Persist(write));
    KILN_CHECK_OK(executor_.Execute(block).status());
  }

  storage::MemoryStore store;

 private:
  SimApplication application_;
  node::DuplicateWindow window_;
  node::Snapshots snapshots_;
  node::Executor executor_;
};

class Agreement : public OracleTest {
 protected:
  // Each block has one transaction; the last is the child that is not committed.
  std::vector<BlockPtr> ChainOf(const std::vector<std::string>& transactions) {
    std::vector<BlockPtr> chain = {world_.genesis_block()};
    for (const std::string& transaction : transactions) {
      chain.push_back(world_.Child(chain.back(), {chain.size()}, {.transactions = {transaction}}));
      reference_.NoteSubmitted(chain.back()->index->entries[0].id);
    }
    return chain;
  }
  void Commit(Ledger* ledger, const std::vector<BlockPtr>& chain) {
    for (size_t i = 1; i + 1 < chain.size(); ++i) {
      ledger->Commit(chain[i], chain[i + 1], world_.QcFor(chain[i + 1]));
    }
  }

  Observed observed_{Context()};
  ReferenceExecution reference_{world_.genesis()};
  AgreementOracle oracle_{&observed_, &reference_};
};

TEST_F(Agreement, AcceptsOneChainAndWhatFollowsFromIt) {
  const std::vector<BlockPtr> chain = ChainOf({"a=1", "b=2", "a=3", "nonsense", "c=4"});
  FinalityOracle finality(&observed_);
  for (uint32_t replica = 0; replica < 2; ++replica) {
    Ledger ledger(world_.genesis());
    oracle_.OnStarted(replica, ledger.store);
    Commit(&ledger, chain);
    oracle_.OnCommitted(replica, {2}, ledger.store);
    oracle_.OnExecuted(replica, {1}, ledger.store);
    oracle_.OnExecuted(replica, {4}, ledger.store);
    oracle_.OnCommitted(replica, {4}, ledger.store);
    finality.OnCommitted(replica, {4}, ledger.store);
    oracle_.OnEnd(replica, ledger.store);
  }
  EXPECT_EQ(violations_, none_);
  EXPECT_EQ(observed_.highest_committed(), 4u);
  EXPECT_EQ(reference_.StateAt(2), (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}));
}

TEST_F(Agreement, RefusesASecondChain) {
  Ledger one(world_.genesis());
  Ledger two(world_.genesis());
  Commit(&one, ChainOf({"a=1", "b=2"}));
  Commit(&two, ChainOf({"a=2", "b=2"}));
  oracle_.OnCommitted(0, {1}, one.store);
  oracle_.OnCommitted(1, {1}, two.store);
  EXPECT_EQ(violations_, std::set<std::string>({"S1"}));
}

TEST_F(Agreement, RefusesAStartBelowWhatWasCommitted) {
  const std::vector<BlockPtr> chain = ChainOf({"a=1", "b=2", "c=3"});
  Ledger before(world_.genesis());
  Commit(&before, chain);
  oracle_.OnCommitted(0, {2}, before.store);
  Ledger after(world_.genesis());
  Commit(&after, {chain[0], chain[1], chain[2]});
  oracle_.OnStarted(0, after.store);
  EXPECT_EQ(violations_, std::set<std::string>({"S2"}));
}

TEST_F(Agreement, RefusesAHeightExecutedTwice) {
  Ledger ledger(world_.genesis());
  Commit(&ledger, ChainOf({"a=1", "b=2"}));
  oracle_.OnExecuted(0, {1}, ledger.store);
  oracle_.OnExecuted(0, {1}, ledger.store);
  EXPECT_EQ(violations_, std::set<std::string>({"S3"}));
}

TEST_F(Agreement, RefusesATransactionThatNobodySubmitted) {
  Ledger ledger(world_.genesis());
  const BlockPtr block = world_.Child(world_.genesis_block(), {1}, {.transactions = {"made=up"}});
  Commit(&ledger, {world_.genesis_block(), block, world_.Child(block, {2})});
  oracle_.OnCommitted(0, {1}, ledger.store);
  EXPECT_EQ(violations_, std::set<std::string>({"S10"}));
}

TEST_F(Agreement, ComparesReceiptsWithWhatHappened) {
  Ledger ledger(world_.genesis());
  const std::vector<BlockPtr> chain = ChainOf({"a=1", "b=2", "c=3"});
  Commit(&ledger, chain);
  oracle_.OnCommitted(0, {2}, ledger.store);
  const Hash& id = chain[2]->index->entries[0].id;
  Receipt receipt = {.height = 2, .index = 0, .reply = Reply::Ok("")};
  receipt.proof.block_id = chain[2]->id;
  oracle_.OnAnswered(0, id, receipt);
  EXPECT_EQ(violations_, none_);
  receipt.reply = Reply::Ok("1");
  oracle_.OnAnswered(0, id, receipt);
  EXPECT_EQ(violations_, std::set<std::string>({"S10"}));
}

TEST_F(Agreement, RefusesARegressOfTheRound) {
  oracle_.OnStatus(0, {.round = {5}});
  oracle_.OnStatus(0, {.round = {4}});
  EXPECT_EQ(violations_, std::set<std::string>({"S2"}));
}

// The reference gives the roots of production's executor: puts, refusals, duplicates in and out of
// the window, expired ones, barriers; and with them those of its snapshots.
TEST(Reference, GivesTheRootsOfTheExecutor) {
  Genesis genesis = node::SmallGenesis(16);
  genesis.limits.snapshot_interval_blocks = 16;
  storage::MemoryStore store(genesis);
  node::TestChain chain(genesis, &store);
  SimApplication application;
  node::DuplicateWindow window(16);
  node::Snapshots snapshots(genesis.limits, &store, /*kept=*/1);
  node::Executor executor(genesis.limits, &store, &application, &window, &snapshots);
  ReferenceExecution reference(genesis);
  for (uint64_t height = 1; height <= 60; ++height) {
    const std::string payload = absl::StrCat("k", height % 7, "=v", height % 3);
    const BlockPtr block = chain.Commit({{.payload = payload, .last_height = height + height % 18},
                                         {.payload = payload, .last_height = height + 1},
                                         {.payload = "=", .last_height = height + 3},
                                         {.payload = "k1", .last_height = height - height % 2},
                                         {.payload = "", .last_height = height, .key = "barrier"}});
    const auto executed = executor.Execute(block);
    ASSERT_TRUE(executed.ok()) << executed.status();
    EXPECT_EQ(reference.Execute(*block, /*clients_alone=*/false), "");
    ASSERT_EQ(reference.RootAt(height), executed->state_root) << "at height " << height;
  }
}

}  // namespace
}  // namespace kiln::sim
