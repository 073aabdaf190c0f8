// kiln bench, whole: processes of its own, a short load, and what it says of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/stage_profile.h"
#include "tests/integration/test_process.h"

namespace kiln::integration {
namespace {

using ::testing::HasSubstr;

// `kiln bench ARGUMENTS`, with its stderr in a file.
class BenchCommand : public testing::Test {
 protected:
  BenchCommand() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kiln-bench-test-XXXXXX");
    folder_ = mkdtemp(pattern.data());
  }
  ~BenchCommand() override { std::filesystem::remove_all(folder_); }

  CommandResult Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {BuiltProgram("kiln"), "bench"});
    return RunCommand(arguments, folder_ + "/log");
  }
  std::string log() const { return ReadFile(folder_ + "/log"); }

  std::string folder_;
};

TEST_F(BenchCommand, ProfilesTheStagesOfItsValidators) {
  const CommandResult result = Run(
      {"--validators", "4", "--duration", "2", "--in-flight", "200", "--profile-stages", "--json"});
  ASSERT_EQ(result.status, 0) << log();
  const nlohmann::json report = nlohmann::json::parse(result.output);
  EXPECT_GT(report["committed_per_second"], 0);
  EXPECT_EQ(report["lost"], 0);
  EXPECT_EQ(report["errors"], 0);
  ASSERT_EQ(report["processes"].size(), 4u);
  for (const nlohmann::json& process : report["processes"]) {
    EXPECT_GT(process["resident_bytes"]["end"], 1 << 20);
    EXPECT_GE(process["resident_bytes"]["max"], process["resident_bytes"]["end"]);
  }
  const nlohmann::json& stages = report["stages"];
  ASSERT_EQ(stages["validators"].size(), 4u);
  for (const nlohmann::json& stage : stages["total"]["stages"]) {
    EXPECT_GT(stage["calls"], 0) << stage;
    EXPECT_GT(stage["wall_seconds"], 0) << stage;
  }
  for (const nlohmann::json& leg : stages["total"]["legs"]) EXPECT_GT(leg["count"], 0) << leg;
  for (const nlohmann::json& queue : stages["total"]["queues"]) {
    EXPECT_GT(queue["samples"], 0) << queue;
  }
}

TEST_F(BenchCommand, ChecksTheLedgersOfThoseThatWereDeadToo) {
  const CommandResult result =
      Run({"--validators", "4", "--dead", "1", "--duration", "2", "--in-flight", "200", "--json"});
  ASSERT_EQ(result.status, 0) << log();
  const nlohmann::json report = nlohmann::json::parse(result.output);
  EXPECT_EQ(report["dead"], 1);
  EXPECT_GT(report["committed_per_second"], 0);
  EXPECT_EQ(report["lost"], 0);
  EXPECT_EQ(report["errors"], 0);
  EXPECT_GT(report["processes"][2]["cpu_seconds"], 0);
  EXPECT_EQ(report["processes"][3]["cpu_seconds"], 0);
}

TEST_F(BenchCommand, SendsNothingTwiceInAnOpenLoop) {
  const CommandResult result =
      Run({"--validators", "4", "--duration", "1", "--rate", "400", "--json"});
  ASSERT_EQ(result.status, 0) << log();
  const nlohmann::json report = nlohmann::json::parse(result.output);
  EXPECT_GT(report["committed"], 0);
  EXPECT_EQ(report["committed"].get<uint64_t>() + report["refused"].get<uint64_t>() +
                report["held_back"].get<uint64_t>(),
            400u);
  EXPECT_EQ(report["lost"], 0);
  EXPECT_FALSE(report.contains("stages"));
}

}  // namespace
}  // namespace kiln::integration
