#include "tools/bench_run.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "base/stage_profile.h"
#include "base/status_macros.h"
#include "kiln/client.h"
#include "kiln/node.h"
#include "network/admin_client.h"
#include "node/home.h"
#include "tools/chain_target.h"
#include "tools/child_process.h"
#include "tools/interrupt.h"
#include "tools/ledger_check.h"
#include "tools/load.h"
#include "tools/load_payload.h"
#include "tools/load_report.h"
#include "tools/local_testnet.h"
#include "tools/stage_report.h"

namespace kiln::tools {
namespace {

constexpr absl::Duration kCatchUpTimeout = absl::Seconds(60);
constexpr absl::Duration kProfileTimeout = absl::Seconds(5);

LoadOptions MakeLoadOptions(const BenchSettings& settings, ClientOptions chain) {
  LoadOptions options;
  options.chain = std::move(chain);
  options.duration = absl::Seconds(settings.duration_seconds);
  options.in_flight = settings.in_flight;
  options.rate = settings.rate;
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
  explicit Bench(const BenchSettings& settings)
      : settings_(settings),
        payload_(SystemRandom()->Below(uint64_t{1} << 62), settings.payload_bytes) {}

  absl::StatusOr<BenchReport> Run() {
    KILN_RETURN_IF_ERROR(Prepare());
    Say(absl::StrFormat("%d validators, %d-byte payloads, %.0f s of load", chain_.endpoints.size(),
                        settings_.payload_bytes, settings_.duration_seconds));
    KILN_RETURN_IF_ERROR(ApplyLoad());
    Say(absl::StrFormat("looking up %d acknowledged transactions in every ledger",
                        load_.committed.size()));
    KILN_RETURN_IF_ERROR(CheckLedgers());
    FillFigures();
    return std::move(report_);
  }

 private:
  void Say(const std::string& line) const {
    if (settings_.say != nullptr) settings_.say(line);
  }

  absl::Status Prepare() {
    if (settings_.dead > 0 && 3 * settings_.dead >= settings_.validators) {
      return absl::InvalidArgumentError(
          absl::StrCat("--dead ", settings_.dead, ": of ", settings_.validators,
                       " validators fewer than a third may be dead, or nothing is committed"));
    }
    if (settings_.testnet.empty()) {
      KILN_ASSIGN_OR_RETURN(own_testnet_, LocalTestnet::Start(settings_.validators));
      if (settings_.keep) own_testnet_->Keep();
      chain_ = own_testnet_->chain();
    } else {
      KILN_ASSIGN_OR_RETURN(chain_, ClientOptions::FromTestnet(settings_.testnet));
    }
    for (size_t i = live(); i < chain_.endpoints.size(); ++i) own_testnet_->Kill(i);
    if (settings_.profile_stages) KILN_RETURN_IF_ERROR(FindAdminSockets());
    const uint64_t payload_bytes_max = chain_.genesis.limits.transaction_bytes_max;
    if (settings_.payload_bytes <= payload_bytes_max) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("--payload ", settings_.payload_bytes,
                                                   ": this chain takes at most ", payload_bytes_max,
                                                   " bytes a transaction"));
  }

  size_t live() const { return chain_.endpoints.size() - settings_.dead; }

  absl::Status FindAdminSockets() {
    std::vector<std::string> homes;
    if (own_testnet_ != nullptr) {
      homes = own_testnet_->homes();
    } else {
      KILN_ASSIGN_OR_RETURN(homes, node::FindTestnetHomes(settings_.testnet));
    }
    for (const std::string& home : homes) {
      KILN_ASSIGN_OR_RETURN(const NodeOptions options, NodeOptions::FromHome(home));
      if (options.admin_socket.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--profile-stages: ", home, " has no admin_socket in its kiln.toml"));
      }
      admin_sockets_.push_back(options.admin_socket);
    }
    admin_sockets_.resize(live());
    return absl::OkStatus();
  }

  // What is known of the validators at one moment of the load.
  struct Reading {
    std::vector<double> cpu_seconds;        // empty for somebody else's testnet, as the next
    std::vector<ResidentMemory> memory;     // likewise
    std::vector<ProfileSnapshot> profiles;  // empty unless asked for
  };
  absl::StatusOr<Reading> Read(bool with_profiles) const {
    Reading reading;
    if (own_testnet_ != nullptr) {
      KILN_ASSIGN_OR_RETURN(reading.cpu_seconds, own_testnet_->CpuSeconds());
      KILN_ASSIGN_OR_RETURN(reading.memory, own_testnet_->Memory());
    }
    if (!with_profiles) return reading;
    for (const std::string& socket : admin_sockets_) {
      KILN_ASSIGN_OR_RETURN(const ProfileSnapshot profile,
                            network::AskProfile(socket, kProfileTimeout));
      reading.profiles.push_back(profile);
    }
    return reading;
  }

  absl::Status ApplyLoad() {
    LoadOptions options = MakeLoadOptions(settings_, chain_);
    options.chain.endpoints.resize(live());
    absl::StatusOr<Reading> steady_begin =
        absl::UnknownError("the load ended before it was steady");
    absl::StatusOr<Reading> steady_end = steady_begin;
    options.moments = {{kSteadyBegin, [&] { steady_begin = Read(settings_.profile_stages); }},
                       {kSteadyEnd, [&] { steady_end = Read(settings_.profile_stages); }}};
    KILN_ASSIGN_OR_RETURN(const Reading begin, Read(false));
    const double own_cpu_before = OwnCpuSeconds();
    KILN_ASSIGN_OR_RETURN(load_, RunLoad(options, payload_));
    if (Interrupted()) return absl::CancelledError("interrupted; nothing was measured");
    report_.client_cpu_seconds = OwnCpuSeconds() - own_cpu_before;
    KILN_ASSIGN_OR_RETURN(const Reading end, Read(false));
    for (size_t i = live(); i < chain_.endpoints.size(); ++i) {
      KILN_RETURN_IF_ERROR(own_testnet_->StartAgain(i));  // its ledger is checked too
    }
    KILN_RETURN_IF_ERROR(steady_begin.status());
    KILN_RETURN_IF_ERROR(steady_end.status());
    NoteProcesses(begin, *steady_begin, end);
    if (settings_.profile_stages) NoteStages(*steady_begin, *steady_end);
    return absl::OkStatus();
  }

  void NoteProcesses(const Reading& begin, const Reading& steady_begin, const Reading& end) {
    for (size_t i = 0; i < end.cpu_seconds.size(); ++i) {
      report_.processes.push_back({.name = chain_.genesis.validators[i].name,
                                   .cpu_seconds = end.cpu_seconds[i] - begin.cpu_seconds[i],
                                   .resident_steady_bytes = steady_begin.memory[i].now,
                                   .resident_end_bytes = end.memory[i].now,
                                   .resident_highest_bytes = end.memory[i].highest});
    }
  }

  void NoteStages(const Reading& begin, const Reading& end) {
    StageReport& stages = report_.stages.emplace();
    for (size_t i = 0; i < end.profiles.size(); ++i) {
      stages.validators.push_back(
          {chain_.genesis.validators[i].name, Difference(end.profiles[i], begin.profiles[i])});
    }
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
        ComputeSteadyFigures(load_.committed, absl::Seconds(settings_.duration_seconds));
    if (report_.stages.has_value()) report_.stages->committed = report_.steady.committed;
    report_.committed = load_.committed.size();
    report_.errors = load_.errors;
    report_.refused = load_.refused;
    report_.held_back = load_.held_back;
    report_.first_error = load_.first_error;
    report_.validators = chain_.endpoints.size();
    report_.dead = settings_.dead;
    report_.payload_bytes = settings_.payload_bytes;
    report_.in_flight = settings_.rate > 0 ? 0 : settings_.in_flight;
    report_.rate = settings_.rate;
    report_.duration_seconds = settings_.duration_seconds;
    if (own_testnet_ == nullptr) return;
    const std::vector<ProcessUsage> usage = own_testnet_->final_usage();
    for (size_t i = 0; i < usage.size(); ++i) {
      report_.processes[i].bytes_written = usage[i].bytes_written;
    }
    if (settings_.keep) report_.kept_dir = own_testnet_->dir();
  }

  const BenchSettings& settings_;
  const LoadPayload payload_;
  std::unique_ptr<LocalTestnet> own_testnet_;  // null when the chain is somebody else's
  ClientOptions chain_;
  std::vector<std::string> admin_sockets_;  // by validator; empty unless stages are profiled
  LoadResult load_;
  BenchReport report_;
};

}  // namespace

absl::StatusOr<BenchReport> RunBench(const BenchSettings& settings) {
  return Bench(settings).Run();
}

}  // namespace kiln::tools
