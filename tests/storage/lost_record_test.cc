// What is certain beside a lost safety record, and that the recovered one is one that a node starts
// from.
#include "storage/lost_record.h"

#include <filesystem>

#include "consensus/codec.h"
#include "consensus/safety_rules.h"
#include "storage/ledger_reader.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

using consensus::SafetyRecord;

class LostRecord : public StoreFixture {
 protected:
  static constexpr ValidatorIndex kSelf{0};

  absl::StatusOr<RecordRemains> Find(ValidatorIndex self = kSelf) {
    const auto database = OpenRocksDbDatabase(data_dir(), Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    return FindRecordRemains(**database, world_.genesis(), self, world_.signatures());
  }
  absl::Status Write(const SafetyRecord& record) {
    const auto database = OpenRocksDbDatabase(data_dir(), Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    return WriteRecoveredRecord(database->get(), world_.genesis(), kSelf, record,
                                world_.signatures());
  }
  // As consensus::SafetyRecovery makes it of `known` when the others stand in `round`.
  static SafetyRecord Recovered(SafetyRecord known, uint64_t round) {
    known.last_voted_round = known.last_proposed_round = {round + 1};
    known.locked_qc_round = known.high_qc.round;
    return known;
  }
  void LoseRecord() { DeleteRaw(Family::kSafety, std::string(kSafetyKey)); }
};

TEST_F(LostRecord, HasNothingInAnEmptyFolder) {
  const absl::StatusOr<RecordRemains> remains = Find();
  ASSERT_TRUE(remains.ok()) << remains.status();
  EXPECT_TRUE(absl::IsNotFound(remains->record));
  EXPECT_EQ(remains->known, consensus::InitialSafetyRecord(world_.genesis_qc()));
}

TEST_F(LostRecord, FindsARecordThatIsWholeAndLosesItsSignaturesOnly) {
  MakeLedger(6);
  const absl::StatusOr<RecordRemains> remains = Find();
  ASSERT_TRUE(remains.ok()) << remains.status();
  EXPECT_TRUE(remains->record.ok());
  SafetyRecord expected = driver_.safety();
  expected.last_vote.reset();
  EXPECT_EQ(remains->known, expected);
}

TEST_F(LostRecord, KnowsTheHighestCertificateOfTheStoredBlocks) {
  MakeLedger(6);
  LoseRecord();
  const absl::StatusOr<RecordRemains> remains = Find();
  ASSERT_TRUE(remains.ok()) << remains.status();
  ExpectRefusal(remains->record, absl::StatusCode::kFailedPrecondition,
                {"safety record is missing", "kiln recover"});
  EXPECT_EQ(remains->known.high_qc, driver_.safety().high_qc);
  EXPECT_EQ(remains->known.last_voted_round, Round{0});
}

TEST_F(LostRecord, KeepsARecordThatIsOlderThanTheLedger) {
  MakeLedger(3);
  const SafetyRecord old = driver_.safety();
  Open();
  Extend();
  Extend();
  Close();
  WriteRaw([&](const Database& /*raw*/, WriteBatch* batch) {
    batch->PutSealed(Family::kSafety, kSafetyKey, consensus::Encode(old));
  });
  const absl::StatusOr<RecordRemains> remains = Find();
  ASSERT_TRUE(remains.ok()) << remains.status();
  EXPECT_FALSE(remains->record.ok());
  EXPECT_EQ(remains->known.last_voted_round, old.last_voted_round);
  EXPECT_EQ(remains->known.high_qc, driver_.safety().high_qc);
}

TEST_F(LostRecord, RefusesTheFolderOfAnotherValidator) {
  MakeLedger(3);
  ExpectRefusal(Find({1}).status(), absl::StatusCode::kFailedPrecondition,
                {"not this validator's", "move", "away"});
}

TEST_F(LostRecord, RefusesALedgerThatIsDamagedBeyondTheRecord) {
  MakeLedger(3);
  LoseRecord();
  DeleteRaw(Family::kMetadata, std::string(kCommittedKey));
  ExpectRefusal(Find().status(), absl::StatusCode::kFailedPrecondition, {"move", data_dir()});
}

TEST_F(LostRecord, WritesARecordThatANodeStartsFrom) {
  MakeLedger(6);
  LoseRecord();
  const SafetyRecord record = Recovered(Find()->known, 9);
  ASSERT_TRUE(Write(record).ok());
  Open();
  EXPECT_EQ(store_->Recover().safety, record);
  EXPECT_EQ(store_->committed_height(), Height{driver_.committed()});
}

TEST_F(LostRecord, MakesALedgerForARecordThatHasNone) {
  SafetyRecord record = consensus::InitialSafetyRecord(world_.genesis_qc());
  record.high_qc = world_.QcFor(world_.Chain(4).back());
  record = Recovered(record, 7);
  ASSERT_TRUE(Write(record).ok());
  Open();
  EXPECT_EQ(store_->Recover().safety, record);
  EXPECT_EQ(store_->committed_height(), Height{0});
}

TEST_F(LostRecord, WritesNothingThatDoesNotVerifyOrThatTheLedgerIsAheadOf) {
  MakeLedger(6);
  LoseRecord();
  SafetyRecord record = Recovered(Find()->known, 9);
  record.high_qc.signatures[0][3] ^= 1;
  EXPECT_TRUE(absl::IsInvalidArgument(Write(record)));
  record = Recovered(consensus::InitialSafetyRecord(world_.genesis_qc()), 9);
  ExpectRefusal(Write(record), absl::StatusCode::kFailedPrecondition, {"older than the ledger"});
  EXPECT_FALSE(TryOpen().ok());
}

}  // namespace
}  // namespace kiln::storage
