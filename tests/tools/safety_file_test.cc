#include "tools/safety_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_replace.h"
#include "tests/consensus/test_world.h"

namespace kiln::tools {
namespace {

class SafetyFileFormat : public testing::Test {
 protected:
  SafetyFileFormat() {
    const consensus::BlockPtr block = world_.Chain(3).back();
    file_.chain_id = world_.chain_id();
    file_.consensus_key = world_.genesis().validators[0].consensus_key;
    file_.record = {.epoch = {1},
                    .last_voted_round = {3},
                    .locked_qc_round = {2},
                    .last_proposed_round = {1},
                    .high_qc = world_.QcFor(block),
                    .last_tc = std::nullopt,
                    .last_vote = world_.VoteFor(block, {0}),
                    .last_timeout = std::nullopt};
  }

  consensus::TestWorld world_;
  SafetyFile file_;
};

TEST_F(SafetyFileFormat, ReadsBackWhatItWrote) {
  const absl::StatusOr<SafetyFile> read = ParseSafetyFile(SafetyFileText(file_));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->chain_id, file_.chain_id);
  EXPECT_EQ(read->consensus_key, file_.consensus_key);
  EXPECT_EQ(read->record, file_.record);
}

TEST_F(SafetyFileFormat, RefusesEveryOtherText) {
  const std::string text = SafetyFileText(file_);
  const std::vector<std::string> others = {
      "",
      "null",
      "[]",
      "{}",
      text.substr(0, text.size() / 2),
      absl::StrReplaceAll(text, {{"\"last_voted_round\": 3", "\"last_voted_round\": 2"}}),
      absl::StrReplaceAll(text, {{"\"version\": 1", "\"version\": 2"}}),
      absl::StrReplaceAll(text, {{"\"record\": \"0", "\"record\": \"1"}}),
      absl::StrReplaceAll(text, {{"\"record\": \"0", "\"record\": \"x"}}),
      absl::StrReplaceAll(text, {{"\"kind\"", "\"more\": 1, \"kind\""}})};
  for (const std::string& other : others) {
    ASSERT_NE(other, text);
    EXPECT_FALSE(ParseSafetyFile(other).ok()) << other;
  }
}

}  // namespace
}  // namespace kiln::tools
