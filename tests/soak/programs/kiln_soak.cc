// kiln_soak: runs real validators for a while, breaks them one after the other, and says whether
// everything held.
#include <gtest/gtest.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <random>
#include <string>

#include "tests/integration/small_disk.h"
#include "tests/soak/soak.h"
#include "tests/soak/soak_report.h"
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

// Ctrl-C ends the run after the fault it is at; a second one ends it at once.
std::atomic<bool> is_interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void ListenForInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { is_interrupted = true; };
  action.sa_flags = SA_RESTART | SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int Run(SoakOptions options, bool json) {
  options.has_own_mounts = integration::SmallDisk::EnterOwnMounts();
  testing::InitGoogleTest();
  PrintFailuresOnStderr();
  std::fprintf(stderr, "%s\n", CommandOf(options).c_str());
  ListenForInterrupts();
  options.is_interrupted = &is_interrupted;
  const SoakResult result = RunSoak(options);
  if (json) {
    tools::PrintJson(ReportJson(options, result));
  } else {
    std::fputs(ReportText(options, result).c_str(), stdout);
  }
  return result.good() ? 0 : 1;
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
  std::string only;
  app.add_option("--only", only, "One kind of fault and no other, by its name in the report")
      ->check([](const std::string& name) {
        return kiln::soak::FaultKindOf(name).has_value() ? "" : "no such fault: " + name;
      });
  app.add_flag("--json", json, "Print one JSON document instead of text");
  CLI11_PARSE(app, argc, argv);
  options.duration = absl::Seconds(seconds);
  options.only = kiln::soak::FaultKindOf(only);
  return kiln::soak::Run(options, json);
}
