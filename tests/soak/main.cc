// kiln_soak: runs real validators for a while, breaks them one after the other, and says whether
// everything held.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "tests/integration/small_disk.h"
#include "tests/soak/soak.h"
#include "tools/command.h"

namespace kiln::soak {
namespace {

// Failures as they are found, on stderr: stdout is for the report.
class FailurePrinter final : public testing::EmptyTestEventListener {
 public:
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "FAILED %s:%d\n%s\n", result.file_name(), result.line_number(),
                 result.message());
  }
};

void PrintFailuresOnStderr() {
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new FailurePrinter);
}

std::string CommandOf(const SoakOptions& options) {
  return absl::StrCat("kiln_soak --seconds ", absl::ToInt64Seconds(options.duration), " --seed ",
                      options.seed);
}

std::string Verdict(const SoakOptions& options, const SoakResult& result) {
  if (!testing::Test::HasFailure()) return "Good: everything held";
  return absl::StrCat("FAILED: see above; again: ", CommandOf(options), "; homes and logs are in ",
                      result.folder);
}

void PrintReport(const SoakOptions& options, const SoakResult& result) {
  const RegisterLoad::Counts& registers = result.registers;
  std::fputs(result.faults.Table().c_str(), stdout);
  std::fputs("(seconds are min/median/max since the start, or since SIGCONT or room)\n\n", stdout);
  std::fputs(absl::StrFormat(
                 "faults         %d in %d s\n"
                 "height         %d\n"
                 "transactions   %d acknowledged, %d with unknown outcome\n"
                 "registers      %d reads, %d writes, %d writes with unknown outcome, %d reads "
                 "without answer\n"
                 "ledgers        %d lost, %d duplicated\n"
                 "votes          %d seen\n"
                 "%s\n",
                 result.faults.faults(), absl::ToInt64Seconds(options.duration), result.height,
                 result.acknowledged, result.unknown, registers.reads, registers.writes,
                 registers.unknown_writes, registers.unanswered_reads, result.lost,
                 result.duplicated, result.votes, Verdict(options, result))
                 .c_str(),
             stdout);
}

void PrintReportJson(const SoakOptions& options, const SoakResult& result) {
  const RegisterLoad::Counts& registers = result.registers;
  tools::PrintJson(
      {{"good", !testing::Test::HasFailure()},
       {"verdict", Verdict(options, result)},
       {"seed", options.seed},
       {"seconds", absl::ToInt64Seconds(options.duration)},
       {"height", result.height},
       {"faults", result.faults.Json()},
       {"transactions", {{"acknowledged", result.acknowledged}, {"unknown", result.unknown}}},
       {"registers",
        {{"reads", registers.reads},
         {"writes", registers.writes},
         {"unknown_writes", registers.unknown_writes},
         {"unanswered_reads", registers.unanswered_reads}}},
       {"ledgers", {{"lost", result.lost}, {"duplicated", result.duplicated}}},
       {"votes", result.votes}});
}

int Run(SoakOptions options, bool json) {
  options.has_own_mounts = integration::SmallDisk::EnterOwnMounts();
  testing::InitGoogleTest();
  PrintFailuresOnStderr();
  std::fprintf(stderr, "%s\n", CommandOf(options).c_str());
  const SoakResult result = RunSoak(options);
  if (json) {
    PrintReportJson(options, result);
  } else {
    PrintReport(options, result);
  }
  return testing::Test::HasFailure() ? 1 : 0;
}

}  // namespace
}  // namespace kiln::soak

int main(int argc, char** argv) {
  int64_t seconds = 60;
  kiln::soak::SoakOptions options;
  options.seed = std::random_device()();
  bool json = false;
  CLI::App app("Real validators under load and faults, and whether everything held", "kiln_soak");
  app.add_option("--seconds", seconds, "How long to inject faults")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of what goes wrong in which order; a new one each time");
  app.add_flag("--json", json, "Print one JSON document instead of text");
  CLI11_PARSE(app, argc, argv);
  options.duration = absl::Seconds(seconds);
  return kiln::soak::Run(options, json);
}
