#include "node/mempool.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/merkle.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/duplicate_window.h"
#include "node/receipts.h"
#include "tests/node/test_blocks.h"

namespace kiln::node {
namespace {

using ::testing::ElementsAre;

constexpr MempoolCharge kPlenty = {.transactions = 1000, .bytes = 1 << 20};
constexpr ValidatorIndex kPeer = {2};

class MempoolTest : public ::testing::Test {
 protected:
  MempoolTest() {
    limits_.duplicate_window_blocks = 16;
    Reset(kPlenty);
  }
  void Reset(const MempoolCharge& each_peer_max) {
    pool_ = std::make_unique<Mempool>(limits_, each_peer_max, &budget_, Height{0});
  }
  size_t AddOwn(const TransactionBatch& batch) {
    EXPECT_TRUE(budget_.TryReserve(ChargeOf(*batch.index)));
    return pool_->Add(batch, std::nullopt);
  }
  std::vector<std::string> Build(uint64_t next_height,
                                 const std::vector<consensus::BlockPtr>& ancestors = {}) {
    const BuiltPayload built = pool_->BuildPayload({next_height}, ancestors);
    return PayloadsOf(*built.payload, *built.index);
  }

  ChainLimits limits_;
  MempoolBudget budget_{kPlenty};
  std::unique_ptr<Mempool> pool_;
};

TEST_F(MempoolTest, BuildsOldestFirst) {
  AddOwn(BatchOf({{"a"}, {"b"}}));
  pool_->Add(BatchOf({{"c"}}), kPeer);
  AddOwn(BatchOf({{"d"}}));
  EXPECT_EQ(pool_->waiting(), 4u);
  EXPECT_THAT(Build(1), ElementsAre("a", "b", "c", "d"));
}

TEST_F(MempoolTest, BuildsWhatIndexingWouldCompute) {
  pool_->Add(BatchOf({{"a"}, {"long enough to be no accident"}, {"b", 10, "key"}}), kPeer);
  const BuiltPayload built = pool_->BuildPayload({1}, {});
  const auto index = consensus::IndexPayload(*built.payload, limits_);
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ((*index)->root, built.index->root);
  ASSERT_EQ((*index)->entries.size(), built.index->entries.size());
  for (size_t i = 0; i < built.index->entries.size(); ++i) {
    EXPECT_EQ((*index)->entries[i].offset, built.index->entries[i].offset);
    EXPECT_EQ((*index)->entries[i].length, built.index->entries[i].length);
    EXPECT_EQ((*index)->entries[i].id, built.index->entries[i].id);
    EXPECT_EQ((*index)->entries[i].leaf, built.index->entries[i].leaf);
  }
}

TEST_F(MempoolTest, BuildsTheEmptyPayloadWhenNothingWaits) {
  const BuiltPayload built = pool_->BuildPayload({1}, {});
  EXPECT_EQ(built.payload, consensus::EmptyPayload());
  EXPECT_EQ(built.index->root, consensus::EmptyPayloadIndex()->root);
}

TEST_F(MempoolTest, KeepsToTheBlockLimits) {
  limits_.block_transactions_max = 2;
  Reset(kPlenty);
  pool_->Add(BatchOf({{"a"}, {"b"}, {"c"}}), kPeer);
  EXPECT_THAT(Build(1), ElementsAre("a", "b"));

  limits_.block_transactions_max = 100;
  const TransactionBatch two = BatchOf({{"a"}, {"b"}});
  limits_.block_bytes_max = two.bytes->size();
  Reset(kPlenty);
  pool_->Add(BatchOf({{"a"}, {"b"}, {"c"}}), kPeer);
  EXPECT_THAT(Build(1), ElementsAre("a", "b"));
  limits_.block_bytes_max = two.bytes->size() - 1;
  Reset(kPlenty);
  pool_->Add(BatchOf({{"a"}, {"b"}, {"c"}}), kPeer);
  EXPECT_THAT(Build(1), ElementsAre("a"));
}

TEST_F(MempoolTest, TakesAnIdOnce) {
  EXPECT_EQ(AddOwn(BatchOf({{"a"}, {"a"}, {"a", 11}})), 1u);
  EXPECT_EQ(pool_->Add(BatchOf({{"a"}, {"a", 10, "other key"}}), kPeer), 1u);
  EXPECT_EQ(pool_->total().transactions, 2u);
  EXPECT_EQ(budget_.used().transactions, 1u);
}

TEST_F(MempoolTest, LeavesOutWhatTheBatchSays) {
  TransactionBatch batch = BatchOf({{"a"}, {"b"}, {"c"}});
  batch.left_out = {0, 2};
  EXPECT_EQ(AddOwn(batch), 1u);
  EXPECT_THAT(Build(1), ElementsAre("b"));
  EXPECT_EQ(budget_.used(), ChargeOf(*BatchOf({{"b"}}).index));
}

TEST_F(MempoolTest, LeavesOutWhatAncestorsHold) {
  pool_->Add(BatchOf({{"a"}, {"b"}, {"c"}}), kPeer);
  const consensus::BlockPtr one = BlockAtHeight(1, {{"b"}});
  const consensus::BlockPtr two = BlockAtHeight(2, {{"c"}, {"d"}});
  EXPECT_THAT(Build(3, {one, two}), ElementsAre("a"));
  EXPECT_EQ(pool_->waiting(), 1u);
  pool_->Add(BatchOf({{"d"}}), kPeer);
  EXPECT_EQ(pool_->waiting(), 1u) << "an ancestor holds it already";
  EXPECT_THAT(Build(2, {one}), ElementsAre("a", "c", "d")) << "the second block lost";
}

TEST_F(MempoolTest, ForgetsWhatIsCommittedAndDoesNotTakeItAgain) {
  AddOwn(BatchOf({{"a"}, {"b"}}));
  pool_->Remove(BlockAtHeight(1, {{"a"}, {"c"}}));
  EXPECT_EQ(pool_->waiting(), 1u);
  EXPECT_EQ(budget_.used().transactions, 1u);
  EXPECT_EQ(pool_->Add(BatchOf({{"a"}, {"c"}}), kPeer), 0u);
}

TEST_F(MempoolTest, TakesAnIdAgainAfterTheRememberedBlocks) {
  pool_->Remove(BlockAtHeight(1, {{"a", 1}}));
  for (uint64_t height = 2; height <= Mempool::kCommittedBlocksRemembered; ++height) {
    pool_->Remove(BlockAtHeight(height, {}));
  }
  EXPECT_EQ(pool_->Add(BatchOf({{"a", 70}}), kPeer), 0u);
  pool_->Remove(BlockAtHeight(Mempool::kCommittedBlocksRemembered + 1, {}));
  EXPECT_EQ(pool_->Add(BatchOf({{"a", 70}}), kPeer), 1u);
}

TEST_F(MempoolTest, KeepsATransactionWhoseEnvelopeSomebodyMadeExpire) {
  pool_->Remove(BlockAtHeight(1, {}));
  AddOwn(BatchOf({{"a", 10}}));
  pool_->Remove(BlockAtHeight(2, {{"a", 1}}));
  EXPECT_THAT(Build(3), ElementsAre("a"));
  const consensus::BlockPtr expired_again = BlockAtHeight(3, {{"a", 2}});
  EXPECT_THAT(Build(4, {expired_again}), ElementsAre("a"));
}

TEST_F(MempoolTest, DropsWhatExpiredAndNamesOwnClientsIds) {
  const TestTransaction mine{"a", 1};
  AddOwn(BatchOf({mine, {"b", 2}}));
  pool_->Add(BatchOf({{"c", 1}}), kPeer);
  pool_->Remove(BlockAtHeight(1, {}));
  const BuiltPayload built = pool_->BuildPayload({2}, {});
  EXPECT_THAT(built.expired, ElementsAre(mine.id()));
  EXPECT_THAT(PayloadsOf(*built.payload, *built.index), ElementsAre("b"));
  EXPECT_EQ(pool_->total().transactions, 1u);
  pool_->Remove(BlockAtHeight(2, {}));
  EXPECT_THAT(pool_->DropExpired(), ElementsAre(TestTransaction{"b"}.id()));
  EXPECT_EQ(pool_->total(), MempoolCharge{});
  EXPECT_EQ(budget_.used(), MempoolCharge{});
}

TEST_F(MempoolTest, KeepsWhatIsTooEarlyForItsTime) {
  pool_->Add(BatchOf({{"a", 18}, {"b", 5}}), kPeer);
  EXPECT_THAT(Build(1), ElementsAre("b")) << "18 is more than a window above 1";
  EXPECT_THAT(Build(2), ElementsAre("a", "b"));
}

TEST_F(MempoolTest, RefusesLastHeightsOutOfRange) {
  pool_->Remove(BlockAtHeight(4, {}));
  EXPECT_EQ(pool_->Add(BatchOf({{"a", 4}, {"b", 5 + 2 * 16 + 1}, {"c", UINT64_MAX}}), kPeer), 0u);
  EXPECT_EQ(pool_->Add(BatchOf({{"a", 5}, {"b", 5 + 2 * 16}}), kPeer), 2u);
}

TEST_F(MempoolTest, GivesEachPeerItsShareAndNoMore) {
  Reset({.transactions = 2, .bytes = 1 << 20});
  EXPECT_EQ(pool_->Add(BatchOf({{"a"}, {"b"}, {"c"}}), kPeer), 2u);
  EXPECT_EQ(pool_->Add(BatchOf({{"c"}}), ValidatorIndex{3}), 1u) << "another peer's room";
  EXPECT_EQ(AddOwn(BatchOf({{"d"}, {"e"}, {"f"}})), 3u);
  pool_->Remove(BlockAtHeight(1, {{"a"}}));
  EXPECT_EQ(pool_->Add(BatchOf({{"g"}, {"h"}}), kPeer), 1u);

  const MempoolCharge one = ChargeOf(*BatchOf({{"a"}}).index);
  Reset({.transactions = 10, .bytes = 2 * one.bytes});
  EXPECT_EQ(pool_->Add(BatchOf({{"a"}, {"bb"}, {"c"}}), kPeer), 2u);
  EXPECT_EQ(pool_->ChargeOfOrigin(kPeer).bytes, 2 * one.bytes);
}

TEST_F(MempoolTest, MakesAPeersTransactionTheOwnClientsWhenTheySendItToo) {
  const TestTransaction soon{"a", 1};
  pool_->Add(BatchOf({soon, {"b"}}), kPeer);
  EXPECT_EQ(AddOwn(BatchOf({{"a", 10}})), 1u);
  EXPECT_EQ(pool_->total().transactions, 2u);
  EXPECT_EQ(pool_->ChargeOfOrigin(kPeer).transactions, 1u);
  EXPECT_EQ(budget_.used().transactions, 1u);
  pool_->Remove(BlockAtHeight(1, {}));
  EXPECT_THAT(Build(2), ElementsAre("a", "b")) << "with the own client's last height, in its place";
}

TEST_F(MempoolTest, DoesNotKeepALargeBatchForAFewTransactions) {
  pool_->Add(BatchOf({{std::string(1000, 'x')}}), kPeer);
  TransactionBatch batch = BatchOf({{std::string(1000, 'x')}, {"a"}, {"b"}});
  const std::weak_ptr<const std::string> bytes = batch.bytes;
  EXPECT_EQ(pool_->Add(batch, kPeer), 2u);
  batch = {};
  EXPECT_TRUE(bytes.expired());
  EXPECT_THAT(Build(1), ElementsAre(std::string(1000, 'x'), "a", "b"));
}

TEST(MempoolBudget, RefusesWhatDoesNotFitAndTakesNothing) {
  MempoolBudget budget({.transactions = 3, .bytes = 100});
  EXPECT_TRUE(budget.TryReserve({.transactions = 2, .bytes = 60}));
  EXPECT_FALSE(budget.TryReserve({.transactions = 2, .bytes = 10}));
  EXPECT_FALSE(budget.TryReserve({.transactions = 1, .bytes = 41}));
  EXPECT_EQ(budget.used(), (MempoolCharge{.transactions = 2, .bytes = 60}));
  EXPECT_TRUE(budget.TryReserve({.transactions = 1, .bytes = 40}));
  budget.Release({.transactions = 3, .bytes = 100});
  EXPECT_EQ(budget.used(), MempoolCharge{});
}

TEST(MempoolShares, NeverAddUpToMoreThanTheWhole) {
  const MempoolCharge total = {.transactions = 1001, .bytes = 77777};
  for (size_t validators = 1; validators <= 1024; ++validators) {
    const MempoolShares shares = MempoolShares::Divide(total, validators);
    EXPECT_LE(shares.own.transactions + (validators - 1) * shares.each_peer.transactions, 1001u);
    EXPECT_LE(shares.own.bytes + (validators - 1) * shares.each_peer.bytes, 77777u);
  }
}

// The pool as a list, with no thought for speed.
class ListPool {
 public:
  struct Item {
    TestTransaction transaction;
    std::optional<ValidatorIndex> origin;
    uint64_t bytes() const { return ChargeOf(*BatchOf({transaction}).index).bytes; }
  };

  ListPool(const ChainLimits& limits, const MempoolCharge& each_peer_max)
      : limits_(limits), each_peer_max_(each_peer_max) {}

  void Add(const std::vector<TestTransaction>& batch, std::optional<ValidatorIndex> origin) {
    for (const TestTransaction& transaction : batch) AddOne({transaction, origin});
  }
  std::vector<TestTransaction> Build(uint64_t next_height,
                                     const std::vector<consensus::BlockPtr>& ancestors) {
    ancestors_ = ancestors;
    std::vector<TestTransaction> built;
    uint64_t bytes = consensus::kPayloadHeaderBytes;
    for (size_t i = 0; i < items_.size();) {
      const Item& item = items_[i];
      const bool ordered = IsInAncestor(item.transaction.id());
      if (!ordered && item.transaction.last_height <= committed_) {
        items_.erase(items_.begin() + static_cast<ptrdiff_t>(i));
        continue;
      }
      ++i;
      if (ordered || !MayExecute(next_height, item.transaction.last_height)) continue;
      bytes += item.bytes();
      if (bytes > limits_.block_bytes_max) break;
      built.push_back(item.transaction);
      if (built.size() == limits_.block_transactions_max) break;
    }
    return built;
  }
  void Remove(const consensus::BlockPtr& block) {
    committed_ = block->header.height.value;
    remembered_.push_back(ExecutableIds(*block));
    if (remembered_.size() > Mempool::kCommittedBlocksRemembered) {
      remembered_.erase(remembered_.begin());
    }
    for (const Hash& id : remembered_.back()) {
      items_.erase(std::remove_if(items_.begin(), items_.end(),
                                  [&](const Item& item) { return item.transaction.id() == id; }),
                   items_.end());
    }
  }
  size_t waiting() const {
    return static_cast<size_t>(std::count_if(items_.begin(), items_.end(), [&](const Item& item) {
      return !IsInAncestor(item.transaction.id());
    }));
  }
  MempoolCharge ChargeOfOrigin(std::optional<ValidatorIndex> origin) const {
    MempoolCharge charge;
    for (const Item& item : items_) {
      if (item.origin == origin) charge += {.transactions = 1, .bytes = item.bytes()};
    }
    return charge;
  }

 private:
  bool MayExecute(uint64_t height, uint64_t last_height) const {
    return MayExecuteAt({height}, last_height, limits_.duplicate_window_blocks);
  }
  std::set<Hash> ExecutableIds(const consensus::Block& block) const {
    std::set<Hash> ids;
    for (size_t i = 0; i < block.index->entries.size(); ++i) {
      const auto envelope =
          consensus::DecodeEnvelope(block.index->EnvelopeAt(*block.payload, i), limits_);
      if (MayExecute(block.header.height.value, envelope->last_height)) {
        ids.insert(block.index->entries[i].id);
      }
    }
    return ids;
  }
  bool IsInAncestor(const Hash& id) const {
    return std::any_of(ancestors_.begin(), ancestors_.end(), [&](const consensus::BlockPtr& block) {
      return block->header.height.value > committed_ && ExecutableIds(*block).count(id) > 0;
    });
  }
  void AddOne(const Item& item) {
    const uint64_t last = item.transaction.last_height;
    if (last <= committed_ || last > committed_ + 1 + 2 * limits_.duplicate_window_blocks) return;
    MempoolCharge after = ChargeOfOrigin(item.origin);
    after += {.transactions = 1, .bytes = item.bytes()};
    if (item.origin.has_value() && !after.FitsIn(each_peer_max_)) return;
    const Hash id = item.transaction.id();
    for (const std::set<Hash>& ids : remembered_) {
      if (ids.count(id) > 0) return;
    }
    for (Item& known : items_) {
      if (known.transaction.id() != id) continue;
      if (known.origin.has_value() && !item.origin.has_value()) known = item;
      return;
    }
    items_.push_back(item);
  }

  const ChainLimits limits_;
  const MempoolCharge each_peer_max_;
  uint64_t committed_ = 0;
  std::vector<Item> items_;
  std::vector<consensus::BlockPtr> ancestors_;
  std::vector<std::set<Hash>> remembered_;
};

// Blocks of random transactions: some ours, some never seen, some with a last height in the past.
class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  std::vector<TestTransaction> Transactions(uint64_t height) {
    std::vector<TestTransaction> transactions(Below(6));
    for (TestTransaction& transaction : transactions) {
      transaction.payload = std::string(1 + Below(3), static_cast<char>('a' + Below(26)));
      transaction.last_height = height + Below(60) - std::min<uint64_t>(height, Below(6));
    }
    return transactions;
  }

 private:
  std::mt19937_64 random_;
};

TEST(Mempool, AgreesWithAListOverRandomRuns) {
  ChainLimits limits;
  limits.duplicate_window_blocks = 16;
  limits.block_transactions_max = 12;
  limits.block_bytes_max = 150;
  const MempoolCharge share = {.transactions = 8, .bytes = 130};
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomWorld world(seed);
    MempoolBudget budget(kPlenty);
    Mempool pool(limits, share, &budget, {0});
    ListPool twin(limits, share);
    std::vector<consensus::BlockPtr> uncommitted;
    uint64_t committed = 0;
    for (int step = 0; step < 400; ++step) {
      const uint64_t tip = committed + uncommitted.size();
      switch (world.Below(6)) {
        case 0: {  // a block on the tip
          uncommitted.push_back(
              BlockAtHeight(tip + 1, world.Transactions(tip), 1000 + static_cast<uint64_t>(step)));
          break;
        }
        case 1: {  // commit the oldest, or see its fork win
          if (uncommitted.empty()) break;
          consensus::BlockPtr block = uncommitted[0];
          uncommitted.erase(uncommitted.begin());
          if (world.Below(4) == 0) {
            block = BlockAtHeight(committed + 1, world.Transactions(committed));
            uncommitted.clear();
          }
          ++committed;
          pool.Remove(block);
          twin.Remove(block);
          break;
        }
        case 2: {
          const BuiltPayload built = pool.BuildPayload({tip + 1}, uncommitted);
          const std::vector<TestTransaction> expected = twin.Build(tip + 1, uncommitted);
          ASSERT_EQ(built.index->entries.size(), expected.size());
          for (size_t i = 0; i < expected.size(); ++i) {
            ASSERT_EQ(built.index->entries[i].id, expected[i].id());
          }
          ASSERT_EQ(*built.payload, *BatchOf(expected).bytes);
          ASSERT_EQ(built.index->root, BatchOf(expected).index->root);
          break;
        }
        default: {
          const std::vector<TestTransaction> transactions = world.Transactions(committed);
          const uint64_t peer = world.Below(4);
          std::optional<ValidatorIndex> origin;
          if (peer > 0) origin = ValidatorIndex{static_cast<uint32_t>(peer)};
          const TransactionBatch batch = BatchOf(transactions);
          ASSERT_TRUE(peer > 0 || budget.TryReserve(ChargeOf(*batch.index)));
          pool.Add(batch, origin);
          twin.Add(transactions, origin);
        }
      }
      ASSERT_EQ(pool.waiting(), twin.waiting());
      MempoolCharge total;
      for (uint32_t peer = 1; peer < 4; ++peer) {
        ASSERT_EQ(pool.ChargeOfOrigin(ValidatorIndex{peer}),
                  twin.ChargeOfOrigin(ValidatorIndex{peer}));
        total += twin.ChargeOfOrigin(ValidatorIndex{peer});
      }
      total += twin.ChargeOfOrigin(std::nullopt);
      ASSERT_EQ(pool.total(), total);
      ASSERT_EQ(budget.used(), twin.ChargeOfOrigin(std::nullopt));
    }
  }
}

}  // namespace
}  // namespace kiln::node
