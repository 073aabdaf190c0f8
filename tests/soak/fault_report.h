// What was injected, how it ended, and how long recoveries took.
#ifndef KILN_TESTS_SOAK_FAULT_REPORT_H_
#define KILN_TESTS_SOAK_FAULT_REPORT_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/soak/fault_deck.h"

namespace kiln::soak {

// Of one validator, since it was started or let go on.
struct RecoveryTimes {
  absl::Duration ready;   // `kiln status` says so
  absl::Duration voting;  // it has signed a vote
  absl::Duration level;   // it has executed all that was acknowledged when it came back
};

// Not thread-safe.
class FaultReport {
 public:
  void AddFault(FaultKind kind) { ++kinds_[kind].injected; }
  void AddOutcome(FaultKind kind, absl::string_view outcome) {
    ++kinds_[kind].outcomes[std::string(outcome)];
  }
  void AddRecovery(FaultKind kind, const RecoveryTimes& times) {
    kinds_[kind].recoveries.push_back(times);
  }
  // Why a kind cannot be injected here.
  void Skip(FaultKind kind, absl::string_view why) { kinds_[kind].skipped = std::string(why); }

  uint64_t faults() const;
  std::string Table() const;
  nlohmann::ordered_json Json() const;

 private:
  struct Kind {
    uint64_t injected = 0;
    std::map<std::string, uint64_t> outcomes;
    std::vector<RecoveryTimes> recoveries;
    std::string skipped;
  };

  std::map<FaultKind, Kind> kinds_;
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_FAULT_REPORT_H_
