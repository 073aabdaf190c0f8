// What was damaged comes back from proved blocks, and from nothing else.
#include "storage/ledger_repair.h"

#include <optional>
#include <string>
#include <vector>

#include "consensus/finality.h"
#include "storage/application_rollback.h"
#include "storage/ledger_rebuild.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

class Repairs : public StoreFixture {
 protected:
  std::shared_ptr<RocksDb> OpenRaw() const {
    auto database = OpenRocksDbDatabase(data_dir(), Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    return *std::move(database);
  }
  LedgerAudit Audit(const Database& database) {
    absl::StatusOr<LedgerAudit> audit =
        AuditLedger(database, world_.genesis(), world_.signatures(), [](Height, Height) {});
    KILN_CHECK_OK(audit.status());
    return *std::move(audit);
  }
  // As a validator would prove it, whose commits of this height had `steps` headers.
  std::string ProofOf(uint64_t height, uint64_t steps = 2) {
    return consensus::Encode(world_.ProofOf(driver_.chain(), height, height + steps - 1));
  }
  absl::Status PutBack(Database* database, const consensus::Block& block,
                       const std::string& finality) {
    const auto verifier = ChainVerifier::Create(world_.genesis(), &world_.signatures());
    KILN_CHECK_OK(verifier.status());
    return PutBlockBack(block, finality, Height{driver_.committed()}, world_.genesis(),
                        verifier->get(), database);
  }
};

TEST_F(Repairs, PutEverythingBackThatABlockMends) {
  MakeLedger(20);
  FlipRaw(Family::kPayloads, BlockKey({3}, driver_.at(3)->id), 5000);
  DeleteRaw(Family::kBlocks, BlockKey({5}, driver_.at(5)->id));
  FlipRaw(Family::kIndexByHeight, IdAtHeightKey({7}), 4);
  DeleteRaw(Family::kIndexByHeight, HeightOfIdKey(driver_.at(9)->id));
  FlipRaw(Family::kCertificates, HeightKey({11}), 40);
  DeleteRaw(Family::kCertificates, HeightKey({driver_.committed()}));
  const std::shared_ptr<RocksDb> database = OpenRaw();
  const LedgerAudit before = Audit(*database);
  const std::vector<Height> heights = HeightsToRepair(before);
  EXPECT_THAT(heights, testing::ElementsAre(Height{3}, Height{5}, Height{7}, Height{9}, Height{11},
                                            Height{driver_.committed()}));
  for (const Height height : heights) {
    ASSERT_TRUE(PutBack(database.get(), *driver_.at(height.value), ProofOf(height.value)).ok());
  }
  const LedgerAudit after = Audit(*database);
  EXPECT_TRUE(after.good()) << DescribeDamage(after.damage.front()) << after.start;
  EXPECT_EQ(after.blocks_checked, driver_.committed() + 1);
}

TEST_F(Repairs, TakeAProofThatRunsThroughDescendants) {
  MakeLedger(12);
  DeleteRaw(Family::kBlocks, BlockKey({5}, driver_.at(5)->id));
  const std::shared_ptr<RocksDb> database = OpenRaw();
  ASSERT_TRUE(PutBack(database.get(), *driver_.at(5), ProofOf(5, 4)).ok());
  EXPECT_TRUE(Audit(*database).good());
}

TEST_F(Repairs, LeaveResultsAndStateToExecution) {
  MakeLedger(12);
  FlipRaw(Family::kTransactionIndex, ResultIdsKey({4}), 20);
  FlipRaw(Family::kApplicationState, StateKey("height"), 0);
  const std::shared_ptr<RocksDb> database = OpenRaw();
  const LedgerAudit audit = Audit(*database);
  EXPECT_EQ(audit.damage.size(), 2u);
  EXPECT_THAT(HeightsToRepair(audit), testing::IsEmpty());
}

TEST_F(Repairs, RefuseWhatIsNotProvedOrNotThisLedgers) {
  MakeLedger(12);
  DeleteRaw(Family::kBlocks, BlockKey({5}, driver_.at(5)->id));
  const std::shared_ptr<RocksDb> database = OpenRaw();
  ExpectRefusal(PutBack(database.get(), *driver_.at(5), ProofOf(6)),
                absl::StatusCode::kInvalidArgument, {"another block"});
  std::string forged = ProofOf(5);
  forged.back() ^= 1;
  EXPECT_FALSE(PutBack(database.get(), *driver_.at(5), forged).ok());
  const consensus::BlockPtr fork = world_.Child(driver_.at(4), {5}, {.transactions = {"fork"}});
  const std::vector<consensus::BlockPtr> chain = {fork, world_.Child(fork, {6})};
  ExpectRefusal(PutBack(database.get(), *fork, consensus::Encode(world_.ProofOf(chain, 0, 1))),
                absl::StatusCode::kFailedPrecondition, {"at height 5"});
  ExpectRefusal(PutBack(database.get(), *driver_.at(driver_.committed()),
                        ProofOf(driver_.committed() - 1, 3)),
                absl::StatusCode::kInvalidArgument, {"another block"});
  EXPECT_EQ(HeightsToRepair(Audit(*database)), std::vector<Height>{Height{5}});
}

TEST_F(Repairs, RefuseAProofThroughBlocksAboveTheLedger) {
  MakeLedger(12);
  const std::shared_ptr<RocksDb> database = OpenRaw();
  const uint64_t head = driver_.committed();
  driver_.Extend();
  driver_.Extend();
  const auto verifier = ChainVerifier::Create(world_.genesis(), &world_.signatures());
  ASSERT_TRUE(verifier.ok());
  ExpectRefusal(PutBlockBack(*driver_.at(head), ProofOf(head, 3), Height{head}, world_.genesis(),
                             verifier->get(), database.get()),
                absl::StatusCode::kFailedPrecondition, {"ask another validator"});
}

TEST_F(Repairs, CopyWhatCanBeReadIntoANewFolder) {
  MakeLedger(16);
  Open();
  const consensus::BlockPtr sibling = driver_.Sibling({"never committed"});
  KILN_CHECK_OK(store_->Persist({.safety = driver_.safety(), .blocks = {sibling}, .commits = {}}));
  Close();
  FlipRaw(Family::kIndexByHeight, IdAtHeightKey({0}), 4);
  DeleteRaw(Family::kBlocks, BlockKey({0}, driver_.at(0)->id));
  DeleteRaw(Family::kBlocks, BlockKey({5}, driver_.at(5)->id));
  DeleteRaw(Family::kIndexByHeight, HeightOfIdKey(driver_.chain().back()->id));
  for (const absl::string_view key : {kCommittedKey, kChainIdKey, kExecutedKey}) {
    FlipRaw(Family::kMetadata, std::string(key), 3);
  }
  auto copy = OpenRocksDbDatabase(dir_.At("copy"), Access::kReadWrite, nullptr);
  ASSERT_TRUE(copy.ok()) << copy.status();
  const std::shared_ptr<RocksDb> database = OpenRaw();
  ASSERT_TRUE(CopyReadable(*database, world_.genesis(), copy->get()).ok());
  ASSERT_TRUE(PutBack(copy->get(), *driver_.at(5), ProofOf(5)).ok());
  ASSERT_TRUE(RollBackApplication(world_.genesis(), copy->get()).ok());
  const LedgerAudit audit = Audit(**copy);
  EXPECT_TRUE(audit.good()) << audit.start;
  EXPECT_EQ(audit.committed, Height{driver_.committed()});
  copy->reset();
  const absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(dir_.At("copy"));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->Recover().safety, driver_.safety());
  EXPECT_EQ((*store)->Recover().uncommitted.size(), 3u);
}

TEST_F(Repairs, KeepStateAndResultsInACopyWhenTheyAreWhole) {
  MakeLedger(10);
  auto copy = OpenRocksDbDatabase(dir_.At("copy"), Access::kReadWrite, nullptr);
  ASSERT_TRUE(copy.ok()) << copy.status();
  ASSERT_TRUE(CopyReadable(*OpenRaw(), world_.genesis(), copy->get()).ok());
  EXPECT_TRUE(Audit(**copy).good());
  EXPECT_EQ(Audit(**copy).executed, Height{driver_.committed()});
}

TEST_F(Repairs, MakeNoCopyWithoutTheSafetyRecord) {
  MakeLedger(10);
  FlipRaw(Family::kSafety, std::string(kSafetyKey), 9);
  auto copy = OpenRocksDbDatabase(dir_.At("copy"), Access::kReadWrite, nullptr);
  ASSERT_TRUE(copy.ok()) << copy.status();
  ExpectRefusal(CopyReadable(*OpenRaw(), world_.genesis(), copy->get()),
                absl::StatusCode::kDataLoss, {"safety/safety"});
}

using Rollback = Repairs;

TEST_F(Rollback, LeavesLedgerAndSafetyRecordAndForgetsWhatWasExecuted) {
  MakeLedger(16);
  const consensus::SafetyRecord safety = driver_.safety();
  {
    const std::shared_ptr<RocksDb> database = OpenRaw();
    const absl::StatusOr<ApplicationRollback> plan = PlanRollback(*database, world_.genesis());
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->committed, Height{driver_.committed()});
    EXPECT_EQ(plan->executed, Height{driver_.committed()});
    ASSERT_TRUE(RollBackApplication(world_.genesis(), database.get()).ok());
    EXPECT_TRUE(Audit(*database).good());
  }
  Open();
  EXPECT_EQ(store_->committed_height(), Height{driver_.committed()});
  EXPECT_EQ(store_->Recover().safety, safety);
  EXPECT_EQ(store_->executed_state(), consensus::GenesisState(world_.genesis()));
  EXPECT_EQ(store_->ResultsAt({1}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->FindTransaction(driver_.at(1)->index->entries[0].id, {1}).status().code(),
            absl::StatusCode::kNotFound);
  for (uint64_t height = 1; height <= driver_.committed(); ++height) Apply(height);
  EXPECT_EQ(store_->executed_state(), driver_.StateAt(driver_.committed()));
}

TEST_F(Rollback, MendsDamagedStateAndResults) {
  MakeLedger(12);
  FlipRaw(Family::kTransactionIndex, ResultIdsKey({4}), 20);
  FlipRaw(Family::kApplicationState, StateKey("height"), 0);
  FlipRaw(Family::kMetadata, std::string(kExecutedKey), 5);
  const std::shared_ptr<RocksDb> database = OpenRaw();
  ASSERT_TRUE(PlanRollback(*database, world_.genesis()).ok());
  ASSERT_TRUE(RollBackApplication(world_.genesis(), database.get()).ok());
  EXPECT_TRUE(Audit(*database).good());
}

TEST_F(Rollback, IsRefusedForAnotherChain) {
  MakeLedger(6);
  Genesis genesis = world_.genesis();
  genesis.chain_name = "another";
  ExpectRefusal(PlanRollback(*OpenRaw(), genesis).status(), absl::StatusCode::kFailedPrecondition,
                {"holds chain"});
}

TEST_F(Repairs, CompactTheSameLedgerIntoFewerBytes) {
  MakeLedger(30);
  const std::shared_ptr<RocksDb> database = OpenRaw();
  for (int i = 0; i < 20; ++i) {
    const std::unique_ptr<WriteBatch> batch = database->NewBatch(0);
    batch->PutSealed(Family::kApplicationState, StateKey("height"), std::string(50'000, 'x'));
    ASSERT_TRUE(database->Write(batch.get(), Durability::kSynced).ok());
    ASSERT_TRUE(database->Compact().ok());
  }
  const FamilySize size = database->SizeOf(Family::kApplicationState);
  EXPECT_LT(size.table_bytes + size.unflushed_bytes, 200'000u);
  EXPECT_TRUE(Audit(*database).good());
}

}  // namespace
}  // namespace kiln::storage
