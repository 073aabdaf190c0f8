// kiln bench: a load on a chain, and what came of it.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "kiln/client.h"
#include "tools/bench_report.h"
#include "tools/chain_target.h"
#include "tools/child_process.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/ledger_check.h"
#include "tools/load.h"
#include "tools/load_payload.h"
#include "tools/load_report.h"
#include "tools/local_testnet.h"

namespace kiln::tools {
namespace {

constexpr absl::Duration kCatchUpTimeout = absl::Seconds(60);

struct BenchArguments {
  std::string testnet;
  size_t validators = 4;
  double duration_seconds = 10;
  size_t payload_bytes = 128;
  size_t in_flight = 4000;
  double rate = 0;
  bool keep = false;
  bool json = false;
};

void Say(const BenchArguments& arguments, const std::string& line) {
  if (!arguments.json) std::printf("%s\n", line.c_str());
}

LoadOptions MakeLoadOptions(const BenchArguments& arguments, ClientOptions chain) {
  LoadOptions options;
  options.chain = std::move(chain);
  options.duration = absl::Seconds(arguments.duration_seconds);
  options.in_flight = arguments.in_flight;
  options.rate = arguments.rate;
  return options;
}

HeightRange RangeOf(const std::vector<Sample>& samples) {
  if (samples.empty()) return {1, 0};
  HeightRange range = {samples.front().height, samples.front().height};
  for (const Sample& sample : samples) {
    range.first = std::min(range.first, sample.height);
    range.last = std::max(range.last, sample.height);
  }
  return range;
}

std::vector<Hash> IdsOf(const std::vector<Sample>& samples, const LoadPayload& payload) {
  std::vector<Hash> ids;
  ids.reserve(samples.size());
  for (const Sample& sample : samples) ids.push_back(TransactionId(payload.Make(sample.sequence)));
  return ids;
}

// One run, from the first transaction to the last ledger.
class Bench {
 public:
  explicit Bench(const BenchArguments& arguments)
      : arguments_(arguments),
        payload_(SystemRandom()->Below(uint64_t{1} << 62), arguments.payload_bytes) {}

  absl::StatusOr<BenchReport> Run() {
    KILN_RETURN_IF_ERROR(Prepare());
    Say(arguments_,
        absl::StrFormat("%d validators, %d-byte payloads, %.0f s of load", chain_.endpoints.size(),
                        arguments_.payload_bytes, arguments_.duration_seconds));
    KILN_RETURN_IF_ERROR(ApplyLoad());
    Say(arguments_, absl::StrFormat("looking up %d acknowledged transactions in every ledger",
                                    load_.committed.size()));
    KILN_RETURN_IF_ERROR(CheckLedgers());
    FillFigures();
    return std::move(report_);
  }

 private:
  absl::Status Prepare() {
    if (arguments_.testnet.empty()) {
      KILN_ASSIGN_OR_RETURN(own_testnet_, LocalTestnet::Start(arguments_.validators));
      if (arguments_.keep) own_testnet_->Keep();
      chain_ = own_testnet_->chain();
    } else {
      KILN_ASSIGN_OR_RETURN(chain_, ClientOptions::FromTestnet(arguments_.testnet));
    }
    const uint64_t payload_bytes_max = chain_.genesis.limits.transaction_bytes_max;
    if (arguments_.payload_bytes <= payload_bytes_max) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("--payload ", arguments_.payload_bytes,
                                                   ": this chain takes at most ", payload_bytes_max,
                                                   " bytes a transaction"));
  }

  absl::StatusOr<std::vector<double>> ValidatorCpuSeconds() const {
    if (own_testnet_ == nullptr) return std::vector<double>();
    return own_testnet_->CpuSeconds();
  }

  absl::Status ApplyLoad() {
    KILN_ASSIGN_OR_RETURN(const std::vector<double> cpu_before, ValidatorCpuSeconds());
    const double own_cpu_before = OwnCpuSeconds();
    KILN_ASSIGN_OR_RETURN(load_, RunLoad(MakeLoadOptions(arguments_, chain_), payload_));
    if (Interrupted()) return absl::CancelledError("interrupted; nothing was measured");
    report_.client_cpu_seconds = OwnCpuSeconds() - own_cpu_before;
    KILN_ASSIGN_OR_RETURN(const std::vector<double> cpu_after, ValidatorCpuSeconds());
    for (size_t i = 0; i < cpu_after.size(); ++i) {
      report_.processes.push_back({chain_.genesis.validators[i].name, cpu_after[i] - cpu_before[i],
                                   /*bytes_written=*/0});
    }
    return absl::OkStatus();
  }

  // A testnet of our own is stopped and its disks are read; somebody else's is asked.
  absl::Status CheckLedgers() {
    const HeightRange range = RangeOf(load_.committed);
    LostCount lost(IdsOf(load_.committed, payload_));
    KILN_RETURN_IF_ERROR(WaitForHeight(chain_, range.last, kCatchUpTimeout));
    if (own_testnet_ != nullptr) {
      KILN_RETURN_IF_ERROR(own_testnet_->Stop());
      for (const std::string& home : own_testnet_->homes()) {
        KILN_RETURN_IF_ERROR(Annotate(CheckStoredLedger(home, range, &lost), home));
      }
    } else {
      for (size_t i = 0; i < chain_.endpoints.size(); ++i) {
        KILN_RETURN_IF_ERROR(
            Annotate(CheckServedLedger(OnlyAt(chain_, i), range, &lost), chain_.endpoints[i]));
      }
    }
    report_.lost = lost.lost();
    return absl::OkStatus();
  }

  void FillFigures() {
    report_.steady =
        ComputeSteadyFigures(load_.committed, absl::Seconds(arguments_.duration_seconds));
    report_.committed = load_.committed.size();
    report_.errors = load_.errors;
    report_.first_error = load_.first_error;
    report_.validators = chain_.endpoints.size();
    report_.payload_bytes = arguments_.payload_bytes;
    report_.in_flight = arguments_.rate > 0 ? 0 : arguments_.in_flight;
    report_.rate = arguments_.rate;
    report_.duration_seconds = arguments_.duration_seconds;
    if (own_testnet_ == nullptr) return;
    const std::vector<ProcessUsage> usage = own_testnet_->final_usage();
    for (size_t i = 0; i < usage.size(); ++i) {
      report_.processes[i].bytes_written = usage[i].bytes_written;
    }
    if (arguments_.keep) report_.kept_dir = own_testnet_->dir();
  }

  const BenchArguments& arguments_;
  const LoadPayload payload_;
  std::unique_ptr<LocalTestnet> own_testnet_;  // null when the chain is somebody else's
  ClientOptions chain_;
  LoadResult load_;
  BenchReport report_;
};

absl::Status RunBench(const BenchArguments& arguments) {
  WatchForInterrupts();
  KILN_ASSIGN_OR_RETURN(const BenchReport report, Bench(arguments).Run());
  if (arguments.json) {
    PrintJson(BenchReportJson(report));
  } else {
    std::fputs(BenchReportText(report).c_str(), stdout);
  }
  if (report.lost > 0) {
    return absl::DataLossError(
        absl::StrCat(report.lost, " acknowledged transactions are missing from a ledger"));
  }
  if (report.errors > 0) {
    return absl::AbortedError(absl::StrCat(report.errors, " transactions were not committed; ",
                                           "the first because: ", report.first_error));
  }
  return absl::OkStatus();
}

void AddBenchOptions(CLI::App* command, BenchArguments* arguments) {
  CLI::Option* testnet =
      command->add_option("--testnet", arguments->testnet, "Put the load on this running testnet");
  command
      ->add_option("--validators", arguments->validators,
                   "Start so many validators in a temporary folder, and remove them afterwards")
      ->check(CLI::Range(1, 64))
      ->capture_default_str()
      ->excludes(testnet);
  command->add_option("--duration", arguments->duration_seconds, "Seconds of load")
      ->check(CLI::Range(1.0, 86400.0))
      ->capture_default_str();
  command->add_option("--payload", arguments->payload_bytes, "Bytes of each transaction")
      ->check(CLI::Range(kLoadPayloadBytesMin, size_t{4} << 20))
      ->capture_default_str();
  CLI::Option* in_flight =
      command
          ->add_option("--in-flight", arguments->in_flight,
                       "Closed loop: transactions under way at any time, over all validators")
          ->check(CLI::Range(1, 1000000))
          ->capture_default_str();
  command
      ->add_option("--rate", arguments->rate,
                   "Open loop: transactions due per second; latency counts from when one was due")
      ->check(CLI::Range(0.1, 1e7))
      ->excludes(in_flight);
  command->add_flag("--keep", arguments->keep, "Keep the temporary folder and say where it is");
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
      "  kiln bench --testnet net");
  AddBenchOptions(command, arguments.get());
  SetAction(command, context, [arguments] { return RunBench(*arguments); });
}

}  // namespace kiln::tools
