// What decayed on disk is found while the validator runs, and mended by what others can prove.
#include "node/scrub.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "consensus/finality.h"
#include "storage/ledger_reader.h"
#include "storage/ledger_store.h"
#include "tests/storage/store_fixture.h"

namespace kiln::node {
namespace {

using consensus::BlockRequest;
using consensus::Blocks;
using storage::BlockKey;
using storage::Family;
using storage::HeightKey;
using storage::IdAtHeightKey;
using storage::LedgerPart;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kSecond = 1'000'000;

class ScrubTest : public storage::StoreFixture {
 protected:
  struct Asked {
    ValidatorIndex to;
    BlockRequest request;
  };

  void SetUp() override { MakeLedger(40); }

  void Begin(uint64_t bytes_per_second = 1 << 20, Snapshots* snapshots = nullptr) {
    auto database = storage::OpenRocksDbDatabase(data_dir(), storage::Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    database_ = *std::move(database);
    auto opened = storage::OpenStore(database_, world_.genesis(), /*read_only=*/false);
    KILN_CHECK_OK(opened.status());
    store_ = *std::move(opened);
    auto scrub = Scrub::Create(
        {.genesis = world_.genesis(),
         .self = {1},
         .bytes_per_second = bytes_per_second,
         .rest_us = 100 * kSecond},
        {.store = store_.get(),
         .database = database_.get(),
         .signatures = &world_.signatures(),
         .snapshots = snapshots,
         .ask =
             [this](ValidatorIndex to, const BlockRequest& request) {
               asked_.push_back({to, request});
             },
         .state_lost = [this](const absl::Status& why) { lost_.push_back(why); },
         .found = [this](const storage::Damage& damage) { found_.push_back(damage); },
         .mended = [this](Height height, ValidatorIndex) { mended_.push_back(height.value); },
         .passed = nullptr});
    KILN_CHECK_OK(scrub.status());
    scrub_ = *std::move(scrub);
  }
  // Steps until `passes` are complete, answering as `answer` does; false when that takes an hour.
  bool Run(uint64_t passes, const std::function<void(const Asked&)>& answer = nullptr) {
    for (; now_us_ < 3600 * kSecond; now_us_ = std::max(now_us_ + 1, due_us_)) {
      due_us_ = scrub_->Step({now_us_, 1'700'000'000 * kSecond + now_us_});
      if (scrub_->status().passes >= passes) return true;
      for (; answered_ < asked_.size(); ++answered_) {
        if (answer == nullptr) continue;
        answer(asked_[answered_]);
        due_us_ = now_us_ + 1;
      }
    }
    return false;
  }
  // As an honest validator with the whole chain would.
  Blocks AnswerTo(const BlockRequest& request) {
    Blocks answer;
    const uint64_t last =
        std::min<uint64_t>(request.above_height.value + request.count, driver_.committed());
    for (uint64_t height = request.above_height.value + 1; height <= last; ++height) {
      answer.blocks.push_back(driver_.at(height));
    }
    if (answer.blocks.back()->id != request.block_id) {
      answer.tip_qc = world_.QcFor(answer.blocks.back());
    }
    return answer;
  }
  void Honest(const Asked& asked) { EXPECT_TRUE(scrub_->Offer(asked.to, AnswerTo(asked.request))); }

  std::shared_ptr<storage::Database> database_;
  std::unique_ptr<Scrub> scrub_;
  std::vector<Asked> asked_;
  std::vector<storage::Damage> found_;
  std::vector<uint64_t> mended_;
  std::vector<absl::Status> lost_;
  size_t answered_ = 0;
  uint64_t now_us_ = kSecond;
  uint64_t due_us_ = 0;
};

TEST_F(ScrubTest, FindsNothingInAWholeLedger) {
  Begin();
  ASSERT_TRUE(Run(2));
  EXPECT_TRUE(found_.empty());
  EXPECT_TRUE(asked_.empty());
  const ScrubStatus status = scrub_->status();
  EXPECT_EQ(status.damaged, 0u);
  EXPECT_TRUE(status.last_completed.has_value());
  EXPECT_GE(now_us_, 100 * kSecond) << "it rests between two passes";
}

TEST_F(ScrubTest, KeepsToItsRate) {
  Begin(/*bytes_per_second=*/256 << 10);
  ASSERT_TRUE(Run(1));
  // Thirty blocks of 64 KiB at least, of which the last few are at the end of the pass.
  EXPECT_GE(now_us_, kSecond * (16 * 16) / 64);
}

TEST_F(ScrubTest, MendsABlockItsPayloadItsIndexAndItsCertificate) {
  FlipRaw(Family::kPayloads, BlockKey({3}, driver_.at(3)->id), 5000);
  DeleteRaw(Family::kBlocks, BlockKey({5}, driver_.at(5)->id));
  FlipRaw(Family::kIndexByHeight, IdAtHeightKey({7}), 4);
  FlipRaw(Family::kCertificates, HeightKey({9}), 40);
  Begin();
  ASSERT_FALSE(store_->BlockAt({3}).ok());
  ASSERT_TRUE(Run(1, [this](const Asked& asked) { Honest(asked); }));
  EXPECT_THAT(mended_, ElementsAre(3, 5, 7, 9));
  EXPECT_EQ(scrub_->status().repaired, 4u);
  EXPECT_EQ(scrub_->status().damaged, 0u);
  for (const uint64_t height : {3, 5, 7, 9}) {
    const auto block = store_->BlockAt({height});
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_EQ((*block)->id, driver_.at(height)->id);
    EXPECT_TRUE(store_->FinalityAt({height}).ok());
  }
}

TEST_F(ScrubTest, AsksTheNextWhenOneIsSilentOrWrong) {
  FlipRaw(Family::kPayloads, BlockKey({3}, driver_.at(3)->id), 5000);
  Begin();
  ASSERT_TRUE(Run(1, [this](const Asked& asked) {
    if (asked_.size() == 1) return;
    if (asked_.size() > 2) return Honest(asked);
    // Certified, but another height's, and not the one asked.
    EXPECT_FALSE(scrub_->Offer(asked.to, AnswerTo({driver_.at(30)->id, {3}, 64})));
    EXPECT_FALSE(scrub_->Offer({1}, AnswerTo(asked.request)));
    // A block that nobody certified in the place of the right one.
    Blocks forged = AnswerTo(asked.request);
    forged.blocks.front() = world_.Child(driver_.at(2), {3}, {.transactions = {"forged"}});
    EXPECT_TRUE(scrub_->Offer(asked.to, forged));
  }));
  EXPECT_THAT(mended_, ElementsAre(3));
  ASSERT_EQ(asked_.size(), 3u);
  EXPECT_NE(asked_[0].to, asked_[1].to);
  EXPECT_NE(asked_[1].to, asked_[2].to);
  for (const Asked& asked : asked_) EXPECT_NE(asked.to, ValidatorIndex{1}) << "itself";
  EXPECT_EQ((*store_->BlockAt({3}))->id, driver_.at(3)->id);
}

TEST_F(ScrubTest, NamesWhatNobodyMendsAndTriesAgainWithEachPass) {
  FlipRaw(Family::kPayloads, BlockKey({3}, driver_.at(3)->id), 5000);
  Begin();
  ASSERT_TRUE(Run(1));
  EXPECT_EQ(asked_.size(), 3u) << "each of the others once";
  EXPECT_EQ(scrub_->status().damaged, 1u);
  EXPECT_THAT(scrub_->status().damage, HasSubstr("height 3: payload"));
  ASSERT_TRUE(Run(2, [this](const Asked& asked) { Honest(asked); }));
  EXPECT_EQ(scrub_->status().damaged, 0u);
  EXPECT_EQ(found_.size(), 1u) << "said once";
}

TEST_F(ScrubTest, NamesResultsAndAsksNobodyForThem) {
  FlipRaw(Family::kTransactionIndex, storage::ResultIdsKey({4}), 20);
  Begin();
  ASSERT_TRUE(Run(2));
  EXPECT_TRUE(asked_.empty());
  ASSERT_FALSE(found_.empty());
  EXPECT_EQ(found_[0].part, LedgerPart::kResults);
  EXPECT_EQ(found_[0].height, Height{4});
  EXPECT_EQ(scrub_->status().damaged, found_.size());
}

TEST_F(ScrubTest, ChecksWhatIsCommittedMeanwhile) {
  Begin();
  ASSERT_TRUE(Run(1));
  const uint64_t checked = scrub_->status().height;
  for (int i = 0; i < 20; ++i) Extend({"more"});
  for (uint64_t height = store_->executed_state().height.value + 1; height <= driver_.committed();
       ++height) {
    Apply(height);
  }
  ASSERT_TRUE(Run(2));
  EXPECT_EQ(scrub_->status().height, checked + 20);
  EXPECT_TRUE(found_.empty());
}

// It was pruned between the question and the answer.
TEST_F(ScrubTest, PutsNothingBackThatWasPrunedMeanwhile) {
  FlipRaw(Family::kPayloads, BlockKey({3}, driver_.at(3)->id), 5000);
  DeleteRaw(Family::kBlocks, BlockKey({20}, driver_.at(20)->id));
  Begin();
  ASSERT_TRUE(Run(1, [this](const Asked& asked) {
    if (asked.request.above_height == Height{2} && store_->base().lowest() == Height{1}) {
      KILN_CHECK_OK(store_->Prune({.lowest = {10}, .window_lowest = {1}}));
    }
    scrub_->Offer(asked.to, AnswerTo(asked.request));
  }));
  EXPECT_THAT(mended_, ElementsAre(20)) << "the rest is mended still";
  EXPECT_EQ(scrub_->status().damaged, 0u);
  EXPECT_FALSE(storage::LedgerReader(database_.get(), world_.genesis().limits)
                   .Block({3}, driver_.at(3)->id)
                   .ok());
}

TEST_F(ScrubTest, NamesDamageInTheStateOnceAndReadsItNoFurther) {
  FlipRaw(Family::kApplicationState, storage::StateKey("height"), 3);
  Begin();
  EXPECT_FALSE(Run(1)) << "a pass ends with a whole state";
  ASSERT_EQ(lost_.size(), 1u);
  EXPECT_THAT(std::string(lost_[0].message()), HasSubstr("checksum does not match"));
  EXPECT_EQ(scrub_->status().damaged, 0u) << "the blocks are whole";
}

TEST_F(ScrubTest, ReadsTheStateAtItsRate) {
  {
    auto database = storage::OpenRocksDbDatabase(data_dir(), storage::Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    auto batch = (*database)->NewBatch(1 << 20);
    for (int i = 0; i < 64; ++i) {
      batch->PutSealed(Family::kApplicationState, storage::StateKey(absl::StrCat("large ", i)),
                       std::string(64 << 10, 'x'));
    }
    KILN_CHECK_OK((*database)->Write(batch.get(), storage::Durability::kSynced));
  }
  Begin(/*bytes_per_second=*/64 << 10);
  ASSERT_TRUE(Run(1));
  EXPECT_GE(now_us_, 64 * kSecond) << "four MiB at 64 KiB a second, and the blocks";
  EXPECT_TRUE(lost_.empty());
}

TEST(FinalityWithin, RunsToTheFirstPairOfConsecutiveRounds) {
  consensus::TestWorld world;
  const std::vector<consensus::BlockPtr> head = world.Chain(2);
  const consensus::BlockPtr gap = world.Child(head[2], Round{9});
  const consensus::BlockPtr next = world.Child(gap, Round{10});
  const auto proved = FinalityWithin({{head[2], gap, next}, world.QcFor(next)});
  ASSERT_TRUE(proved.ok()) << proved.status();
  const auto header = consensus::VerifyFinality(*proved, world.verifier());
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(*header, head[2]->header);
  EXPECT_FALSE(FinalityWithin({{head[2], gap, next}, std::nullopt}).ok()) << "not certified";
  EXPECT_FALSE(FinalityWithin({{head[2], gap}, world.QcFor(gap)}).ok()) << "a gap in rounds";
  EXPECT_FALSE(FinalityWithin({{head[2]}, world.QcFor(head[2])}).ok());
}

}  // namespace
}  // namespace kiln::node
