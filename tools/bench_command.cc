// kiln bench: a load on a chain, and what came of it.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/bench_html.h"
#include "tools/bench_report.h"
#include "tools/bench_run.h"
#include "tools/bench_sweep.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/load_payload.h"
#include "tools/output_file.h"
#include "tools/progress.h"

namespace kiln::tools {
namespace {

struct BenchArguments {
  BenchSettings settings;
  bool sweep = false;
  std::string html;  // file; empty for none
  bool json = false;
};

absl::Status Judge(uint64_t lost, uint64_t errors, const std::string& first_error) {
  if (lost > 0) {
    return absl::DataLossError(
        absl::StrCat(lost, " acknowledged transactions are missing from a ledger"));
  }
  if (errors == 0) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat(errors, " transactions were not committed; the first because: ", first_error));
}

absl::Status RunOnce(BenchArguments arguments) {
  if (!arguments.json) {
    arguments.settings.say = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  }
  KILN_ASSIGN_OR_RETURN(const BenchReport report, RunBench(arguments.settings));
  if (arguments.json) {
    PrintJson(BenchReportJson(report));
  } else {
    std::fputs(BenchReportText(report).c_str(), stdout);
  }
  return Judge(report.lost, report.errors, report.first_error);
}

absl::StatusOr<SweepReport> RunSweepWithProgress(const BenchSettings& settings) {
  Progress progress("sweep", kSweepPoints, StderrIsTerminal());
  return RunSweep(settings, [&progress] { progress.Advance(); });
}

absl::Status RunSweepCommand(const BenchArguments& arguments) {
  std::unique_ptr<OutputFile> page;  // made first: nobody wants to wait for a page that cannot be
  if (!arguments.html.empty()) {
    KILN_ASSIGN_OR_RETURN(page, OutputFile::Create(arguments.html));
  }
  KILN_ASSIGN_OR_RETURN(const SweepReport report, RunSweepWithProgress(arguments.settings));
  if (page != nullptr) {
    KILN_RETURN_IF_ERROR(page->Write(SweepReportHtml(report)));
    KILN_RETURN_IF_ERROR(page->Finish());
  }
  if (arguments.json) {
    PrintJson(SweepReportJson(report));
  } else {
    std::fputs(SweepReportText(report).c_str(), stdout);
    if (page != nullptr) std::printf("report in %s\n", arguments.html.c_str());
  }
  return Judge(report.lost(), report.errors(), report.first_error());
}

absl::Status RunCommand(const BenchArguments& arguments) {
  WatchForInterrupts();
  return arguments.sweep ? RunSweepCommand(arguments) : RunOnce(arguments);
}

void AddBenchOptions(CLI::App* command, BenchArguments* arguments) {
  BenchSettings& settings = arguments->settings;
  CLI::Option* testnet =
      command->add_option("--testnet", settings.testnet, "Put the load on this running testnet");
  command
      ->add_option("--validators", settings.validators,
                   "Start so many validators in a temporary folder, and remove them afterwards")
      ->check(CLI::Range(1, 64))
      ->capture_default_str()
      ->excludes(testnet);
  CLI::Option* dead =
      command
          ->add_option("--dead", settings.dead,
                       "Kill so many of them, fewer than a third, before the load, and start them "
                       "again after it")
          ->check(CLI::Range(0, 21))
          ->excludes(testnet);
  command->add_option("--duration", settings.duration_seconds, "Seconds of load")
      ->check(CLI::Range(1.0, 86400.0))
      ->capture_default_str();
  command->add_option("--payload", settings.payload_bytes, "Bytes of each transaction")
      ->check(CLI::Range(kLoadPayloadBytesMin, size_t{4} << 20))
      ->capture_default_str();
  CLI::Option* in_flight =
      command
          ->add_option("--in-flight", settings.in_flight,
                       "Closed loop: transactions under way at any time, over all validators")
          ->check(CLI::Range(1, 1000000))
          ->capture_default_str();
  CLI::Option* rate =
      command
          ->add_option(
              "--rate", settings.rate,
              "Open loop: transactions due per second; latency counts from when one was due. "
              "Nothing is sent twice: what validators refuse as too much, or do not take within "
              "100 ms, is counted")
          ->check(CLI::Range(0.1, 1e7))
          ->excludes(in_flight);
  CLI::Option* keep =
      command->add_flag("--keep", settings.keep, "Keep the temporary folder and say where it is");
  command->add_flag("--profile-stages", settings.profile_stages,
                    "Also show what the validators' CPU and a commit's time go into, and how long "
                    "their queues are; asks their admin sockets");
  CLI::Option* sweep = command
                           ->add_flag("--sweep", arguments->sweep,
                                      "Run after run, from one in flight to ten times what the "
                                      "chain can take; --duration is that of each")
                           ->excludes(dead)
                           ->excludes(in_flight)
                           ->excludes(rate)
                           ->excludes(keep);
  command->add_option("--html", arguments->html, "Write the sweep as a page to this new file")
      ->needs(sweep);
  AddJsonOption(command, &arguments->json);
}

}  // namespace

void AddBenchCommand(CLI::App& app, CommandContext& context) {
  const auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = app.add_subcommand(
      "bench", "Measure committed transactions per second and latency, as clients see them");
  command->footer(
      "\nEvery proof is verified. At the end every acknowledged transaction is looked up in every\n"
      "ledger. Exit status: 1 when one is lost or was not committed.\n\n"
      "Examples:\n"
      "  kiln bench --validators 4 --duration 10 --payload 128 --in-flight 4000 --json\n"
      "  kiln bench --validators 4 --rate 1000\n"
      "  kiln bench --validators 4 --profile-stages\n"
      "  kiln bench --validators 4 --dead 1\n"
      "  kiln bench --validators 4 --rate 100000\n"
      "  kiln bench --validators 4 --duration 5 --sweep --html report.html\n"
      "  kiln bench --testnet net");
  AddBenchOptions(command, arguments.get());
  SetAction(command, context, [arguments] { return RunCommand(*arguments); });
}

}  // namespace kiln::tools
