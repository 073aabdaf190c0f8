#include "node/duplicate_window.h"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/id_table.h"
#include "tests/node/memory_store.h"
#include "tests/node/test_blocks.h"

namespace kiln::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

storage::TransactionIdPrefix Id(uint32_t number) {
  return PrefixOf(crypto::HashBytes("test", absl::StrCat(number)));
}

TEST(MayExecuteAt, AllowsTheLastHeightAndAWindowBelowIt) {
  EXPECT_TRUE(MayExecuteAt({20}, 20, 16));
  EXPECT_TRUE(MayExecuteAt({4}, 20, 16));
  EXPECT_FALSE(MayExecuteAt({21}, 20, 16));
  EXPECT_FALSE(MayExecuteAt({3}, 20, 16));
  EXPECT_FALSE(MayExecuteAt({1}, UINT64_MAX, 16));
  EXPECT_TRUE(MayExecuteAt({UINT64_MAX}, UINT64_MAX, 16));
}

TEST(IdTable, AgreesWithAList) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    IdTable table;
    std::deque<uint32_t> twin;
    const auto holds = [&twin](uint32_t number) {
      return std::find(twin.begin(), twin.end(), number) != twin.end();
    };
    for (int step = 0; step < 6000; ++step) {
      const uint32_t number = random() % 4000;
      if (random() % 100 < 2) {
        const size_t count = random() % (twin.size() / 8 + 1);
        table.RemoveOldest(count);
        twin.erase(twin.begin(), twin.begin() + static_cast<ptrdiff_t>(count));
      }
      ASSERT_EQ(table.Contains(Id(number)), holds(number));
      const auto place = std::find(twin.begin(), twin.end(), number);
      ASSERT_EQ(table.OrderOf(Id(number)),
                place == twin.end() ? std::nullopt : std::optional<size_t>(place - twin.begin()));
      const bool is_new = !holds(number);
      ASSERT_EQ(table.Insert(Id(number)), is_new);
      if (is_new) twin.push_back(number);
      ASSERT_EQ(table.size(), twin.size());
    }
    for (uint32_t number = 0; number < 4000; ++number) {
      ASSERT_EQ(table.Contains(Id(number)), holds(number));
    }
  }
}

TEST(DuplicateWindow, ForgetsAnIdAfterTheWindowAndNotBefore) {
  DuplicateWindow window(16);
  const TransactionBatch batch = BatchOf({{"a"}, {"b"}});
  window.Add({1}, {PrefixOf(batch.index->entries[1].id)});
  for (uint64_t height = 2; height <= 16; ++height) {
    EXPECT_THAT(window.FindExecuted(*batch.index), ElementsAre(1)) << height;
    window.Add({height}, {});
  }
  EXPECT_THAT(window.FindExecuted(*batch.index), ElementsAre(1)) << "before height 17";
  window.Add({17}, {});
  EXPECT_THAT(window.FindExecuted(*batch.index), IsEmpty());
  EXPECT_EQ(window.size(), 0u);
}

TEST(DuplicateWindow, KnowsTheHeightOfEachId) {
  DuplicateWindow window(3);
  std::vector<Hash> ids;
  for (uint32_t i = 0; i < 40; ++i) ids.push_back(crypto::HashBytes("test", absl::StrCat(i)));
  std::vector<uint64_t> height_of(ids.size(), 0);
  uint32_t next = 0;
  for (uint64_t height = 1; height <= 12; ++height) {
    std::vector<storage::TransactionIdPrefix> executed;
    for (uint64_t i = 0; i < height % 4; ++i) {
      height_of[next] = height;
      executed.push_back(PrefixOf(ids[next++]));
    }
    window.Add({height}, executed);
    for (uint32_t i = 0; i < ids.size(); ++i) {
      const bool is_in = height_of[i] != 0 && height_of[i] + 3 > height;
      EXPECT_EQ(window.HeightOf(ids[i]),
                is_in ? std::optional<Height>(Height{height_of[i]}) : std::nullopt)
          << "id " << i << " after height " << height;
    }
  }
}

TEST(DuplicateWindow, IsTheSameAfterARestart) {
  const Genesis genesis = SmallGenesis();
  storage::MemoryStore store(genesis);
  DuplicateWindow window(16);
  std::mt19937_64 random(7);
  for (uint64_t height = 1; height <= 40; ++height) {
    storage::BlockResults results;
    std::vector<storage::TransactionIdPrefix> executed;
    results.state.height = {height};
    for (uint32_t i = 0; i < random() % 5; ++i) {
      results.ids.push_back(Id(static_cast<uint32_t>(height) * 10 + i));
      const bool is_executed = random() % 3 != 0;
      results.replies.push_back({is_executed ? Reply::kRefused : Reply::kExpired, ""});
      if (is_executed) executed.push_back(results.ids.back());
    }
    ASSERT_TRUE(store.ApplyBlock({}, results).ok());
    window.Add({height}, executed);

    DuplicateWindow restored(16);
    ASSERT_TRUE(restored.Restore(store).ok());
    ASSERT_EQ(restored.height(), window.height());
    ASSERT_EQ(restored.size(), window.size());
  }
}

TEST(DuplicateWindow, RefusesStoredResultsThatExecuteATransactionTwice) {
  storage::MemoryStore store(SmallGenesis());
  for (uint64_t height = 1; height <= 2; ++height) {
    storage::BlockResults results;
    results.state.height = {height};
    results.ids = {Id(1)};
    results.replies = {Reply::Ok()};
    ASSERT_TRUE(store.ApplyBlock({}, results).ok());
  }
  DuplicateWindow window(16);
  EXPECT_EQ(window.Restore(store).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kiln::node
