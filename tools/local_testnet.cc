#include "tools/local_testnet.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "node/home.h"
#include "tools/chain_target.h"
#include "tools/interrupt.h"

namespace kiln::tools {
namespace {

constexpr absl::Duration kReadyTimeout = absl::Seconds(30);
constexpr absl::Duration kStopTimeout = absl::Seconds(30);
constexpr absl::Duration kPollInterval = absl::Milliseconds(20);
constexpr absl::Duration kAttemptTimeout = absl::Seconds(2);

absl::StatusOr<std::string> MakeTemporaryDir() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string pattern = absl::StrCat(error ? "/tmp" : parent.string(), "/kiln-bench-XXXXXX");
  if (mkdtemp(pattern.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat(pattern, ": ", std::strerror(errno)));
  }
  return pattern;
}

std::string LogFile(const std::string& dir, size_t validator) {
  return absl::StrCat(dir, "/validator-", validator, ".log");
}

bool IsReady(const ClientOptions& chain, size_t index) {
  ClientOptions options = OnlyAt(chain, index);
  options.attempt_timeout = kAttemptTimeout;
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(std::move(options));
  if (!client.ok()) return false;
  const absl::StatusOr<NodeStatus> status = (*client)->GetStatus();
  return status.ok() && status->ready;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalTestnet>> LocalTestnet::Start(size_t validators) {
  std::unique_ptr<LocalTestnet> testnet(new LocalTestnet());
  KILN_ASSIGN_OR_RETURN(testnet->dir_, MakeTemporaryDir());
  absl::Status started = testnet->Launch(validators);
  if (started.ok()) started = testnet->WaitUntilReady();
  if (started.ok()) return testnet;
  if (absl::IsCancelled(started)) return started;
  testnet->Keep();
  return Annotate(started, absl::StrCat("testnet in ", testnet->dir_, ", kept for a look"));
}

LocalTestnet::~LocalTestnet() {
  processes_.clear();
  if (keep_ || dir_.empty()) return;
  std::error_code ignored;  // a leftover temporary folder is nothing to fail for
  std::filesystem::remove_all(dir_, ignored);
}

absl::Status LocalTestnet::Launch(size_t validators) {
  node::TestnetRequest request;
  request.output = absl::StrCat(dir_, "/testnet");
  request.powers.assign(validators, 1);
  request.base_port = 0;
  request.chain_name = "bench";
  request.time_us = SystemClock()->Read().wall_us;
  KILN_ASSIGN_OR_RETURN(const node::Testnet written, node::WriteTestnet(request));
  homes_ = written.homes;
  KILN_ASSIGN_OR_RETURN(chain_, ClientOptions::FromTestnet(request.output));
  for (size_t i = 0; i < homes_.size(); ++i) {
    KILN_ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> process, StartProcess(i));
    processes_.push_back(std::move(process));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ChildProcess>> LocalTestnet::StartProcess(size_t validator) const {
  KILN_ASSIGN_OR_RETURN(const std::string kiln, OwnExecutable());
  return ChildProcess::Start({kiln, "node", "--home", homes_.at(validator)},
                             LogFile(dir_, validator));
}

absl::Status LocalTestnet::StartAgain(size_t validator) {
  KILN_ASSIGN_OR_RETURN(processes_.at(validator), StartProcess(validator));
  return absl::OkStatus();
}

absl::Status LocalTestnet::WaitUntilReady() {
  const uint64_t give_up_us = SystemClock()->Read().monotonic_us +
                              static_cast<uint64_t>(absl::ToInt64Microseconds(kReadyTimeout));
  for (size_t i = 0; i < processes_.size();) {
    if (!processes_[i]->IsRunning()) {
      return absl::AbortedError(absl::StrCat("validator-", i, " ended; see ", LogFile(dir_, i)));
    }
    if (IsReady(chain_, i)) {
      ++i;
      continue;
    }
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (SystemClock()->Read().monotonic_us >= give_up_us) {
      return absl::DeadlineExceededError(absl::StrCat("validator-", i, " is not ready after ",
                                                      absl::FormatDuration(kReadyTimeout), "; see ",
                                                      LogFile(dir_, i)));
    }
    absl::SleepFor(kPollInterval);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> LocalTestnet::CpuSeconds() const {
  std::vector<double> seconds;
  for (const std::unique_ptr<ChildProcess>& process : processes_) {
    seconds.push_back(0);
    if (process == nullptr) continue;
    KILN_ASSIGN_OR_RETURN(seconds.back(), process->CpuSeconds());
  }
  return seconds;
}

absl::StatusOr<std::vector<ResidentMemory>> LocalTestnet::Memory() const {
  std::vector<ResidentMemory> memory;
  for (const std::unique_ptr<ChildProcess>& process : processes_) {
    memory.emplace_back();
    if (process == nullptr) continue;
    KILN_ASSIGN_OR_RETURN(memory.back(), process->Memory());
  }
  return memory;
}

absl::Status LocalTestnet::Stop() {
  std::vector<absl::Status> statuses(processes_.size());
  std::vector<std::thread> stoppers;
  for (size_t i = 0; i < processes_.size(); ++i) {
    stoppers.emplace_back(
        [this, i, &statuses] { statuses[i] = processes_[i]->Stop(kStopTimeout); });
  }
  for (std::thread& stopper : stoppers) stopper.join();
  for (size_t i = 0; i < statuses.size(); ++i) {
    KILN_RETURN_IF_ERROR(Annotate(statuses[i], absl::StrCat("validator-", i)));
  }
  return absl::OkStatus();
}

std::vector<ProcessUsage> LocalTestnet::final_usage() const {
  std::vector<ProcessUsage> usage;
  for (const std::unique_ptr<ChildProcess>& process : processes_) {
    usage.push_back(process->final_usage());
  }
  return usage;
}

}  // namespace kiln::tools
