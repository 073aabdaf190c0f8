#include "tools/import_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/kv_application.h"

namespace kiln::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ImportRecords, SplitsAtTheFirstTabAndElseAtTheFirstSpace) {
  const auto records = ParseRecords("bash\t5.2 beta\na b c\n");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*records, ElementsAre(Record{"bash", "5.2 beta"}, Record{"a", "b c"}));
}

TEST(ImportRecords, PrefersTheTabToASpaceBeforeIt) {
  const auto records = ParseRecords("two words\tvalue");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*records, ElementsAre(Record{"two words", "value"}));
}

TEST(ImportRecords, LeavesOutEmptyLinesAndCarriageReturns) {
  const auto records = ParseRecords("\na 1\r\n\r\n\nb 2");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*records, ElementsAre(Record{"a", "1"}, Record{"b", "2"}));
}

TEST(ImportRecords, TakesAnEmptyValueAfterATab) {
  const auto records = ParseRecords("a\t\n");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*records, ElementsAre(Record{"a", ""}));
}

TEST(ImportRecords, FindsNothingInNothing) {
  const auto records = ParseRecords("");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(*records, IsEmpty());
}

TEST(ImportRecords, NamesTheLineWithoutAValue) {
  EXPECT_EQ(ParseRecords("a 1\nb\n").status().message(),
            "line 2: expected KEY VALUE or KEY<tab>VALUE");
  EXPECT_EQ(ParseRecords("a \n").status().message(), "line 1: expected KEY VALUE or KEY<tab>VALUE");
}

TEST(ImportRecords, NamesTheLineWithoutAKey) {
  EXPECT_THAT(ParseRecords("a 1\n\n\tvalue\n").status().message(), HasSubstr("line 3: "));
}

TEST(ImportRecords, RefusesAKeyThatIsTooLong) {
  EXPECT_TRUE(ParseRecords(absl::StrCat(std::string(kKvKeyBytesMax, 'k'), " v")).ok());
  EXPECT_FALSE(ParseRecords(absl::StrCat(std::string(kKvKeyBytesMax + 1, 'k'), " v")).ok());
}

TEST(ImportRecords, ReadsStandardInputForADash) {
  std::istringstream input("a 1\nb 2");
  const auto text = ReadImport("-", input);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "a 1\nb 2");
}

TEST(ImportRecords, NamesTheFileThatIsMissing) {
  std::istringstream unused;
  EXPECT_EQ(ReadImport("/nonexistent/records", unused).status().message(),
            "/nonexistent/records: No such file or directory");
}

// As many bytes as were asked for, none of them kept.
class Endless : public std::streambuf {
 private:
  int_type underflow() override {
    setg(buffer_, buffer_, buffer_ + sizeof(buffer_));
    return traits_type::to_int_type(buffer_[0]);
  }
  char buffer_[4096] = {};
};

TEST(ImportRecords, StopsReadingWhatNeverEnds) {
  Endless bytes;
  std::istream input(&bytes);
  EXPECT_EQ(ReadImport("-", input).status().message(),
            "standard input: more than 256 MiB; split it and import the parts");
}

}  // namespace
}  // namespace kiln::tools
