#include "node/snapshot_sync.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "node/snapshot_answers.h"
#include "node/snapshots.h"
#include "storage/rocksdb_store.h"
#include "storage/snapshot_offer.h"
#include "storage/snapshot_stage.h"
#include "storage/snapshot_stream.h"
#include "tests/node/temp_dir.h"
#include "tests/storage/ledger_driver.h"

namespace kiln::node {
namespace {

constexpr uint64_t kEvery = 16;
constexpr ValidatorIndex kSelf{3};
constexpr uint64_t kStartUs = 1'000'000'000;
constexpr uint64_t kFarBehind = 20;

// Three validators that have a snapshot of some chunks, and one that has nothing; time stands still
// but for what a test says.
class SnapshotSyncTest : public testing::Test {
 protected:
  SnapshotSyncTest() {
    source_ = storage::OpenRocksDbStore({.data_dir = dir_ / "source", .genesis = world_.genesis()})
                  .value();
    RunTo(40);
    snapshots_.emplace(world_.genesis().limits, source_.get(), 10);
    KILN_CHECK_OK(snapshots_->Restore());
    while (snapshots_->WorkOne()) {
    }
    answers_.emplace(world_.genesis(), 4, source_.get(), &*snapshots_);
    StartTarget();
  }

  // State of about 1.2 MB: five chunks.
  std::vector<storage::StateWrite> WritesAt(uint64_t height) {
    return {{.key = absl::StrCat("key ", height),
             .value = std::string(80'000, static_cast<char>('a' + height % 26))}};
  }
  void RunTo(uint64_t height) {
    while (driver_.committed() < height) {
      KILN_CHECK_OK(source_->Persist(driver_.Extend({absl::StrCat(driver_.chain().size())})));
      for (uint64_t at = source_->executed_state().height.value + 1; at <= driver_.committed();
           ++at) {
        if (at % kEvery == 0 && at > kEvery) {
          driver_.SetSnapshotRoot(
              storage::IndexSnapshot(*source_, {at - kEvery}, 16, [] { return false; })
                  .value()
                  ->root());
        }
        KILN_CHECK_OK(source_->ApplyBlock(WritesAt(at), driver_.ResultsAt(at)));
        if (at % kEvery == 0) KILN_CHECK_OK(source_->TakeSnapshot());
      }
    }
  }
  void StartTarget() {
    sync_.reset();
    target_.reset();
    target_ = storage::OpenRocksDbStore({.data_dir = dir_ / "target", .genesis = world_.genesis()})
                  .value();
    sent_.clear();
    sync_.emplace(
        world_.genesis(), kSelf, &world_.validators(), &world_.signatures(), target_.get(),
        SnapshotSync::Options{
            .trusted = trusted_, .catch_up_blocks = kFarBehind, .archive = archive_},
        SnapshotSync::Sinks{
            .send = [this](ValidatorIndex to,
                           network::FramePtr frame) { sent_.emplace_back(to, std::move(frame)); },
            .ready = [this] { ++ready_; }});
    KILN_CHECK_OK(sync_->Restore());
  }

  network::SnapshotOffer Offer() {
    const auto offer = storage::MakeSnapshotOffer(*source_, world_.genesis(), {16});
    KILN_CHECK_OK(offer.status());
    return {.bytes = std::make_shared<const std::string>(storage::Encode(*offer))};
  }
  void OfferBy(std::initializer_list<uint32_t> peers) {
    for (const uint32_t peer : peers) {
      EXPECT_TRUE(sync_->OnOffer({peer}, Offer(), now_us_).ok());
    }
  }
  network::SnapshotChunk ChunkFor(const network::SnapshotRequest& request) {
    now_us_ += SnapshotAnswers::kChunkEveryUs;
    const auto frame = answers_->Answer(kSelf, request, now_us_);
    KILN_CHECK_OK(frame.status());
    const auto message = network::DecodeFrame(**frame, world_.genesis().limits);
    KILN_CHECK_OK(message.status());
    return std::get<network::SnapshotChunk>(*message);
  }
  network::SnapshotRequest RequestIn(const network::FramePtr& frame) {
    const auto message = network::DecodeFrame(*frame, world_.genesis().limits);
    KILN_CHECK_OK(message.status());
    return std::get<network::SnapshotRequest>(*message);
  }
  // Answers requests honestly, also those that follow, until there are none or `count` were.
  size_t AnswerAll(size_t count = SIZE_MAX) {
    size_t answered = 0;
    while (!sent_.empty() && answered < count) {
      const auto [to, frame] = sent_.front();
      sent_.erase(sent_.begin());
      EXPECT_TRUE(sync_->OnChunk(to, ChunkFor(RequestIn(frame)), now_us_).ok());
      ++answered;
    }
    return answered;
  }

  consensus::TestWorld world_{{1, 1, 1, 1},
                              {.duplicate_window_blocks = 16, .snapshot_interval_blocks = kEvery}};
  storage::LedgerDriver driver_{&world_};
  TempDir dir_;
  std::unique_ptr<storage::Store> source_;
  std::optional<Snapshots> snapshots_;
  std::optional<SnapshotAnswers> answers_;
  std::unique_ptr<storage::Store> target_;
  std::optional<SnapshotSync> sync_;
  std::vector<std::pair<ValidatorIndex, network::FramePtr>> sent_;
  uint64_t now_us_ = kStartUs;
  int ready_ = 0;
  std::optional<TrustedBlock> trusted_;
  bool archive_ = false;
};

TEST_F(SnapshotSyncTest, BeginsWhenABlockingShareHasOffered) {
  OfferBy({0});
  EXPECT_TRUE(sent_.empty());
  EXPECT_FALSE(sync_->progress().has_value());
  OfferBy({0});  // one validator says it twice
  EXPECT_TRUE(sent_.empty());
  OfferBy({1});
  ASSERT_EQ(sent_.size(), 1u) << "the first chunk shows how many there are";
  EXPECT_EQ(sync_->progress()->height, Height{16});
}

TEST_F(SnapshotSyncTest, FetchesEveryChunkAndMakesALedgerOfThem) {
  OfferBy({0, 1, 2});
  EXPECT_EQ(AnswerAll(), 5u);
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(sync_->progress()->chunks, 5u);
  EXPECT_EQ(target_->committed_height(), Height{0}) << "nothing changes before the next opening";
  StartTarget();
  EXPECT_EQ(target_->base().header, driver_.at(16)->header);
  EXPECT_EQ(target_->committed_height(), Height{17});
  EXPECT_EQ(target_->executed_state(), driver_.StateAt(16));
  EXPECT_EQ(target_->state_view().state->Get("key 3")->size(), 80'000u);
  EXPECT_FALSE(sync_->progress().has_value());
  EXPECT_TRUE(absl::IsNotFound(target_->stage()->Offer().status())) << "nothing stays behind";
}

TEST_F(SnapshotSyncTest, TakesThePlaceOfAnOlderLedger) {
  storage::LedgerDriver driver(&world_);
  for (int i = 0; i < 6; ++i) {
    KILN_CHECK_OK(target_->Persist(driver.Extend({absl::StrCat(driver.chain().size())})));
  }
  KILN_CHECK_OK(target_->ApplyBlock({{.key = "old", .value = "x"}}, driver.ResultsAt(1)));
  const consensus::SafetyRecord before = driver.safety();
  OfferBy({0, 1, 2});
  AnswerAll();
  StartTarget();
  EXPECT_EQ(target_->executed_state(), driver_.StateAt(16));
  EXPECT_TRUE(absl::IsNotFound(target_->state_view().state->Get("old").status()));
  const consensus::SafetyRecord after = target_->Recover().safety;
  EXPECT_EQ(after.last_voted_round, before.last_voted_round) << "what was signed stays";
  EXPECT_EQ(after.last_vote, before.last_vote);
  EXPECT_EQ(after.locked_qc_round, before.locked_qc_round);
  EXPECT_GT(after.high_qc.round, before.high_qc.round);
  EXPECT_TRUE(absl::IsNotFound(target_->BlockAt({3}).status()));
}

TEST_F(SnapshotSyncTest, AsksSeveralValidatorsAtOnceAndNoneForTooMuch) {
  OfferBy({0, 1, 2});
  AnswerAll(1);
  ASSERT_EQ(sent_.size(), 4u);
  std::vector<size_t> asked(4);
  for (const auto& [to, frame] : sent_) ++asked[to.value];
  EXPECT_EQ(asked[kSelf.value], 0u);
  EXPECT_GE(std::count_if(asked.begin(), asked.end(), [](size_t count) { return count > 0; }), 3);
}

TEST_F(SnapshotSyncTest, BlamesWhoSendsAWrongChunkAndAsksTheOthers) {
  OfferBy({0, 1, 2});
  AnswerAll(1);
  const auto [liar, frame] = sent_.front();
  network::SnapshotChunk chunk = ChunkFor(RequestIn(frame));
  std::string changed = *chunk.bytes;
  changed[1000] ^= 1;
  chunk.bytes = std::make_shared<const std::string>(changed);
  const absl::Status blamed = sync_->OnChunk(liar, chunk, now_us_);
  EXPECT_TRUE(absl::IsInvalidArgument(blamed)) << blamed;
  std::erase_if(sent_, [to = liar](const auto& request) { return request.first == to; });
  AnswerAll();
  EXPECT_EQ(ready_, 1);
  for (const auto& [to, ignored] : sent_) EXPECT_NE(to, liar);
  StartTarget();
  EXPECT_EQ(target_->executed_state(), driver_.StateAt(16));
}

TEST_F(SnapshotSyncTest, StagesNothingThatWasNotAskedOfTheSender) {
  OfferBy({0, 1});
  const network::SnapshotChunk chunk = ChunkFor(RequestIn(sent_.front().second));
  const ValidatorIndex other{sent_.front().first.value == 2 ? 1u : 2u};
  EXPECT_TRUE(sync_->OnChunk(other, chunk, now_us_).ok());
  EXPECT_EQ(sync_->progress()->chunks, 0u);
}

TEST_F(SnapshotSyncTest, RefusesAnOfferThatIsNotProved) {
  network::SnapshotOffer offer = Offer();
  std::string changed = *offer.bytes;
  changed[60] ^= 1;
  offer.bytes = std::make_shared<const std::string>(changed);
  EXPECT_FALSE(sync_->OnOffer({0}, offer, now_us_).ok());
  OfferBy({1});
  EXPECT_TRUE(sent_.empty()) << "an offer that does not hold counts for nothing";
}

TEST_F(SnapshotSyncTest, TakesNothingInTheNameOfAnArchive) {
  archive_ = true;
  StartTarget();
  sync_->NoteBehind(kFarBehind + 1);
  sync_->Tick(now_us_);
  EXPECT_FALSE(sync_->holds_blocks());
  OfferBy({0, 1, 2});
  EXPECT_TRUE(sent_.empty()) << "neither offers nor chunks are asked for";
  EXPECT_FALSE(sync_->progress().has_value());
}

TEST_F(SnapshotSyncTest, DropsWhatIsStagedWhenItHasBecomeAnArchive) {
  OfferBy({0, 1, 2});
  AnswerAll(3);
  archive_ = true;
  StartTarget();
  EXPECT_FALSE(sync_->progress().has_value());
  EXPECT_TRUE(absl::IsNotFound(target_->stage()->Offer().status()));
}

TEST_F(SnapshotSyncTest, AsksSomebodyElseWhenThereIsNoAnswer) {
  OfferBy({0, 1, 2});
  const ValidatorIndex silent = sent_.front().first;
  sent_.clear();
  now_us_ += SnapshotSync::kAnswerWithinUs;
  sync_->Tick(now_us_);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_NE(sent_.front().first, silent);
  AnswerAll();
  EXPECT_EQ(ready_, 1);
}

TEST_F(SnapshotSyncTest, GoesOnAfterARestartWithoutOffers) {
  OfferBy({0, 1, 2});
  AnswerAll(3);
  StartTarget();
  EXPECT_EQ(target_->committed_height(), Height{0});
  ASSERT_TRUE(sync_->progress().has_value());
  EXPECT_EQ(sync_->progress()->chunks, 3u);
  sync_->Tick(now_us_);
  EXPECT_EQ(AnswerAll(), 2u);
  EXPECT_EQ(ready_, 1);
  StartTarget();
  EXPECT_EQ(target_->executed_state(), driver_.StateAt(16));
}

// What was staged is looked at once more before it is believed.
TEST_F(SnapshotSyncTest, FetchesADamagedChunkAgain) {
  OfferBy({0, 1, 2});
  AnswerAll();
  const auto chunk = target_->stage()->Get(2).value();
  KILN_CHECK_OK(target_->stage()->Put(2, {.proof = chunk.proof, .bytes = "rotten"}));
  StartTarget();
  EXPECT_EQ(target_->committed_height(), Height{0});
  EXPECT_EQ(sync_->progress()->chunks, 4u);
  sync_->Tick(now_us_);
  EXPECT_EQ(AnswerAll(), 1u);
  StartTarget();
  EXPECT_EQ(target_->executed_state(), driver_.StateAt(16));
}

TEST_F(SnapshotSyncTest, GivesUpWhenBlocksComeFirst) {
  OfferBy({0, 1, 2});
  for (uint64_t height = 1; height < driver_.chain().size(); ++height) {
    storage::DurableWrite write;
    write.blocks = {driver_.at(height)};
    KILN_CHECK_OK(target_->Persist(write));
  }
  consensus::SafetyRecord record = driver_.safety();
  storage::DurableWrite write{.safety = record};
  const consensus::BlockPtr child = driver_.at(driver_.committed() + 1);
  write.commits.push_back(
      {.blocks = {driver_.chain().begin() + 1,
                  driver_.chain().begin() + 1 + static_cast<ptrdiff_t>(driver_.committed())},
       .child = child->header,
       .certificate = driver_.at(driver_.committed() + 2)->justify});
  KILN_CHECK_OK(target_->Persist(write));
  sync_->Tick(now_us_);
  EXPECT_FALSE(sync_->progress().has_value());
}

// A snapshot of another chain than the trusted one, or of nobody knows which.
TEST_F(SnapshotSyncTest, RefusesASnapshotThatTheTrustedBlockIsNotIn) {
  trusted_ = TrustedBlock{.height = 16, .id = driver_.at(15)->id};
  StartTarget();
  EXPECT_TRUE(absl::IsFailedPrecondition(sync_->OnOffer({0}, Offer(), now_us_)));
  trusted_ = TrustedBlock{.height = 3, .id = driver_.at(3)->id};
  StartTarget();
  EXPECT_TRUE(absl::IsFailedPrecondition(sync_->OnOffer({0}, Offer(), now_us_)));
  trusted_ = TrustedBlock{.height = 16, .id = driver_.at(16)->id};
  StartTarget();
  OfferBy({0, 1});
  EXPECT_EQ(sent_.size(), 1u);
}

// --- Farther behind than blocks are to be fetched

TEST_F(SnapshotSyncTest, AsksForOffersWhenItIsFartherBehindThanBlocksAreToBeFetched) {
  sync_->NoteBehind(kFarBehind);
  sync_->Tick(now_us_);
  EXPECT_TRUE(sent_.empty()) << "so far blocks do";
  sync_->NoteBehind(kFarBehind + 1);
  sync_->Tick(now_us_);
  sync_->Tick(now_us_ + 1);
  ASSERT_EQ(sent_.size(), 3u) << "all the others, once";
  for (const auto& [to, frame] : sent_) {
    EXPECT_NE(to, kSelf);
    EXPECT_EQ(frame->kind, network::FrameKind::kSnapshotOfferRequest);
  }
  sync_->Tick(now_us_ + SnapshotSync::kOffersEveryUs);
  EXPECT_EQ(sent_.size(), 6u) << "again, while nobody has one";
}

TEST_F(SnapshotSyncTest, HoldsBlocksUntilSomebodyCouldHaveOffered) {
  sync_->NoteBehind(kFarBehind);
  EXPECT_FALSE(sync_->holds_blocks());
  sync_->NoteBehind(kFarBehind + 1);
  EXPECT_TRUE(sync_->holds_blocks()) << "at once";
  sync_->Tick(now_us_);
  sync_->Tick(now_us_ + SnapshotSync::kOffersWithinUs - 1);
  EXPECT_TRUE(sync_->holds_blocks());
  sync_->Tick(now_us_ + SnapshotSync::kOffersWithinUs);
  EXPECT_FALSE(sync_->holds_blocks()) << "nobody has one";
  sync_->NoteBehind(kFarBehind + 5);
  EXPECT_FALSE(sync_->holds_blocks()) << "once for each time that it falls behind";
  sync_->NoteBehind(0);
  sync_->NoteBehind(kFarBehind + 1);
  EXPECT_TRUE(sync_->holds_blocks());
}

TEST_F(SnapshotSyncTest, HoldsBlocksWhileASnapshotComesForward) {
  OfferBy({0});
  EXPECT_FALSE(sync_->holds_blocks());
  OfferBy({1});
  EXPECT_TRUE(sync_->holds_blocks());
  EXPECT_EQ(AnswerAll(), 5u);
  EXPECT_EQ(ready_, 1);
  StartTarget();
  EXPECT_EQ(target_->committed_height(), Height{17});
  EXPECT_FALSE(sync_->holds_blocks()) << "the rest is blocks";
}

TEST_F(SnapshotSyncTest, LetsBlocksComeAndAsksForOffersWhenASnapshotStalls) {
  sync_->NoteBehind(kFarBehind + 1);
  OfferBy({0, 1});
  sent_.clear();
  now_us_ += SnapshotSync::kStalledAfterUs - 1;
  sync_->Tick(now_us_);
  EXPECT_TRUE(sync_->holds_blocks());
  now_us_ += 1;
  sent_.clear();
  sync_->Tick(now_us_);
  EXPECT_FALSE(sync_->holds_blocks());
  const auto is_asking = [](const auto& sent) {
    return sent.second->kind == network::FrameKind::kSnapshotOfferRequest;
  };
  EXPECT_EQ(std::count_if(sent_.begin(), sent_.end(), is_asking), 3);
}

// --- Answers

TEST_F(SnapshotSyncTest, OffersWhoAsksForBlocksThatAreGone) {
  const consensus::BlockRequest request{
      .block_id = driver_.at(30)->id, .above_height = {0}, .count = 10};
  EXPECT_FALSE(answers_->IsPruned(request));
  const storage::PrunePlan plan{.lowest = {5}, .window_lowest = {1}};
  KILN_CHECK_OK(source_->Prune(plan));
  EXPECT_TRUE(answers_->IsPruned(request));
  EXPECT_FALSE(
      answers_->IsPruned({.block_id = driver_.at(30)->id, .above_height = {4}, .count = 10}));
  ASSERT_TRUE(answers_->Offer({0}, now_us_).ok());
  EXPECT_FALSE(answers_->Offer({0}, now_us_ + 1).ok()) << "once in a while";
  EXPECT_TRUE(answers_->Offer({1}, now_us_ + 1).ok());
  EXPECT_TRUE(answers_->Offer({0}, now_us_ + SnapshotAnswers::kOfferEveryUs).ok());
}

TEST_F(SnapshotSyncTest, ServesChunksNoFasterThanItSays) {
  const network::SnapshotRequest request{.height = {16}, .chunk = 0};
  static_assert(SnapshotAnswers::kChunksAtOnce >= SnapshotSync::kInFlightOfPeerMax,
                "who asks as it may is not kept waiting");
  for (uint64_t i = 0; i < SnapshotAnswers::kChunksAtOnce; ++i) {
    EXPECT_TRUE(answers_->Answer({0}, request, now_us_).ok());
  }
  EXPECT_FALSE(answers_->Answer({0}, request, now_us_).ok());
  EXPECT_TRUE(answers_->Answer({1}, request, now_us_).ok()) << "another one has its own pace";
  size_t answered = 0;
  for (uint64_t ms = 0; ms < 1000; ++ms) {
    if (answers_->Answer({0}, request, now_us_ + ms * 1000).ok()) ++answered;
  }
  EXPECT_LE(answered, 1'000'000 / SnapshotAnswers::kChunkEveryUs + 1);
  EXPECT_GT(answered, 400u);
  EXPECT_FALSE(answers_->Answer({2}, {.height = {16}, .chunk = 5}, now_us_).ok());
  EXPECT_FALSE(answers_->Answer({2}, {.height = {17}, .chunk = 0}, now_us_).ok());
  EXPECT_FALSE(answers_->Answer({2}, {.height = {UINT64_MAX}, .chunk = UINT32_MAX}, now_us_).ok());
}

}  // namespace
}  // namespace kiln::node
