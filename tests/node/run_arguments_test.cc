#include "node/run_arguments.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kiln::node {
namespace {

absl::StatusOr<RunRequest> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "counter");
  return ParseRunArguments(static_cast<int>(arguments.size()), arguments.data());
}

std::string Refusal(const std::vector<const char*>& arguments) {
  const absl::StatusOr<RunRequest> request = Parse(arguments);
  EXPECT_FALSE(request.ok());
  return std::string(request.status().message());
}

TEST(RunArguments, ReadsBothWaysToWriteAnOption) {
  const absl::StatusOr<RunRequest> request =
      Parse({"--home", "v0", "--log-level=debug", "--passphrase-fd", "3", "--debuggable"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->home, "v0");
  EXPECT_EQ(request->log_level, "debug");
  EXPECT_EQ(request->passphrase_descriptor, 3);
  EXPECT_TRUE(request->is_debuggable);
  EXPECT_EQ(Parse({"--home=a=b"})->home, "a=b");
}

TEST(RunArguments, AsksForHelpWithAnEmptyHome) {
  EXPECT_EQ(Parse({"--home", "v0", "--help"})->home, "");
}

TEST(RunArguments, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(Refusal({}), "--home DIR is required (see --help)");
  EXPECT_EQ(Refusal({"v0"}), "unexpected \"v0\" (see --help)");
  EXPECT_EQ(Refusal({"--hom", "v0"}), "unknown option \"--hom\" (see --help)");
  EXPECT_EQ(Refusal({"--home"}), "--home: a value is missing");
  EXPECT_EQ(Refusal({"--home="}), "--home: a value is missing");
  EXPECT_EQ(Refusal({"--home", "v0", "--passphrase-fd", "x"}),
            "--passphrase-fd: must be the number of an open descriptor");
  EXPECT_EQ(Refusal({"--home", "v0", "--log-level", "loud"}),
            "log level: must be debug, info, warning or error (is \"loud\")");
  EXPECT_EQ(Refusal({"--home", "v0", "--passphrase-fd", "3", "--passphrase-file", "f"}),
            "--passphrase-file and --passphrase-fd exclude each other");
}

}  // namespace
}  // namespace kiln::node
