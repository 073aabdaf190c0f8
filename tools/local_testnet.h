// A testnet of separate `kiln node` processes in a temporary folder, for as long as a command needs
// it.
#ifndef KILN_TOOLS_LOCAL_TESTNET_H_
#define KILN_TOOLS_LOCAL_TESTNET_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kiln/client.h"
#include "tools/child_process.h"

namespace kiln::tools {

// Owns the processes and, unless told to keep it, the folder. Not thread-safe.
class LocalTestnet {
 public:
  // Makes the folder, starts the processes and waits until every validator is ready. The error
  // names the log of the validator that is not.
  static absl::StatusOr<std::unique_ptr<LocalTestnet>> Start(size_t validators);
  // Kills what still runs and removes the folder, unless it is kept.
  ~LocalTestnet();
  LocalTestnet(const LocalTestnet&) = delete;
  LocalTestnet& operator=(const LocalTestnet&) = delete;

  // The folder stays: somebody wants to look at it.
  void Keep() { keep_ = true; }

  const std::string& dir() const { return dir_; }
  const std::vector<std::string>& homes() const { return homes_; }
  const ClientOptions& chain() const { return chain_; }

  // CPU seconds used so far, one for each validator.
  absl::StatusOr<std::vector<double>> CpuSeconds() const;
  // Resident memory now, likewise.
  absl::StatusOr<std::vector<ResidentMemory>> Memory() const;
  // Gracefully, all at once. Aborted names the first that did not end well.
  absl::Status Stop();
  // Of each validator's whole life. REQUIRES: Stop has returned.
  std::vector<ProcessUsage> final_usage() const;

 private:
  LocalTestnet() = default;
  absl::Status Launch(size_t validators);
  absl::Status WaitUntilReady();

  std::string dir_;  // holds testnet/ and one log per validator
  bool keep_ = false;
  std::vector<std::string> homes_;
  ClientOptions chain_;
  std::vector<std::unique_ptr<ChildProcess>> processes_;
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LOCAL_TESTNET_H_
