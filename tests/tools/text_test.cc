#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tools/bench_report.h"
#include "tools/chain_target.h"
#include "tools/describe_transaction.h"
#include "tools/kv_application.h"
#include "tools/progress.h"
#include "tools/text_table.h"

namespace kiln::tools {
namespace {

using ::testing::ElementsAre;

TEST(TextTable, AlignsColumnsWithoutTrailingSpaces) {
  TextTable table({"validator", "height"});
  table.Add({"a", "12"});
  table.Add({"validator-10", ""});
  EXPECT_EQ(table.Render(),
            "validator     height\n"
            "a             12\n"
            "validator-10\n");
}

TEST(ProgressBar, ShowsHowMuchIsDone) {
  EXPECT_EQ(ProgressBar("importing", 379, 758),
            "importing  [===============               ]   50 %  379 of 758");
  EXPECT_EQ(ProgressBar("importing", 3, 3),
            "importing  [==============================]  100 %  3 of 3");
}

TEST(DescribeTransaction, ShowsKeyValueOperationsAndEscapesTheRest) {
  EXPECT_EQ(DescribePayload(EncodeKvPut("color", "bl\x01ue")), R"(put "color" "bl\x01ue")");
  EXPECT_EQ(DescribePayload(EncodeKvDelete("color")), R"(delete "color")");
  EXPECT_EQ(DescribePayload("\x1b[2J"), R"("\x1b[2J")");
}

TEST(DescribeTransaction, CutsLongValues) {
  EXPECT_EQ(DescribePayload(std::string(100, 'x')),
            "\"" + std::string(64, 'x') + "\"... (100 bytes)");
}

TEST(DescribeTransaction, SaysWhatTheEngineSetAside) {
  EXPECT_EQ(DescribeReply(Reply::Ok()), "ok");
  EXPECT_EQ(DescribeReply(Reply::Refused("why")), "refused: why");
  EXPECT_EQ(DescribeReply({Reply::kDuplicate, ""}), "set aside: executed before");
  EXPECT_EQ(DescribeReply({Reply::kExpired, ""}), "set aside: ordered after its last height");
}

TEST(ChainTarget, AsksWhichChain) {
  EXPECT_EQ(
      ResolveTarget({}).status().message(),
      "say which chain: --testnet DIR, --home DIR, or --endpoint HOST:PORT with --genesis FILE");
}

TEST(ChainTarget, NeedsAGenesisForAnEndpoint) {
  ChainTarget target;
  target.endpoints = {"127.0.0.1:1"};
  EXPECT_EQ(ResolveTarget(target).status().message(),
            "--endpoint needs --genesis FILE, to know whose signatures to believe");
}

TEST(ChainTarget, PutsOneEndpointInFrontAndKeepsTheOrderOfTheRest) {
  ClientOptions options;
  options.endpoints = {"a", "b", "c", "d"};
  EXPECT_THAT(StartingAt(options, 2).endpoints, ElementsAre("c", "a", "b", "d"));
  EXPECT_THAT(StartingAt(options, 0).endpoints, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(OnlyAt(options, 3).endpoints, ElementsAre("d"));
}

TEST(ChainTarget, ReachesAWildcardAddressThroughLoopback) {
  EXPECT_EQ(ReachableAddress("0.0.0.0:26601"), "127.0.0.1:26601");
  EXPECT_EQ(ReachableAddress("[::]:26601"), "[::1]:26601");
  EXPECT_EQ(ReachableAddress("10.0.0.7:26601"), "10.0.0.7:26601");
}

TEST(ChainTarget, NeverMakesTheSameKeyTwice) {
  EXPECT_EQ(FreshKey().size(), 32u);
  EXPECT_NE(FreshKey(), FreshKey());
}

TEST(BenchReport, HasEveryFieldThatScriptsReadFromIt) {
  BenchReport report;
  report.steady.committed_per_second = 41000.5;
  report.steady.latency_ms = {1, 2, 3, 4};
  report.validators = 4;
  const nlohmann::ordered_json json = BenchReportJson(report);
  EXPECT_EQ(json["committed_per_second"], 41000.5);
  EXPECT_EQ(json["latency_ms"]["p50"], 1);
  EXPECT_EQ(json["latency_ms"]["max"], 4);
  EXPECT_EQ(json["durable"], true);
  for (const char* field : {"blocks_per_second", "transactions_per_block", "validators",
                            "payload_bytes", "in_flight", "duration_seconds", "errors", "lost"}) {
    EXPECT_TRUE(json.contains(field)) << field;
  }
  EXPECT_FALSE(json.contains("stages"));
}

TEST(BenchReport, SaysWhatEachProcessUsed) {
  BenchReport report;
  report.processes.push_back({.name = "validator-0",
                              .cpu_seconds = 1.5,
                              .bytes_written = 1 << 20,
                              .resident_steady_bytes = 2 << 20,
                              .resident_end_bytes = 3 << 20,
                              .resident_highest_bytes = 4 << 20});
  const nlohmann::ordered_json process = BenchReportJson(report)["processes"][0];
  EXPECT_EQ(process["cpu_seconds"], 1.5);
  EXPECT_EQ(process["resident_bytes"]["steady"], 2 << 20);
  EXPECT_EQ(process["resident_bytes"]["end"], 3 << 20);
  EXPECT_EQ(process["resident_bytes"]["max"], 4 << 20);
  EXPECT_NE(BenchReportText(report).find("4.0 MiB"), std::string::npos);
}

}  // namespace
}  // namespace kiln::tools
