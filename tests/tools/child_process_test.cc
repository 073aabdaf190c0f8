#include "tools/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"

namespace kiln::tools {
namespace {

using ::testing::HasSubstr;

std::string LogPath(const std::string& name) {
  return absl::StrCat(::testing::TempDir(), "/", name, ".log");
}

TEST(ChildProcess, StopsWithOkWhenItEndsWellOnSigterm) {
  const std::string log = LogPath("graceful");
  std::remove(log.c_str());  // of an earlier run
  auto child = ChildProcess::Start(
      {"/bin/sh", "-c", "trap 'exit 0' TERM; echo started; while :; do sleep 0.01; done"}, log);
  ASSERT_TRUE(child.ok()) << child.status();
  // The trap is set once the line is in the log.
  std::string text;
  while (text.empty()) {
    std::ifstream file(log);
    text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  EXPECT_EQ(text, "started\n");
  EXPECT_TRUE((*child)->IsRunning());
  EXPECT_TRUE((*child)->CpuSeconds().ok());
  EXPECT_EQ((*child)->Stop(absl::Seconds(60)), absl::OkStatus());
  EXPECT_FALSE((*child)->IsRunning());
}

TEST(ChildProcess, SaysWithWhichStatusItEnded) {
  auto child = ChildProcess::Start({"/bin/sh", "-c", "trap '' TERM; exit 7"}, LogPath("status"));
  ASSERT_TRUE(child.ok()) << child.status();
  while ((*child)->IsRunning()) {
  }
  EXPECT_THAT((*child)->Stop(absl::Seconds(60)).message(), HasSubstr("ended with status 7"));
}

TEST(ChildProcess, SaysThatAProgramIsMissing) {
  auto child = ChildProcess::Start({"/nonexistent/program"}, LogPath("missing"));
  ASSERT_TRUE(child.ok()) << child.status();
  while ((*child)->IsRunning()) {
  }
  EXPECT_THAT((*child)->Stop(absl::Seconds(60)).message(), HasSubstr("ended with status 127"));
}

TEST(ChildProcess, NamesALogThatCannotBeWritten) {
  EXPECT_EQ(ChildProcess::Start({"/bin/true"}, "/nonexistent/log").status().message(),
            "/nonexistent/log: No such file or directory");
}

TEST(ProcStat, FindsCpuTimeBehindANameWithSpacesAndBrackets) {
  const std::string stat = "42 (a ) (b) S 1 42 42 0 -1 4194560 5 0 0 0 150 50 0 0 20 0 1 0 1 2 3";
  const auto seconds = ParseCpuSeconds(stat, 100);
  ASSERT_TRUE(seconds.ok()) << seconds.status();
  EXPECT_DOUBLE_EQ(*seconds, 2.0);
}

TEST(ProcStat, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(ParseCpuSeconds("", 100).ok());
  EXPECT_FALSE(ParseCpuSeconds("42 (kiln) S 1 2", 100).ok());
  EXPECT_FALSE(ParseCpuSeconds("42 (kiln) S 1 42 42 0 -1 0 5 0 0 0 x y 0", 100).ok());
}

TEST(ProcStatus, FindsResidentMemoryAndItsHighest) {
  const auto memory = ParseResidentMemory(
      "Name:\tkiln\nVmPeak:\t  900 kB\nVmHWM:\t  300 kB\nVmRSS:\t   200 kB\nRssAnon:\t 1 kB\n");
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->highest, 300u << 10);
  EXPECT_EQ(memory->now, 200u << 10);
}

TEST(ProcStatus, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(ParseResidentMemory("").ok());
  EXPECT_FALSE(ParseResidentMemory("VmHWM: 1 kB\n").ok());
  EXPECT_FALSE(ParseResidentMemory("VmHWM: 1 kB\nVmRSS: 1 MB\n").ok());
}

}  // namespace
}  // namespace kiln::tools
