#include "consensus/range_sync.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

constexpr ValidatorIndex kSelf{3};
constexpr uint64_t kWaitUs = 100;
constexpr uint64_t kWaitMaxUs = 1000;

// A chain of 400 blocks, and what its validators would answer.
class RangeSyncTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kTip = 400;

  static const std::vector<BlockPtr>& Chain() {
    static const auto* const chain = new std::vector<BlockPtr>(NewWorld()->Chain(kTip));
    return *chain;
  }
  static std::unique_ptr<TestWorld> NewWorld() {
    return std::make_unique<TestWorld>(std::vector<uint64_t>{1, 1, 1, 1}, ChainLimits{},
                                       Signatures::kCheap);
  }
  static std::unique_ptr<RangeSync> NewSync(size_t validators) {
    return std::make_unique<RangeSync>(kSelf, validators,
                                       FetchTimeouts{.min_us = kWaitUs, .max_us = kWaitMaxUs});
  }
  const Block& root() const { return *chain_[root_]; }

  // By all but oneself.
  QuorumCertificate QcAt(uint64_t height) { return QcOf(chain_[height]); }
  QuorumCertificate QcOf(const BlockPtr& block) { return world_->QcFor(block, {{0}, {1}, {2}}); }

  // Of the chain, at most `count_max` blocks of it.
  Blocks AnswerTo(const BlockRequest& request, uint64_t count_max = kBlocksPerAnswerMax) {
    return AnswerFrom(chain_, request, count_max);
  }
  Blocks AnswerFrom(const std::vector<BlockPtr>& chain, const BlockRequest& request,
                    uint64_t count_max = kBlocksPerAnswerMax) {
    const auto tip = std::find_if(chain.begin(), chain.end(), [&](const BlockPtr& block) {
      return block->id == request.block_id;
    });
    if (tip == chain.end()) return AnswerTo(request, count_max);
    if ((*tip)->header.height <= request.above_height) return {{*tip}, std::nullopt};
    const uint64_t first = request.above_height.value + 1;
    const uint64_t last = std::min({first + std::min<uint64_t>(count_max, request.count) - 1,
                                    (*tip)->header.height.value, uint64_t{chain.size()} - 1});
    Blocks answer;
    for (uint64_t height = first; height <= last; ++height) answer.blocks.push_back(chain[height]);
    if (answer.blocks.back()->id != request.block_id) answer.tip_qc = QcOf(answer.blocks.back());
    return answer;
  }

  std::vector<Fetch> TakeAllDue(uint64_t now_us) {
    std::vector<Fetch> due;
    while (std::optional<Fetch> fetch = sync_->TakeDue(Height{executed_}, connections_, now_us)) {
      due.push_back(*fetch);
    }
    EXPECT_GT(sync_->deadline_us(), now_us) << "it would never rest";
    return due;
  }
  // The target's height is known, and nothing else is asked for.
  void Find(uint64_t height) {
    sync_->Aim(QcAt(height), root(), 0);
    const std::vector<Fetch> probes = TakeAllDue(0);
    ASSERT_EQ(probes.size(), 1u);
    ASSERT_TRUE(sync_->Take(probes[0].from, AnswerTo(probes[0].request), 0));
  }
  // Heights that are given out now. What is given out is committed but for the last two.
  std::vector<uint64_t> TakeFront() {
    std::vector<uint64_t> heights;
    while (true) {
      const RangeSync::Next next = sync_->Front(root());
      if (next.block == nullptr) return heights;
      heights.push_back(next.block->header.height.value);
      sync_->NoteInserted();
      if (heights.back() > root_ + 2) root_ = heights.back() - 2;
    }
  }

  const std::unique_ptr<TestWorld> world_ = NewWorld();
  const std::vector<BlockPtr> chain_ = Chain();
  std::unique_ptr<RangeSync> sync_ = NewSync(4);
  PeerPresence connections_{10, 0};
  uint64_t root_ = 0;
  uint64_t executed_ = 0;
};

std::vector<uint64_t> Heights(uint64_t first, uint64_t last) {
  std::vector<uint64_t> heights;
  for (uint64_t height = first; height <= last; ++height) heights.push_back(height);
  return heights;
}

TEST_F(RangeSyncTest, AsksOneSignerHowFarTheWayIs) {
  EXPECT_FALSE(sync_->is_active());
  sync_->Aim(QcAt(300), root(), 0);
  EXPECT_TRUE(sync_->is_active());
  const std::vector<Fetch> probes = TakeAllDue(0);
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_EQ(probes[0].request.block_id, chain_[300]->id);
  EXPECT_EQ(probes[0].request.above_height, kHeightMax);
  EXPECT_EQ(sync_->target_height(), Height{0});
  EXPECT_TRUE(sync_->Take(probes[0].from, AnswerTo(probes[0].request), 10));
  EXPECT_EQ(sync_->target_height(), Height{300});
}

TEST_F(RangeSyncTest, AsksAllSignersForRangesOfTheirOwnAtOnce) {
  Find(300);
  const std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_EQ(due.size(), 3u);
  std::set<ValidatorIndex> asked;
  for (size_t i = 0; i < due.size(); ++i) {
    asked.insert(due[i].from);
    EXPECT_EQ(due[i].request, (BlockRequest{chain_[300]->id, Height{i * kBlocksPerAnswerMax},
                                            kBlocksPerAnswerMax}));
  }
  EXPECT_EQ(asked, (std::set<ValidatorIndex>{{0}, {1}, {2}}));
}

TEST_F(RangeSyncTest, AsksThoseWhoseStreamsAreUp) {
  connections_.NoteConnected({1});
  executed_ = 300;
  Find(300);
  for (const Fetch& fetch : TakeAllDue(10)) EXPECT_EQ(fetch.from, ValidatorIndex{1});
  connections_.NoteConnected({2});
  const std::vector<Fetch> due = TakeAllDue(20);
  ASSERT_EQ(due.size(), RangeSync::kOpenOfOnePeerMax);
  for (const Fetch& fetch : due) EXPECT_EQ(fetch.from, ValidatorIndex{2});
}

TEST_F(RangeSyncTest, HasABoundedNumberOfRequestsOpen) {
  TestWorld many(std::vector<uint64_t>(10, 1), {}, Signatures::kCheap);
  const std::vector<BlockPtr> chain = many.Chain(400);
  sync_ = NewSync(10);
  sync_->Aim(many.QcFor(chain[400]), *chain[0], 0);
  ASSERT_EQ(TakeAllDue(0).size(), 1u);
  ASSERT_TRUE(sync_->Take({0}, {{chain[400]}, std::nullopt}, 0));
  executed_ = 300;
  EXPECT_EQ(TakeAllDue(1).size(), RangeSync::kOpenMax);
}

TEST_F(RangeSyncTest, GivesOutBlocksInOrderWhateverOrderTheyComeIn) {
  Find(180);
  const std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_EQ(due.size(), 3u);
  EXPECT_TRUE(sync_->Take(due[2].from, AnswerTo(due[2].request), 20));
  EXPECT_TRUE(TakeFront().empty());
  EXPECT_TRUE(sync_->Take(due[0].from, AnswerTo(due[0].request), 21));
  EXPECT_EQ(TakeFront(), Heights(1, 64));
  EXPECT_TRUE(sync_->Take(due[1].from, AnswerTo(due[1].request), 22));
  EXPECT_EQ(TakeFront(), Heights(65, 180));
  EXPECT_FALSE(sync_->is_active()) << "the target is reached";
  EXPECT_TRUE(TakeAllDue(23).empty());
}

TEST_F(RangeSyncTest, DoesNotTakeWhatItDidNotAskFor) {
  Find(300);
  const std::vector<Fetch> due = TakeAllDue(10);
  EXPECT_FALSE(sync_->Take(due[0].from, AnswerTo({chain_[300]->id, {64}, 64}), 20));
  EXPECT_FALSE(sync_->Take(due[1].from, AnswerTo(due[0].request), 20));
  EXPECT_TRUE(TakeFront().empty());
  EXPECT_TRUE(sync_->Take(due[0].from, AnswerTo(due[0].request), 20));
  EXPECT_FALSE(sync_->Take(due[0].from, AnswerTo(due[0].request), 21)) << "once";
}

// ASA-2025-001: a height that is claimed and then not reached. Here it is the hash that counts.
TEST_F(RangeSyncTest, BelievesNoHeightButThatOfTheCertifiedBlock) {
  sync_->Aim(QcAt(300), root(), 0);
  const std::vector<Fetch> probes = TakeAllDue(0);
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_FALSE(sync_->Take(probes[0].from, {{chain_[400]}, std::nullopt}, 10));
  EXPECT_EQ(sync_->target_height(), Height{0});
}

TEST_F(RangeSyncTest, AsksForTheRestOfAnAnswerThatWasCutAndForLessFromThenOn) {
  Find(300);
  const std::vector<Fetch> due = TakeAllDue(10);
  EXPECT_TRUE(sync_->Take(due[0].from, AnswerTo(due[0].request, 9), 20));
  EXPECT_EQ(TakeFront(), Heights(1, 9));
  const std::vector<Fetch> more = TakeAllDue(20);
  ASSERT_FALSE(more.empty());
  EXPECT_EQ(more[0].from, due[0].from) << "the others have one open each";
  EXPECT_EQ(more[0].request, (BlockRequest{chain_[300]->id, {9}, 9}));
  for (const Fetch& fetch : more) EXPECT_LE(fetch.request.count, 9u);
}

TEST_F(RangeSyncTest, AsksForMoreAtOnceWhenAnswersAreWhole) {
  Find(400);
  executed_ = 400;
  std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_TRUE(sync_->Take(due[0].from, AnswerTo(due[0].request, 1), 20));
  std::vector<uint32_t> counts;
  for (uint64_t now_us = 30; now_us < 50; ++now_us) {
    for (const Fetch& fetch : TakeAllDue(now_us)) {
      counts.push_back(fetch.request.count);
      ASSERT_TRUE(sync_->Take(fetch.from, AnswerTo(fetch.request), now_us));
    }
  }
  ASSERT_FALSE(counts.empty());
  EXPECT_EQ(counts.front(), 1u);
  EXPECT_GE(*std::max_element(counts.begin(), counts.end()), 16u);
}

TEST_F(RangeSyncTest, HasTwoRequestsOpenAtOnePeerAtMost) {
  sync_->Aim(QcOf(chain_[400]), root(), 0);
  const std::vector<Fetch> probes = TakeAllDue(0);
  ASSERT_EQ(probes.size(), 1u);
  ASSERT_TRUE(sync_->Take(probes[0].from, AnswerTo(probes[0].request), 0));
  executed_ = 400;
  std::map<ValidatorIndex, size_t> open;
  for (const Fetch& fetch : TakeAllDue(1)) ++open[fetch.from];
  EXPECT_EQ(open, (std::map<ValidatorIndex, size_t>{{{0}, 2}, {{1}, 2}, {{2}, 2}}));
}

TEST_F(RangeSyncTest, AsksAnotherForTheRangeOfWhoeverIsSilent) {
  Find(300);
  const std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_TRUE(sync_->Take(due[1].from, AnswerTo(due[1].request), 20));
  ASSERT_TRUE(sync_->Take(due[2].from, AnswerTo(due[2].request), 20));
  EXPECT_EQ(sync_->deadline_us(), 10 + kWaitUs);
  const std::vector<Fetch> again = TakeAllDue(10 + kWaitUs);
  ASSERT_FALSE(again.empty());
  EXPECT_NE(again[0].from, due[0].from);
  EXPECT_EQ(again[0].request.above_height, due[0].request.above_height);
  for (const Fetch& fetch : again) EXPECT_NE(fetch.from, due[0].from) << "passed over";
}

TEST_F(RangeSyncTest, TakesAnAnswerThatComesTooLate) {
  Find(64);
  const std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_EQ(due.size(), 1u);
  ASSERT_FALSE(TakeAllDue(10 + kWaitUs).empty());
  EXPECT_TRUE(sync_->Take(due[0].from, AnswerTo(due[0].request), 15 + kWaitUs));
  EXPECT_EQ(TakeFront(), Heights(1, 64));
}

TEST_F(RangeSyncTest, TakesTheAnswersOfAllThatIsLate) {
  Find(400);
  executed_ = 400;
  const std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_EQ(due.size(), 6u) << "two of each";
  TakeAllDue(10 + kWaitUs);
  for (const Fetch& fetch : due) {
    EXPECT_TRUE(sync_->Take(fetch.from, AnswerTo(fetch.request), 15 + kWaitUs));
  }
  EXPECT_EQ(TakeFront().size(), 6u * kBlocksPerAnswerMax);
}

TEST_F(RangeSyncTest, AsksForHalfWhenAnswersDoNotComeInTime) {
  Find(400);
  executed_ = 400;
  uint64_t now_us = 10;
  for (const uint32_t count : {64u, 32u}) {
    const std::vector<Fetch> due = TakeAllDue(now_us);
    ASSERT_FALSE(due.empty());
    for (const Fetch& fetch : due) EXPECT_EQ(fetch.request.count, count);
    now_us = sync_->deadline_us();
  }
}

TEST_F(RangeSyncTest, WaitsLongerAfterATurnOfSilence) {
  Find(300);
  TakeAllDue(10);
  const std::vector<Fetch> again = TakeAllDue(10 + kWaitUs);
  ASSERT_EQ(again.size(), 1u) << "all are passed over, but somebody must be asked";
  EXPECT_EQ(sync_->deadline_us(), 10 + 2 * kWaitUs) << "when the others' turn comes again";
  TakeAllDue(10 + 2 * kWaitUs);
  EXPECT_EQ(sync_->deadline_us(), 10 + kWaitUs + kWaitUs * 3 / 2);
}

TEST_F(RangeSyncTest, DoesNotRunAheadOfExecution) {
  Find(400);
  uint64_t highest = 0;
  for (uint64_t now_us = 10; now_us < 30; ++now_us) {
    for (const Fetch& fetch : TakeAllDue(now_us)) {
      highest = std::max(highest, fetch.request.above_height.value + fetch.request.count);
      ASSERT_TRUE(sync_->Take(fetch.from, AnswerTo(fetch.request), now_us));
    }
    TakeFront();
  }
  EXPECT_EQ(highest, RangeSync::kAheadMax);
  executed_ = kBlocksPerAnswerMax - 1;
  EXPECT_TRUE(TakeAllDue(30).empty()) << "not a block at a time";
  executed_ = kBlocksPerAnswerMax;
  const std::vector<Fetch> due = TakeAllDue(31);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].request.above_height, Height{RangeSync::kAheadMax});
  EXPECT_EQ(due[0].request.count, kBlocksPerAnswerMax);
}

// The lowest range is silent while the others bring large blocks.
TEST_F(RangeSyncTest, KeepsABoundedNumberOfBytesThatWait) {
  ChainLimits limits;
  limits.block_bytes_max = 8 << 20;
  limits.transaction_bytes_max = 4 << 20;
  TestWorld world({1, 1, 1, 1}, limits, Signatures::kCheap);
  std::vector<BlockPtr> chain = {world.genesis_block()};
  for (uint64_t round = 1; round <= 20; ++round) {
    chain.push_back(
        world.Child(chain.back(), Round{round}, {.transactions = {std::string(4 << 20, 'x')}}));
  }
  sync_->Aim(world.QcFor(chain[20], {{0}, {1}, {2}}), *chain[0], 0);
  const auto probe = sync_->TakeDue({0}, connections_, 0);
  ASSERT_TRUE(probe.has_value());
  ASSERT_TRUE(sync_->Take(probe->from, {{chain[20]}, std::nullopt}, 0));
  const auto lowest = sync_->TakeDue({0}, connections_, 0);
  ASSERT_TRUE(lowest.has_value());
  const auto whole = [&](const BlockRequest& request) {
    return Blocks{{chain[request.above_height.value + 1]}, std::nullopt};
  };
  // Answers of one block each: requests are soon for one block each.
  ASSERT_TRUE(sync_->Take(lowest->from, whole(lowest->request), 0));
  size_t brought = 0;
  std::optional<Fetch> silent;
  for (uint64_t now_us = 1; now_us < kWaitUs; ++now_us) {
    while (const auto fetch = sync_->TakeDue({0}, connections_, now_us)) {
      if (!silent.has_value()) {
        silent = fetch;
        continue;
      }
      ASSERT_TRUE(sync_->Take(fetch->from, whole(fetch->request), now_us));
      ++brought;
    }
  }
  EXPECT_GE(brought * (4 << 20), RangeSync::kWaitingBytesMax / 2);
  EXPECT_LE(brought * (4 << 20), RangeSync::kWaitingBytesMax);
}

// A certified block that the chain left behind: all that a quorum signed, and of no use.
TEST_F(RangeSyncTest, DoubtsWhoeverLeadsOntoABranchAndAsksOthers) {
  std::vector<BlockPtr> branch(chain_.begin(), chain_.begin() + 64);
  branch.push_back(world_->Child(branch.back(), Round{1000}));
  Find(190);
  const std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_EQ(due.size(), 3u);
  Blocks onto_branch{{branch.begin() + 1, branch.end()}, QcOf(branch.back())};
  ASSERT_TRUE(sync_->Take(due[0].from, onto_branch, 20));
  EXPECT_EQ(TakeFront(), Heights(1, 64));
  ASSERT_TRUE(sync_->Take(due[1].from, AnswerTo(due[1].request), 21));
  EXPECT_TRUE(TakeFront().empty());
  EXPECT_EQ(root_, 62u) << "the branch is not committed";
  // Neither is asked again; the third is honest.
  std::vector<uint64_t> heights;
  ASSERT_TRUE(sync_->Take(due[2].from, AnswerTo(due[2].request), 22));
  for (uint64_t now_us = 23; now_us < 40; ++now_us) {
    for (const Fetch& fetch : TakeAllDue(now_us)) {
      EXPECT_EQ(fetch.from, due[2].from);
      ASSERT_TRUE(sync_->Take(fetch.from, AnswerTo(fetch.request), now_us));
    }
    for (const uint64_t height : TakeFront()) heights.push_back(height);
  }
  EXPECT_EQ(heights, Heights(63, 190));
}

TEST_F(RangeSyncTest, EndsAtTheVeryBlockThatIsCertified) {
  std::vector<BlockPtr> branch(chain_.begin(), chain_.begin() + 64);
  branch.push_back(world_->Child(branch.back(), Round{1000}));
  Find(64);
  const std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_EQ(due.size(), 1u);
  // The target itself waits already: what stands in its place elsewhere is of no use.
  ASSERT_TRUE(
      sync_->Take(due[0].from, {{branch.begin() + 1, branch.end()}, QcOf(branch.back())}, 20));
  EXPECT_EQ(TakeFront(), Heights(1, 64));
  EXPECT_FALSE(sync_->is_active());
}

TEST_F(RangeSyncTest, DoubtsWhoseBlockIsRefused) {
  Find(300);
  const std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_TRUE(sync_->Take(due[0].from, AnswerTo(due[0].request), 20));
  ASSERT_NE(sync_->Front(root()).block, nullptr);
  sync_->NoteRefused(root());
  EXPECT_EQ(sync_->Front(root()).block, nullptr);
  for (uint64_t now_us = 10 + kWaitUs; now_us < 20 * kWaitUs; now_us += kWaitUs) {
    for (const Fetch& fetch : TakeAllDue(now_us)) EXPECT_NE(fetch.from, due[0].from);
  }
}

TEST_F(RangeSyncTest, RestsWhenAllAreDoubted) {
  Find(300);
  for (uint64_t now_us = 10; now_us < 13; ++now_us) {
    for (const Fetch& fetch : TakeAllDue(now_us)) {
      sync_->Take(fetch.from, AnswerTo(fetch.request), now_us);
    }
    if (sync_->Front(root()).block != nullptr) sync_->NoteRefused(root());
  }
  EXPECT_FALSE(sync_->is_active());
  sync_->Aim(QcAt(300), root(), 13);
  EXPECT_FALSE(sync_->is_active());
  sync_->Aim(QcAt(300), root(), 13 + kWaitMaxUs);
  EXPECT_TRUE(sync_->is_active());
}

TEST_F(RangeSyncTest, RestsWhenNoSignerShowsTheTarget) {
  sync_->Aim(QcAt(300), root(), 0);
  std::set<ValidatorIndex> asked;
  for (uint64_t now_us = 0; now_us <= 3 * kWaitUs; now_us += kWaitUs) {
    for (const Fetch& fetch : TakeAllDue(now_us)) asked.insert(fetch.from);
  }
  EXPECT_EQ(asked.size(), 3u);
  EXPECT_FALSE(sync_->is_active());
  EXPECT_EQ(sync_->deadline_us(), UINT64_MAX);
  sync_->Aim(QcAt(300), root(), 3 * kWaitUs + kWaitMaxUs);
  EXPECT_TRUE(sync_->is_active());
}

TEST_F(RangeSyncTest, GoesOnToANewerTarget) {
  Find(100);
  EXPECT_FALSE(sync_->wants_target());
  std::vector<Fetch> due = TakeAllDue(10);
  ASSERT_EQ(due.size(), 2u);
  EXPECT_TRUE(sync_->wants_target()) << "all is asked for";
  sync_->Aim(QcAt(90), root(), 11);
  EXPECT_TRUE(TakeAllDue(11).empty()) << "an older one";
  sync_->Aim(QcAt(200), root(), 12);
  const std::vector<Fetch> probes = TakeAllDue(12);
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_EQ(sync_->target_height(), Height{100});
  ASSERT_TRUE(sync_->Take(probes[0].from, AnswerTo(probes[0].request), 13));
  EXPECT_EQ(sync_->target_height(), Height{200});
  EXPECT_EQ(TakeAllDue(13).size(), 1u);
  for (const Fetch& fetch : due) ASSERT_TRUE(sync_->Take(fetch.from, AnswerTo(fetch.request), 14));
  EXPECT_EQ(TakeFront(), Heights(1, 100));
  EXPECT_TRUE(sync_->is_active());
}

TEST_F(RangeSyncTest, EndsWhenTheBlocksCameByAnotherWay) {
  Find(100);
  TakeAllDue(10);
  root_ = 100;
  EXPECT_EQ(sync_->Front(root()).block, nullptr);
  EXPECT_FALSE(sync_->is_active());
}

// Silence, cut and late answers, branches, and a chain that goes on, at random: it comes to the end
// while one signer is honest, gives out each height in order, and always rests in between.
TEST_F(RangeSyncTest, ComesToTheEndWhateverTheOthersDo) {
  std::vector<BlockPtr> branch(chain_.begin(), chain_.begin() + 151);
  branch.push_back(world_->Child(branch.back(), Round{1000}));
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    sync_ = NewSync(4);
    root_ = executed_ = 0;
    struct UnderWay {
      uint64_t at_us;
      ValidatorIndex from;
      Blocks answer;
    };
    std::vector<UnderWay> under_way;
    uint64_t now_us = 0;
    for (; root_ + 2 < kTip && now_us < 200'000; ++now_us) {
      const uint64_t newest = std::min(kTip, 300 + now_us / 40);
      if (!sync_->is_active() || sync_->wants_target()) sync_->Aim(QcAt(newest), root(), now_us);
      for (const Fetch& fetch : TakeAllDue(now_us)) {
        const bool is_honest = fetch.from == ValidatorIndex{seed % 3};
        if (!is_honest && random() % 4 == 0) continue;
        const bool lies = !is_honest && random() % 4 == 0 && fetch.request.above_height.value < 151;
        Blocks answer = AnswerTo(fetch.request, 1 + random() % kBlocksPerAnswerMax);
        if (lies && fetch.request.above_height.value + fetch.request.count >= 151) {
          const auto first =
              branch.begin() + static_cast<ptrdiff_t>(fetch.request.above_height.value) + 1;
          answer = {{first, branch.end()}, QcOf(branch.back())};
        }
        under_way.push_back({now_us + 1 + random() % (is_honest ? 80 : 300), fetch.from, answer});
      }
      for (size_t i = 0; i < under_way.size();) {
        if (under_way[i].at_us > now_us) {
          ++i;
          continue;
        }
        sync_->Take(under_way[i].from, under_way[i].answer, now_us);
        under_way.erase(under_way.begin() + static_cast<ptrdiff_t>(i));
        TakeFront();
      }
      executed_ = std::min(root_, executed_ + random() % 3);
      if (now_us % 16 == 0)
        now_us = std::max(now_us, std::min(now_us + 8, sync_->deadline_us() - 1));
    }
    ASSERT_GE(root_ + 2, kTip) << "seed " << seed << " stays at " << root_;
  }
}

}  // namespace
}  // namespace kiln::consensus
