// A raised safety record forbids what either copy forbids, and is one that a node starts from.
#include "storage/safety_raise.h"

#include "storage/ledger_reader.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

using consensus::SafetyRecord;

class SafetyRaise : public StoreFixture {
 protected:
  static constexpr ValidatorIndex kSelf{0};

  absl::Status CheckOwn(const SafetyRecord& record) {
    return CheckRecordOf(kSelf, record, world_.genesis(), world_.signatures());
  }
  absl::Status CheckIn(const std::string& dir, const SafetyRecord& record) {
    const auto database = OpenRocksDbDatabase(dir, Access::kReadOnly, nullptr);
    KILN_CHECK_OK(database.status());
    return CheckReplacement(**database, world_.genesis(), kSelf, record);
  }
};

TEST_F(SafetyRaise, TakesTheHigherOfEverything) {
  driver_.Extend();
  SafetyRecord older = driver_.safety();
  older.last_proposed_round = {40};
  older.last_timeout = world_.TimeoutOf(kSelf, {1}, world_.genesis_qc());
  driver_.Extend();
  driver_.Extend();
  const SafetyRecord newer = driver_.safety();
  for (const auto& raised : {RaiseSafetyRecord(older, newer), RaiseSafetyRecord(newer, older)}) {
    ASSERT_TRUE(raised.ok()) << raised.status();
    SafetyRecord expected = newer;
    expected.last_proposed_round = {40};
    expected.last_timeout = older.last_timeout;
    EXPECT_EQ(*raised, expected);
    EXPECT_TRUE(CheckOwn(*raised).ok());
  }
}

TEST_F(SafetyRaise, LeavesARecordAsItIsThatKnowsMore) {
  driver_.Extend();
  const SafetyRecord older = driver_.safety();
  driver_.Extend();
  const absl::StatusOr<SafetyRecord> raised = RaiseSafetyRecord(driver_.safety(), older);
  ASSERT_TRUE(raised.ok()) << raised.status();
  EXPECT_EQ(*raised, driver_.safety());
}

TEST_F(SafetyRaise, RefusesTwoVotesOrTwoTimeoutsOfOneRound) {
  driver_.Extend();
  SafetyRecord record = driver_.safety();
  SafetyRecord other = record;
  other.last_vote = world_.VoteFor(driver_.Sibling({"other"}), kSelf);
  other.last_vote->round = record.last_vote->round;
  ExpectRefusal(RaiseSafetyRecord(record, other).status(), absl::StatusCode::kFailedPrecondition,
                {"different votes for round 1", "keep this validator down"});
  other = record;
  record.last_timeout = world_.TimeoutOf(kSelf, {1}, world_.genesis_qc());
  other.last_timeout = record.last_timeout;
  other.last_timeout->high_qc = world_.QcFor(driver_.at(1));
  ExpectRefusal(RaiseSafetyRecord(record, other).status(), absl::StatusCode::kFailedPrecondition,
                {"different timeouts for round 1"});
}

TEST_F(SafetyRaise, StillForgetsWhatARecoveredRecordForgets) {
  driver_.Extend();
  const SafetyRecord known = driver_.safety();
  SafetyRecord recovered = known;
  recovered.last_vote.reset();
  ASSERT_TRUE(consensus::ForgetsLastRound(recovered));
  for (const auto& raised :
       {RaiseSafetyRecord(known, recovered), RaiseSafetyRecord(recovered, known)}) {
    ASSERT_TRUE(raised.ok()) << raised.status();
    EXPECT_EQ(*raised, recovered);
  }
}

TEST_F(SafetyRaise, RefusesAnotherEpoch) {
  SafetyRecord other = driver_.safety();
  other.epoch = {2};
  ExpectRefusal(RaiseSafetyRecord(driver_.safety(), other).status(),
                absl::StatusCode::kFailedPrecondition, {"epochs 1 and 2"});
}

TEST_F(SafetyRaise, AcceptsARecordWithOwnSignaturesOnly) {
  driver_.Extend();
  driver_.Extend();
  EXPECT_TRUE(CheckOwn(driver_.safety()).ok());
  SafetyRecord record = driver_.safety();
  record.last_vote = world_.VoteFor(driver_.at(2), {1});
  ExpectRefusal(CheckOwn(record), absl::StatusCode::kInvalidArgument, {"last vote"});
  record = driver_.safety();
  record.high_qc.signatures[0][7] ^= 1;
  ExpectRefusal(CheckOwn(record), absl::StatusCode::kInvalidArgument, {"does not verify"});
}

TEST_F(SafetyRaise, RefusesARecordThatDoesNotKnowItsOwnSignatureInItsCertificate) {
  driver_.Extend();
  SafetyRecord record = driver_.safety();
  record.high_qc = world_.QcFor(driver_.at(1));
  EXPECT_TRUE(CheckOwn(record).ok());
  record.last_vote.reset();
  record.last_voted_round = {0};
  ExpectRefusal(CheckOwn(record), absl::StatusCode::kInvalidArgument, {"does not know"});
}

TEST_F(SafetyRaise, RefusesARecordThatTheLedgerDoesNotGoWith) {
  MakeLedger(6);
  std::filesystem::copy(data_dir(), dir_.At("old"));
  Open();
  Extend();
  Close();
  const SafetyRecord newest = driver_.safety();
  EXPECT_TRUE(CheckIn(data_dir(), newest).ok());
  ExpectRefusal(CheckIn(dir_.At("old"), newest), absl::StatusCode::kFailedPrecondition,
                {"the ledger is older than the record"});
  ExpectRefusal(CheckIn(data_dir(), LedgerDriver(&world_).safety()),
                absl::StatusCode::kFailedPrecondition, {"the record is older than the ledger"});
}

TEST_F(SafetyRaise, WritesARecordThatANodeStartsFrom) {
  MakeLedger(6);
  SafetyRecord raised = driver_.safety();
  raised.last_proposed_round.value += 3;
  {
    const auto database = OpenRocksDbDatabase(data_dir(), Access::kReadWrite, nullptr);
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_TRUE(CheckReplacement(**database, world_.genesis(), kSelf, raised).ok());
    ASSERT_TRUE(ReplaceSafetyRecord(database->get(), raised).ok());
  }
  Open();
  EXPECT_EQ(store_->Recover().safety, raised);
}

}  // namespace
}  // namespace kiln::storage
