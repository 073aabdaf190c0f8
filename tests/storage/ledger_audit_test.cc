#include "storage/ledger_audit.h"

#include <filesystem>

#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

class Audit : public StoreFixture {
 protected:
  absl::StatusOr<LedgerAudit> Run() {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(/*read_only=*/true);
    KILN_CHECK_OK(store.status());
    const Hash head = driver_.at(driver_.committed())->id;
    KILN_CHECK((*store)->BlockById(head).ok());
    return AuditLedger(**store, world_.genesis(), world_.signatures(),
                       [this](Height height, Height total) {
                         progress_ = {height, total};
                       });
  }
  std::string ResultsKeyAt(uint64_t height) { return ResultIdsKey({height}); }

  std::pair<Height, Height> progress_;
};

TEST_F(Audit, FindsNothingWrongWithAnHonestLedger) {
  MakeLedger(12);
  const absl::StatusOr<LedgerAudit> audit = Run();
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_EQ(audit->committed, Height{driver_.committed()});
  EXPECT_EQ(audit->head_id, driver_.at(driver_.committed())->id);
  EXPECT_EQ(audit->executed, Height{driver_.committed()});
  EXPECT_EQ(audit->state_root, driver_.StateAt(driver_.committed()).Root());
  EXPECT_EQ(audit->blocks_checked, driver_.committed() + 1);
  EXPECT_EQ(audit->transactions, 2 * driver_.committed());
  EXPECT_EQ(audit->certificates, driver_.committed());
  EXPECT_EQ(progress_, std::make_pair(audit->committed, audit->committed));
}

TEST_F(Audit, AcceptsALedgerThatWasNotExecutedYet) {
  Open();
  for (int i = 0; i < 5; ++i) Extend({absl::StrCat(i)});
  Close();
  const absl::StatusOr<LedgerAudit> audit = Run();
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_EQ(audit->executed, Height{0});
  EXPECT_EQ(audit->state_root, consensus::GenesisState(world_.genesis()).Root());
}

TEST_F(Audit, NamesTheHeightAndTheBlockWhosePayloadIsDamaged) {
  MakeLedger(8);
  FlipRaw(Family::kPayloads, BlockKey({3}, driver_.at(3)->id), 5000);
  ExpectRefusal(Run().status(), absl::StatusCode::kDataLoss, {"height 3", "payloads/"});
}

TEST_F(Audit, FindsAStateRootThatTheHeadersDoNotName) {
  MakeLedger(8);
  BlockResults results = driver_.ResultsAt(2);
  results.state.application_root.bytes[0] ^= 1;
  WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
    batch->PutSealed(Family::kTransactionIndex, ResultsKeyAt(2), EncodeResultIds(results));
  });
  ExpectRefusal(Run().status(), absl::StatusCode::kDataLoss,
                {"block " + driver_.at(5)->id.ToHex(), "names for height 2"});
}

TEST_F(Audit, FindsResultsOfOtherTransactionsAndOfAnotherTime) {
  MakeLedger(8);
  const auto run_with = [&](const BlockResults& results) {
    WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
      batch->PutSealed(Family::kTransactionIndex, ResultsKeyAt(2), EncodeResultIds(results));
    });
    return Run().status();
  };
  BlockResults other_id = driver_.ResultsAt(2);
  other_id.ids[1][0] ^= 1;
  ExpectRefusal(run_with(other_id), absl::StatusCode::kDataLoss,
                {"height 2", "transaction 1 is of another transaction"});
  BlockResults other_time = driver_.ResultsAt(2);
  other_time.state.time_us += 1;
  ExpectRefusal(run_with(other_time), absl::StatusCode::kDataLoss, {"height 2", "time"});
  EXPECT_TRUE(run_with(driver_.ResultsAt(2)).ok());
}

TEST_F(Audit, FindsACertificateThatNoQuorumSigned) {
  MakeLedger(8);
  consensus::QuorumCertificate forged = world_.QcFor(driver_.at(4));
  forged.signatures[1][5] ^= 1;
  WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
    batch->PutSealed(Family::kCertificates, HeightKey({3}),
                     EncodeCommitRecord(driver_.at(4)->header, forged));
  });
  ExpectRefusal(Run().status(), absl::StatusCode::kDataLoss,
                {"height 3", driver_.at(3)->id.ToHex(), "finality proof"});
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
