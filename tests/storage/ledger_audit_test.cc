#include "storage/ledger_audit.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "storage/snapshot_stream.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

class Audit : public StoreFixture {
 protected:
  LedgerAudit Run() {
    const auto database = OpenRocksDbDatabase(data_dir(), Access::kReadOnly, nullptr);
    KILN_CHECK_OK(database.status());
    absl::StatusOr<LedgerAudit> audit = AuditLedger(
        **database, world_.genesis(), world_.signatures(), [this](Height height, Height total) {
          progress_ = {height, total};
        });
    KILN_CHECK_OK(audit.status());
    return *std::move(audit);
  }
  std::string ResultsKeyAt(uint64_t height) { return ResultIdsKey({height}); }
  void PutResults(uint64_t height, const BlockResults& results) {
    WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
      batch->PutSealed(Family::kTransactionIndex, ResultsKeyAt(height), EncodeResultIds(results));
    });
  }

  std::pair<Height, Height> progress_;
};

std::vector<std::string> Descriptions(const LedgerAudit& audit) {
  std::vector<std::string> texts;
  for (const Damage& damage : audit.damage) texts.push_back(DescribeDamage(damage));
  return texts;
}

MATCHER_P2(Names, where, what, "") {
  return arg.rfind(where, 0) == 0 && arg.find(what) != std::string::npos;
}

TEST_F(Audit, FindsNothingWrongWithAnHonestLedger) {
  MakeLedger(12);
  const LedgerAudit audit = Run();
  EXPECT_TRUE(audit.good()) << testing::PrintToString(Descriptions(audit)) << audit.start;
  EXPECT_EQ(audit.committed, Height{driver_.committed()});
  EXPECT_EQ(audit.head_id, driver_.at(driver_.committed())->id);
  EXPECT_EQ(audit.executed, Height{driver_.committed()});
  EXPECT_EQ(audit.state_root, driver_.StateAt(driver_.committed()).Root());
  EXPECT_EQ(audit.blocks_checked, driver_.committed() + 1);
  EXPECT_EQ(audit.transactions, 2 * driver_.committed());
  EXPECT_EQ(audit.certificates, driver_.committed());
  EXPECT_EQ(progress_, std::make_pair(audit.committed, audit.committed));
}

TEST_F(Audit, AcceptsALedgerThatWasNotExecutedYet) {
  Open();
  for (int i = 0; i < 5; ++i) Extend({absl::StrCat(i)});
  Close();
  const LedgerAudit audit = Run();
  EXPECT_TRUE(audit.good()) << testing::PrintToString(Descriptions(audit));
  EXPECT_EQ(audit.executed, Height{0});
  EXPECT_EQ(audit.state_root, consensus::GenesisState(world_.genesis()).Root());
}

// A ledger of a chain with short intervals: a snapshot of height 16, and states up to one interval
// later, which name `root`, or its own root when there is none.
std::vector<std::string> AuditWithSnapshot(std::optional<Hash> root) {
  constexpr uint64_t kInterval = 16;
  consensus::TestWorld world({1, 1, 1, 1}, {.snapshot_interval_blocks = kInterval});
  LedgerDriver driver(&world);
  const TemporaryDir dir;
  const auto store =
      OpenRocksDbStore({.data_dir = dir.At("data"), .genesis = world.genesis()}).value();
  const auto run_to = [&](uint64_t height) {
    while (driver.committed() < height) KILN_CHECK_OK(store->Persist(driver.Extend({"x"})));
    for (uint64_t at = store->executed_state().height.value + 1; at <= height; ++at) {
      KILN_CHECK_OK(store->ApplyBlock(LedgerDriver::WritesAt(at), driver.ResultsAt(at)));
    }
  };
  run_to(kInterval);
  KILN_CHECK_OK(store->TakeSnapshot());
  const auto index = IndexSnapshot(
      *store, {kInterval}, world.genesis().limits.duplicate_window_blocks, [] { return false; });
  KILN_CHECK_OK(index.status());
  driver.SetSnapshotRoot(root.value_or((*index)->root()));
  run_to(2 * kInterval + 1);
  LedgerAudit audit;
  KILN_CHECK_OK(AuditSnapshots(*store, world.genesis(), &audit));
  EXPECT_EQ(audit.snapshots + audit.damage.size(), 1u);
  return Descriptions(audit);
}

TEST(AuditSnapshots, ComparesThemWithWhatTheStatesName) {
  EXPECT_THAT(AuditWithSnapshot(std::nullopt), testing::IsEmpty());
  EXPECT_THAT(AuditWithSnapshot(Hash{.bytes = {1}}),
              testing::ElementsAre(Names("height 16: snapshot: ", "state of height 32")));
}

TEST_F(Audit, NamesEverythingThatIsDamagedOrMissing) {
  MakeLedger(40);
  FlipRaw(Family::kPayloads, BlockKey({3}, driver_.at(3)->id), 5000);
  DeleteRaw(Family::kBlocks, BlockKey({7}, driver_.at(7)->id));
  FlipRaw(Family::kIndexByHeight, IdAtHeightKey({9}), 4);
  DeleteRaw(Family::kIndexByHeight, HeightOfIdKey(driver_.at(11)->id));
  FlipRaw(Family::kCertificates, HeightKey({13}), 40);
  FlipRaw(Family::kTransactionIndex, ResultsKeyAt(15), 20);
  DeleteRaw(Family::kTransactionIndex, ResultRepliesKey({17}));
  FlipRaw(Family::kApplicationState, StateKey("height"), 0);
  FlipRaw(Family::kSafety, std::string(kSafetyKey), 9);
  FlipRaw(Family::kBlocks, BlockKey({19}, driver_.at(19)->id), 300);
  const LedgerAudit audit = Run();
  EXPECT_THAT(
      Descriptions(audit),
      testing::ElementsAre(
          Names("height 3: payload: ", "root"), Names("height 7: block: ", "not stored"),
          Names("height 9: index: ", "checksum"), Names("height 11: index: ", "not stored"),
          Names("height 13: certificate: ", "checksum"), Names("height 15: results: ", "checksum"),
          Names("height 17: results: ", "not stored"), Names("height 19: block: ", "blocks/"),
          Names("state: ", "application_state/"), Names("safety record: ", "checksum")));
  EXPECT_EQ(audit.start.code(), absl::StatusCode::kDataLoss) << audit.start;
  EXPECT_EQ(audit.blocks_checked, driver_.committed() + 1 - 8);
}

TEST_F(Audit, GoesOnFromTheIndexWhenTheHeadIsDamaged) {
  MakeLedger(8);
  FlipRaw(Family::kMetadata, std::string(kCommittedKey), 3);
  const LedgerAudit audit = Run();
  EXPECT_THAT(Descriptions(audit), testing::ElementsAre(Names("metadata: ", "committed")));
  EXPECT_EQ(audit.committed, Height{driver_.committed()});
  EXPECT_EQ(audit.blocks_checked, driver_.committed() + 1);
}

TEST_F(Audit, FindsAStateRootThatTheHeadersDoNotName) {
  MakeLedger(8);
  BlockResults results = driver_.ResultsAt(2);
  results.state.application_root.bytes[0] ^= 1;
  PutResults(2, results);
  EXPECT_THAT(Descriptions(Run()), testing::ElementsAre(Names("height 2: results: ", "names")));
}

TEST_F(Audit, FindsResultsOfOtherTransactionsAndOfAnotherTime) {
  MakeLedger(8);
  BlockResults other_id = driver_.ResultsAt(2);
  other_id.ids[1][0] ^= 1;
  PutResults(2, other_id);
  EXPECT_THAT(Descriptions(Run()),
              testing::ElementsAre(Names("height 2: results: ", "of transaction 1")));
  BlockResults other_time = driver_.ResultsAt(2);
  other_time.state.time_us += 1;
  PutResults(2, other_time);
  EXPECT_THAT(Descriptions(Run()), testing::Contains(Names("height 2: results: ", "time")));
  PutResults(2, driver_.ResultsAt(2));
  EXPECT_TRUE(Run().good());
}

TEST_F(Audit, FindsACertificateThatNoQuorumSigned) {
  MakeLedger(8);
  consensus::QuorumCertificate forged = world_.QcFor(driver_.at(4));
  forged.signatures[1][5] ^= 1;
  WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
    batch->PutSealed(Family::kCertificates, HeightKey({3}),
                     EncodeCommitRecord(driver_.at(4)->header, forged));
  });
  EXPECT_THAT(Descriptions(Run()),
              testing::ElementsAre(Names("height 3: certificate: ", "finality proof")));
}

TEST_F(Audit, SaysThatTwoCopiesAreTheSameUpToTheShorterOne) {
  MakeLedger(6);
  const uint64_t shorter = driver_.committed();
  std::filesystem::copy(data_dir(), dir_.At("other"));
  Open();
  for (int i = 0; i < 3; ++i) Extend();
  Apply(shorter + 1);
  const absl::StatusOr<std::unique_ptr<Store>> other = TryOpen(dir_.At("other"));
  ASSERT_TRUE(other.ok()) << other.status();
  const absl::StatusOr<LedgerComparison> same = CompareLedgers(*store_, **other);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_TRUE(same->same());
  EXPECT_EQ(same->blocks_equal_to, Height{shorter});
  EXPECT_EQ(same->states_equal_to, Height{shorter});
}

TEST_F(Audit, SaysWhereTwoLedgersFirstDiffer) {
  LedgerDriver other_driver(&world_);
  const absl::StatusOr<std::unique_ptr<Store>> other = TryOpen(dir_.At("other"));
  ASSERT_TRUE(other.ok()) << other.status();
  Open();
  for (uint64_t height = 1; height <= 6; ++height) {
    const std::string transaction = absl::StrCat("transaction ", height);
    Extend({transaction});
    KILN_CHECK_OK((*other)->Persist(
        other_driver.Extend({height == 4 ? "another transaction" : transaction})));
  }
  Apply(1);
  Apply(2);
  KILN_CHECK_OK((*other)->ApplyBlock({}, other_driver.ResultsAt(1)));
  BlockResults diverged = other_driver.ResultsAt(2);
  diverged.state.application_root.bytes[0] ^= 1;
  KILN_CHECK_OK((*other)->ApplyBlock({}, diverged));
  const absl::StatusOr<LedgerComparison> compared = CompareLedgers(*store_, **other);
  ASSERT_TRUE(compared.ok()) << compared.status();
  EXPECT_FALSE(compared->same());
  EXPECT_EQ(compared->first_block_difference, Height{4});
  EXPECT_EQ(compared->blocks_equal_to, Height{3});
  EXPECT_EQ(compared->first_state_difference, Height{2});
  EXPECT_EQ(compared->states_equal_to, Height{1});
}

}  // namespace
}  // namespace kiln::storage
