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

  // `kill -9`.
  void Kill(size_t validator) { processes_.at(validator).reset(); }
  // After Kill. Does not wait until it is ready.
  absl::Status StartAgain(size_t validator);

  // CPU seconds used so far, one for each validator, 0 for one that was killed.
  absl::StatusOr<std::vector<double>> CpuSeconds() const;
  // Resident memory now, likewise.
  absl::StatusOr<std::vector<ResidentMemory>> Memory() const;
  // Gracefully, all at once. Aborted names the first that did not end well.
  absl::Status Stop();
  // Of the life of each validator's last process. REQUIRES: Stop has returned.
  std::vector<ProcessUsage> final_usage() const;

 private:
  LocalTestnet() = default;
  absl::Status Launch(size_t validators);
  absl::StatusOr<std::unique_ptr<ChildProcess>> StartProcess(size_t validator) const;
  absl::Status WaitUntilReady();

  std::string dir_;  // holds testnet/ and one log per validator
  bool keep_ = false;
  std::vector<std::string> homes_;
  ClientOptions chain_;
  std::vector<std::unique_ptr<ChildProcess>> processes_;  // null: killed
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LOCAL_TESTNET_H_
