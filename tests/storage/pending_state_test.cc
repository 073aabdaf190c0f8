#include "storage/pending_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace kiln::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// What is below, in a map.
class MapView final : public StateView {
 public:
  explicit MapView(std::map<std::string, std::string> entries) : entries_(std::move(entries)) {}

  absl::StatusOr<std::string> Get(absl::string_view key) const override {
    const auto entry = entries_.find(std::string(key));
    if (entry == entries_.end()) return absl::NotFoundError("no such key");
    return entry->second;
  }
  absl::StatusOr<PendingState::Entries> Scan(absl::string_view from,
                                             size_t count_max) const override {
    PendingState::Entries found;
    for (auto entry = entries_.lower_bound(std::string(from));
         entry != entries_.end() && found.size() < count_max; ++entry) {
      found.emplace_back(*entry);
    }
    return found;
  }

 private:
  const std::map<std::string, std::string> entries_;
};

PendingState::Entries AllOf(const PendingState& pending, uint64_t height) {
  return pending.Scan("", /*count_max=*/1000, {height}).value();
}

TEST(PendingState, ShowsEachHeightWhatBlocksUpToItWrote) {
  PendingState pending(std::make_shared<MapView>(std::map<std::string, std::string>{{"b", "0"}}));
  pending.Apply({1}, {{"a", "1"}, {"b", "1"}});
  pending.Apply({2}, {{"a", std::nullopt}, {"c", "2"}});
  pending.Apply({3}, {{"a", "3"}});
  EXPECT_EQ(pending.Get("b", {0}).value(), "0");
  EXPECT_TRUE(absl::IsNotFound(pending.Get("a", {0}).status()));
  EXPECT_EQ(pending.Get("a", {1}).value(), "1");
  EXPECT_TRUE(absl::IsNotFound(pending.Get("a", {2}).status()));
  EXPECT_EQ(pending.Get("a", {3}).value(), "3");
  EXPECT_THAT(AllOf(pending, 0), ElementsAre(Pair("b", "0")));
  EXPECT_THAT(AllOf(pending, 1), ElementsAre(Pair("a", "1"), Pair("b", "1")));
  EXPECT_THAT(AllOf(pending, 2), ElementsAre(Pair("b", "1"), Pair("c", "2")));
  EXPECT_THAT(AllOf(pending, 3), ElementsAre(Pair("a", "3"), Pair("b", "1"), Pair("c", "2")));
}

// Against a map, for every start and count: writes, deletions and what is below in all orders.
TEST(PendingState, ScansAsOneMapWould) {
  std::map<std::string, std::string> model;
  for (int i = 0; i < 60; i += 2) model[absl::StrCat("k", 100 + i)] = "below";
  PendingState pending(std::make_shared<MapView>(model));
  std::vector<StateWrite> writes;
  for (int i = 0; i < 60; i += 3) {
    const std::string key = absl::StrCat("k", 100 + i);
    if (i % 4 == 0) {
      writes.push_back({key, std::nullopt});
      model.erase(key);
    } else {
      writes.push_back({key, "above"});
      model[key] = "above";
    }
  }
  pending.Apply({1}, writes);
  pending.Apply({2}, {{"k101", "later"}, {"k102", "later"}});  // which height 1 does not see
  const MapView expected(model);
  for (int from = 99; from < 162; ++from) {
    for (const size_t count : {0, 1, 2, 5, 17, 100}) {
      const std::string start = absl::StrCat("k", from);
      EXPECT_EQ(pending.Scan(start, count, {1}).value(), expected.Scan(start, count).value())
          << start << ", " << count;
    }
  }
}

TEST(PendingState, HandsOutTheNewestValueOfEachKeyInOrder) {
  PendingState pending(std::make_shared<MapView>(std::map<std::string, std::string>()));
  pending.Apply({1}, {{"b", "1"}, {"a", "1"}});
  pending.Apply({2}, {{"b", std::nullopt}});
  std::vector<std::string> seen;
  pending.ForEach([&](absl::string_view key, const std::string* value) {
    seen.push_back(absl::StrCat(key, "=", value == nullptr ? "deleted" : *value));
  });
  EXPECT_THAT(seen, ElementsAre("a=1", "b=deleted"));
  EXPECT_EQ(pending.blocks(), 2u);
  EXPECT_GT(pending.bytes(), 0u);
}

}  // namespace
}  // namespace kiln::storage
