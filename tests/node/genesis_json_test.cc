#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "crypto/ed25519.h"
#include "kiln/genesis.h"
#include "tests/node/temp_dir.h"

namespace kiln {
namespace {

using node::TempDir;
using node::WriteText;

std::array<uint8_t, 32> PublicKey(uint8_t number) {
  crypto::Seed seed{};
  seed.fill(number);
  return crypto::SecretKey::FromSeed(seed).public_key();
}

Genesis Sample() {
  Genesis genesis{.chain_name = "sample", .time_us = 1'700'000'000'000'001, .validators = {}};
  for (uint8_t i = 0; i < 4; ++i) {
    genesis.validators.push_back({.name = absl::StrCat("validator-", i),
                                  .consensus_key = PublicKey(static_cast<uint8_t>(2 * i + 1)),
                                  .node_key = PublicKey(static_cast<uint8_t>(2 * i + 2)),
                                  .power = i + 1U});
  }
  return genesis;
}

// The sample's text with `from`, which must be in it, replaced by `to`.
std::string Edited(const std::string& from, const std::string& to) {
  const std::string text = Sample().ToJson();
  EXPECT_NE(text.find(from), std::string::npos) << from << " is not in " << text;
  return absl::StrReplaceAll(text, {{from, to}});
}

std::string Refusal(const std::string& text) {
  const absl::StatusOr<Genesis> genesis = Genesis::FromJson(text);
  EXPECT_FALSE(genesis.ok());
  return std::string(genesis.status().message());
}

TEST(GenesisJson, ReadsBackWhatItWrote) {
  Genesis genesis = Sample();
  genesis.limits = {.block_bytes_max = 70000,
                    .transaction_bytes_max = 35000,
                    .block_transactions_max = 65536,
                    .duplicate_window_blocks = 16,
                    .execution_lag_max = 64,
                    .clock_skew_max_ms = 100,
                    .snapshot_interval_blocks = 16};
  const absl::StatusOr<Genesis> read = Genesis::FromJson(genesis.ToJson());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToJson(), genesis.ToJson());
  EXPECT_EQ(read->ChainId(), genesis.ChainId());
}

TEST(GenesisJson, GivesLimitsLeftOutTheirDefaults) {
  std::string text = Sample().ToJson();
  const size_t start = text.find("\"limits\"");
  text.erase(start, text.find("\"validators\"") - start);
  const absl::StatusOr<Genesis> read = Genesis::FromJson(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ChainId(), Sample().ChainId());
}

TEST(GenesisJson, SuggestsTheKeyThatWasMeant) {
  EXPECT_EQ(Refusal(Edited("\"validators\"", "\"validatrs\"")),
            "unknown key \"validatrs\" (did you mean \"validators\"?)");
  EXPECT_EQ(Refusal(Edited("\"node_key\"", "\"nodekey\"")),
            "validators[0]: unknown key \"nodekey\" (did you mean \"node_key\"?)");
  EXPECT_EQ(Refusal(Edited("\"execution_lag_max\"", "\"execution_lag\"")),
            "limits: unknown key \"execution_lag\" (did you mean \"execution_lag_max\"?)");
}

TEST(GenesisJson, ListsTheKeysWhenNoneIsNear) {
  EXPECT_EQ(Refusal(Edited("\"power\"", "\"q\"")),
            "validators[0]: unknown key \"q\" (known: \"name\", \"consensus_key\", \"node_key\", "
            "\"power\")");
}

TEST(GenesisJson, RefusesKeysGivenTwice) {
  EXPECT_EQ(Refusal(Edited("\"chain_name\"", "\"time_us\": 5, \"chain_name\"")),
            "key \"time_us\" is given twice");
  EXPECT_EQ(Refusal(Edited("\"power\": 1", "\"power\": 1, \"power\": 9")),
            "key \"power\" is given twice");
}

TEST(GenesisJson, NamesTheKeyOfAWrongType) {
  EXPECT_EQ(Refusal(Edited("\"sample\"", "7")), "chain_name: must be a string");
  EXPECT_EQ(Refusal(Edited("\"validator-2\"", "null")), "validators[2].name: must be a string");
  EXPECT_EQ(Refusal("[]"), "must be an object");
  EXPECT_EQ(Refusal(R"({"chain_name":"a","time_us":0,"validators":{}})"),
            "validators: must be a list of 1 to 1024 validators");
  EXPECT_EQ(Refusal(R"({"chain_name":"a","time_us":0,"validators":[3]})"),
            "validators[0]: must be an object");
}

TEST(GenesisJson, NamesTheKeyThatIsMissing) {
  EXPECT_EQ(Refusal(R"({"chain_name":"a","validators":[]})"), "time_us: is missing");
  EXPECT_EQ(Refusal(R"({"chain_name":"a","time_us":0})"), "validators: is missing");
  EXPECT_EQ(Refusal(R"({"chain_name":"a","time_us":0,"validators":[{"name":"b"}]})"),
            "validators[0].consensus_key: is missing");
}

TEST(GenesisJson, NamesTheKeyAndTheRangeOfAWrongNumber) {
  for (const char* number : {"0", "-1", "1.0", "1152921504606846976", "18446744073709551616"}) {
    const std::string refusal =
        Refusal(Edited("\"power\": 1", absl::StrCat("\"power\": ", number)));
    EXPECT_EQ(refusal.rfind("validators[0].power: must be a whole number from 1 to "
                            "1152921504606846975 (is ",
                            0),
              0U)
        << refusal;
  }
  EXPECT_EQ(Refusal(Edited("\"power\": 1", "\"power\": \"1\"")),
            "validators[0].power: must be a whole number from 1 to 1152921504606846975");
  EXPECT_EQ(Refusal(Edited("\"block_bytes_max\": 1048576", "\"block_bytes_max\": 8388609")),
            "limits.block_bytes_max: must be a whole number from 65536 to 8388608 (is 8388609)");
}

// The ranges that the parser names and those that Genesis::Validate checks are the same.
TEST(GenesisJson, AgreesWithValidateAtEachEndOfEachRange) {
  struct Ends {
    const char* key;
    uint64_t ChainLimits::*field;
    uint64_t min, max;
  };
  constexpr Ends kEnds[] = {
      {"block_bytes_max", &ChainLimits::block_bytes_max, 64 << 10, 8 << 20},
      {"block_transactions_max", &ChainLimits::block_transactions_max, 1, 65536},
      {"duplicate_window_blocks", &ChainLimits::duplicate_window_blocks, 16, 65536},
      {"execution_lag_max", &ChainLimits::execution_lag_max, 4, 64},
      {"clock_skew_max_ms", &ChainLimits::clock_skew_max_ms, 100, 60000},
      {"snapshot_interval_blocks", &ChainLimits::snapshot_interval_blocks, 16, 1'000'000},
  };
  for (const Ends& ends : kEnds) {
    for (const uint64_t value : {ends.min - 1, ends.min, ends.max, ends.max + 1}) {
      Genesis genesis = Sample();
      genesis.limits.transaction_bytes_max = 1000;
      genesis.limits.*ends.field = value;
      const bool is_good = value >= ends.min && value <= ends.max;
      EXPECT_EQ(genesis.Validate().ok(), is_good) << ends.key << " " << value;
      EXPECT_EQ(Genesis::FromJson(genesis.ToJson()).ok(), is_good) << ends.key << " " << value;
    }
  }
}

TEST(GenesisJson, RefusesKeysThatAreNotHexadecimal) {
  const std::string key = Hash{PublicKey(1)}.ToHex();
  EXPECT_EQ(Refusal(Edited(key, key.substr(1))),
            "validators[0].consensus_key: must be 64 lower-case hexadecimal digits");
  EXPECT_EQ(Refusal(Edited(key, "zz" + key.substr(2))),
            "validators[0].consensus_key: must be 64 lower-case hexadecimal digits");
}

TEST(GenesisJson, RefusesValidatorsThatValidateRefuses) {
  EXPECT_FALSE(Genesis::FromJson(Edited("validator-1", "validator-0")).ok());
  EXPECT_FALSE(
      Genesis::FromJson(Edited(Hash{PublicKey(3)}.ToHex(), Hash{PublicKey(1)}.ToHex())).ok());
  EXPECT_FALSE(Genesis::FromJson(Edited("\"power\": 4", "\"power\": 1152921504606846975")).ok());
}

TEST(GenesisJson, SaysWhereTheTextStopsBeingJson) {
  EXPECT_EQ(Refusal("{\n  \"a\": }").rfind("not JSON: line 2, column 8: ", 0), 0U)
      << Refusal("{\n  \"a\": }");
  EXPECT_EQ(Refusal("").rfind("not JSON: line 1, column 1: ", 0), 0U);
  EXPECT_EQ(Refusal("{\"chain_name\": \"\xff\"}").rfind("not JSON: line 1", 0), 0U);
}

TEST(GenesisJson, RefusesDeepNestingAndLargeText) {
  EXPECT_EQ(Refusal(R"({"validators":[[[[[[1]]]]]]})"), "nested too deeply");
  EXPECT_EQ(Refusal(std::string(100000, '[')).rfind("not JSON: ", 0), 0U);
  EXPECT_EQ(Refusal(std::string((1 << 20) + 1, ' ')),
            "larger than 1048576 bytes, the most that is read");
}

TEST(GenesisJson, RefusesEveryTruncation) {
  const std::string text = Sample().ToJson();
  const size_t last_brace = text.rfind('}');
  for (size_t length = 0; length <= last_brace; ++length) {
    EXPECT_FALSE(Genesis::FromJson(text.substr(0, length)).ok()) << length;
  }
}

TEST(GenesisFile, NamesTheFileInErrors) {
  const TempDir dir;
  const std::string path = dir / "genesis.json";
  EXPECT_EQ(Genesis::FromFile(path).status().code(), absl::StatusCode::kNotFound);
  WriteText(path, "{}");
  EXPECT_EQ(Genesis::FromFile(path).status().message(), path + ": chain_name: is missing");
  EXPECT_EQ(Genesis::FromFile(dir.path()).status().message(), dir.path() + ": not a regular file");
  WriteText(path, Sample().ToJson());
  EXPECT_EQ(Genesis::FromFile(path)->ChainId(), Sample().ChainId());
}

}  // namespace
}  // namespace kiln
