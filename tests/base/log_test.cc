#include "base/log.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log_line.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln {
namespace {

using base_internal::FormatLogLine;
using base_internal::LogLimiter;
using base_internal::LogValue;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string>* captured = nullptr;
void Capture(absl::string_view line) {
  captured->emplace_back(line);
}

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    captured = &lines_;
    SetLogSink(&Capture);
  }
  ~LogTest() override {
    SetLogSink(nullptr);
    SetLogLevel(LogLevel::kInfo);
  }
  std::vector<std::string> lines_;
};

TEST(LogLine, HasTimeLevelComponentMessageAndFields) {
  const std::vector<LogField> fields = {{"peer", "validator-2"}, {"cause", "unknown chain id"}};
  EXPECT_EQ(
      FormatLogLine(LogLevel::kWarning, 1767323045678901, "peer", "connection refused", fields, 0),
      "2026-01-02T03:04:05.678901Z WARN peer \"connection refused\" peer=validator-2 "
      "cause=\"unknown chain id\"\n");
}

TEST(LogLine, SaysHowManyLinesWereLeftOut) {
  EXPECT_THAT(FormatLogLine(LogLevel::kError, 0, "disk", "full", {}, 12),
              EndsWith(" ERROR disk \"full\" left_out=12\n"));
}

TEST(LogLine, NamesEachLevel) {
  EXPECT_THAT(FormatLogLine(LogLevel::kDebug, 0, "c", "m", {}, 0), HasSubstr(" DEBUG c "));
  EXPECT_THAT(FormatLogLine(LogLevel::kInfo, 0, "c", "m", {}, 0), HasSubstr(" INFO c "));
}

TEST(LogValue, IsBareWhenPlainAndQuotedOtherwise) {
  EXPECT_EQ(LogValue("127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(LogValue(""), "\"\"");
  EXPECT_EQ(LogValue("two words"), "\"two words\"");
  EXPECT_EQ(LogValue("a=b"), "\"a=b\"");
}

TEST(LogValue, CannotForgeALineOrAField) {
  EXPECT_EQ(LogValue("x\n2026 ERROR y"), "\"x\\n2026 ERROR y\"");
  EXPECT_EQ(LogValue("x\" peer=other"), "\"x\\\" peer=other\"");
  EXPECT_EQ(LogValue("back\\slash"), "\"back\\\\slash\"");
  EXPECT_EQ(LogValue("\x1b[31m"), "\"\\x1b[31m\"");
  EXPECT_EQ(LogValue(std::string("\0", 1)), "\"\\x00\"");
  EXPECT_EQ(LogValue("\xff\xfe"), "\"\\xff\\xfe\"");
}

TEST(LogValue, StaysOneLineOfPrintableBytesForEveryByte) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  const std::string value = LogValue(all);
  EXPECT_TRUE(std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; }));
}

TEST(LogValue, CutsALongValueAndSaysByHowMuch) {
  EXPECT_EQ(LogValue(std::string(kLogValueBytesMax, 'a')), std::string(kLogValueBytesMax, 'a'));
  EXPECT_EQ(LogValue(std::string(kLogValueBytesMax + 88, 'a')),
            absl::StrCat("\"", std::string(kLogValueBytesMax, 'a'), "... (88 bytes more)\""));
}

TEST(LogLimiter, AdmitsTheLimitInEachSecondAndCountsTheRest) {
  LogLimiter limiter(2, 10);
  EXPECT_TRUE(limiter.Admit("a", 5));
  EXPECT_TRUE(limiter.Admit("a", 6));
  EXPECT_FALSE(limiter.Admit("a", 7));
  EXPECT_FALSE(limiter.Admit("a", 1'000'004));
  EXPECT_TRUE(limiter.Admit("a", 1'000'005));
  EXPECT_EQ(limiter.TakeLeftOut("a"), 2u);
  EXPECT_EQ(limiter.TakeLeftOut("a"), 0u);
}

TEST(LogLimiter, KeepsKeysApart) {
  LogLimiter limiter(1, 10);
  EXPECT_TRUE(limiter.Admit("a", 0));
  EXPECT_TRUE(limiter.Admit("b", 0));
  EXPECT_FALSE(limiter.Admit("a", 0));
}

TEST(LogLimiter, ForgetsTheOldestKeyRatherThanGrow) {
  LogLimiter limiter(1, 2);
  EXPECT_TRUE(limiter.Admit("a", 0));
  EXPECT_TRUE(limiter.Admit("b", 0));
  EXPECT_TRUE(limiter.Admit("c", 0));
  EXPECT_EQ(limiter.size(), 2u);
  EXPECT_FALSE(limiter.Admit("b", 0));  // remembered
  EXPECT_TRUE(limiter.Admit("a", 0));   // forgotten
}

TEST_F(LogTest, WritesALineToTheSink) {
  KILN_LOG(kInfo, "test", "hello", {{"n", 3}});
  EXPECT_THAT(lines_, ElementsAre(EndsWith(" INFO test \"hello\" n=3\n")));
}

TEST_F(LogTest, LeavesOutLinesBelowItsLevel) {
  SetLogLevel(LogLevel::kError);
  KILN_LOG(kWarning, "test", "hello");
  EXPECT_FALSE(LogEnabled(LogLevel::kWarning));
  EXPECT_TRUE(LogEnabled(LogLevel::kError));
  EXPECT_THAT(lines_, IsEmpty());
}

// The limits' window is a real second here; counts are compared only with what a window must hold.
TEST_F(LogTest, LimitsAHostileCallSiteHoweverItsValuesVary) {
  for (int i = 0; i < 10000; ++i) KILN_LOG(kWarning, "test", "bad peer", {{"peer", i}});
  EXPECT_GE(lines_.size(), static_cast<size_t>(kLogLinesPerSitePerSecond));
  EXPECT_LT(lines_.size(), 10000u);
}

TEST_F(LogTest, LimitsOneCauseApartFromOthers) {
  const auto log = [](absl::string_view peer) {
    KILN_LOG(kError, "test", "refused", {{"peer", peer}});
  };
  for (int i = 0; i < 10000; ++i) log("a");
  const size_t from_a = lines_.size();
  EXPECT_GE(from_a, 1u);
  EXPECT_LT(from_a, 10000u);
  log("b");
  EXPECT_THAT(lines_, SizeIs(from_a + 1));
}

}  // namespace
}  // namespace kiln
