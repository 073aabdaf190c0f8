// Values that are not what was written: every reader says so, by name.
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

class Damage : public StoreFixture {
 protected:
  static constexpr uint64_t kHeight = 2;

  void SetUp() override { MakeLedger(22); }  // kHeight: not cached, nor checked on opening
  std::string Key() const { return BlockKey(Height{kHeight}, Id()); }
  Hash Id() const { return driver_.at(kHeight)->id; }
};

TEST_F(Damage, IsFoundWhereverItIsInABlock) {
  for (size_t byte = 0; byte < 600; byte += 61) {
    FlipRaw(Family::kBlocks, Key(), byte);
    Open();
    ExpectRefusal(store_->BlockAt({kHeight}).status(), absl::StatusCode::kDataLoss, {"blocks/"});
    ExpectRefusal(store_->BlockById(Id()).status(), absl::StatusCode::kDataLoss, {"blocks/"});
    EXPECT_TRUE(store_->BlockAt({kHeight + 1}).ok());
    Close();
    FlipRaw(Family::kBlocks, Key(), byte);
  }
  Open();
  EXPECT_TRUE(store_->BlockAt({kHeight}).ok());
}

TEST_F(Damage, IsFoundInAPayload) {
  for (const size_t byte : {0u, 9'999u}) {
    FlipRaw(Family::kPayloads, Key(), byte);
    Open();
    ExpectRefusal(store_->BlockAt({kHeight}).status(), absl::StatusCode::kDataLoss, {"payloads/"});
    EXPECT_TRUE(store_->HeaderAt({kHeight}).ok());
    Close();
    FlipRaw(Family::kPayloads, Key(), byte);
  }
}

TEST_F(Damage, IsFoundWhenABlockOrItsPayloadIsMissing) {
  DeleteRaw(Family::kPayloads, Key());
  Open();
  ExpectRefusal(store_->BlockAt({kHeight}).status(), absl::StatusCode::kDataLoss,
                {"payload is missing"});
  Close();
  DeleteRaw(Family::kBlocks, Key());
  Open();
  ExpectRefusal(store_->BlockAt({kHeight}).status(), absl::StatusCode::kDataLoss, {"missing"});
  ExpectRefusal(store_->BlockById(Id()).status(), absl::StatusCode::kDataLoss, {"missing"});
  ExpectRefusal(store_->HeaderAt({kHeight}).status(), absl::StatusCode::kDataLoss, {"missing"});
}

TEST_F(Damage, IsFoundInIndexCertificatesAndResults) {
  FlipRaw(Family::kIndexByHeight, IdAtHeightKey({kHeight}), 3);
  FlipRaw(Family::kCertificates, HeightKey({kHeight}), 50);
  FlipRaw(Family::kTransactionIndex, ResultIdsKey({kHeight}), 150);
  FlipRaw(Family::kTransactionIndex, ResultRepliesKey({kHeight + 1}), 10);
  Open();
  ExpectRefusal(store_->BlockAt({kHeight}).status(), absl::StatusCode::kDataLoss, {"index"});
  ExpectRefusal(store_->FinalityAt({kHeight}).status(), absl::StatusCode::kDataLoss,
                {"certificates/"});
  ExpectRefusal(store_->ResultsAt({kHeight}).status(), absl::StatusCode::kDataLoss,
                {"transaction_index/"});
  ExpectRefusal(store_->ResultsAt({kHeight + 1}).status(), absl::StatusCode::kDataLoss,
                {"transaction_index/"});
  ExpectRefusal(store_->FindTransaction(Hash{}, Height{0}).status(), absl::StatusCode::kDataLoss,
                {"transaction_index/"});
}

TEST_F(Damage, IsFoundInTheStateAndInWhatWasReadFromAnotherPlace) {
  WriteRaw([](const Database& raw, WriteBatch* batch) {
    const absl::StatusOr<std::string> value =
        raw.Get(Family::kApplicationState, StateKey("height"));
    KILN_CHECK_OK(value.status());
    batch->Put(Family::kApplicationState, StateKey("misdirected"), *value);
  });
  Open();
  ExpectRefusal(store_->state_view().state->Get("misdirected").status(),
                absl::StatusCode::kDataLoss, {"application_state/"});
  EXPECT_TRUE(store_->state_view().state->Get("height").ok());
  EXPECT_EQ(store_->state_view().state->Scan("", 100).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Damage, AtTheHeadRefusesToOpen) {
  const std::string head = BlockKey({driver_.committed()}, driver_.at(driver_.committed())->id);
  FlipRaw(Family::kBlocks, head, 77);
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kDataLoss, {data_dir(), "blocks/"});
  FlipRaw(Family::kBlocks, head, 77);
  FlipRaw(Family::kPayloads, head, 77);
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kDataLoss, {data_dir(), "payloads/"});
  FlipRaw(Family::kPayloads, head, 77);
  FlipRaw(Family::kMetadata, std::string(kExecutedKey), 5);
  ExpectRefusal(TryOpen().status(), absl::StatusCode::kDataLoss, {data_dir(), "executed"});
}

}  // namespace
}  // namespace kiln::storage
