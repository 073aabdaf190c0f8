#include "tools/kv_application.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace kiln::tools {
namespace {

class MapState final : public State {
 public:
  absl::StatusOr<std::string> Get(absl::string_view key) const override {
    const auto found = entries.find(std::string(key));
    if (found == entries.end()) return absl::NotFoundError("absent");
    return found->second;
  }
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(
      absl::string_view from, size_t count_max) const override {
    std::vector<std::pair<std::string, std::string>> found;
    for (auto it = entries.lower_bound(std::string(from));
         it != entries.end() && found.size() < count_max; ++it) {
      found.emplace_back(*it);
    }
    return found;
  }
  void Put(absl::string_view key, absl::string_view value) override {
    entries[std::string(key)] = std::string(value);
  }
  void Delete(absl::string_view key) override { entries.erase(std::string(key)); }

  std::map<std::string, std::string> entries;
};

std::vector<Reply> Execute(State& state, const std::vector<std::string>& transactions) {
  const std::vector<absl::string_view> views(transactions.begin(), transactions.end());
  KvApplication application;
  return application.Execute({.height = 1, .time = {}, .transactions = views}, state)->replies;
}

TEST(KvApplication, PutsReadsAndDeletes) {
  MapState state;
  const KvApplication application;
  EXPECT_TRUE(Execute(state, {EncodeKvPut("color", "blue")})[0].ok());
  EXPECT_EQ(*application.Query(state, "color"), "blue");
  EXPECT_TRUE(Execute(state, {EncodeKvPut("color", "red"), EncodeKvDelete("color"),
                              EncodeKvDelete("color")})[2]
                  .ok());
  EXPECT_EQ(application.Query(state, "color").status().code(), absl::StatusCode::kNotFound);
}

TEST(KvApplication, IsSafeForAnyBytes) {
  const std::string key("\0=P\xff\n", 5);
  const std::string value("\0\0=", 3);
  MapState state;
  EXPECT_TRUE(Execute(state, {EncodeKvPut(key, value), EncodeKvPut("empty", "")})[1].ok());
  EXPECT_EQ(state.entries[key], value);
  EXPECT_EQ(state.entries["empty"], "");
}

TEST(KvApplication, TakesKeysUpToTheLimit) {
  const std::string longest(kKvKeyBytesMax, 'k');
  MapState state;
  EXPECT_TRUE(Execute(state, {EncodeKvPut(longest, "v")})[0].ok());
  EXPECT_EQ(state.entries[longest], "v");
  EXPECT_EQ(Execute(state, {EncodeKvPut(longest + "k", "v")})[0].bytes,
            "the key has 4097 bytes, at most 4096 are allowed");
}

TEST(KvApplication, RefusesMalformedTransactionsAndExecutesTheOthers) {
  MapState state;
  const std::vector<Reply> replies =
      Execute(state, {"", "X", "P", std::string("P\0\x05key", 6), "D", EncodeKvPut("a", "1")});
  ASSERT_EQ(replies.size(), 6U);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(replies[i].code, Reply::kRefused) << i;
  EXPECT_EQ(replies[3].bytes, "kv put: the key is longer than the transaction");
  EXPECT_TRUE(replies[5].ok());
  EXPECT_EQ(state.entries.size(), 1U);
}

TEST(KvApplication, ChecksTransactionsAsItExecutesThem) {
  const MapState state;
  const KvApplication application;
  EXPECT_TRUE(application.Check(state, EncodeKvPut("a", "1")).ok());
  EXPECT_EQ(application.Check(state, "X").message(),
            "kv: a transaction starts with 'P' (put) or 'D' (delete)");
}

TEST(KvOperation, DecodesWhatWasEncoded) {
  const std::string put = EncodeKvPut("key", "value");
  const absl::StatusOr<KvOperation> decoded = DecodeKvOperation(put);
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(decoded->is_put);
  EXPECT_EQ(decoded->key, "key");
  EXPECT_EQ(decoded->value, "value");
  const std::string removal = EncodeKvDelete("key");
  EXPECT_FALSE(DecodeKvOperation(removal)->is_put);
  EXPECT_EQ(DecodeKvOperation(removal)->key, "key");
}

}  // namespace
}  // namespace kiln::tools
