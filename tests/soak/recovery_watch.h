// How long a validator takes until it takes part again.
#ifndef KILN_TESTS_SOAK_RECOVERY_WATCH_H_
#define KILN_TESTS_SOAK_RECOVERY_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kiln/types.h"
#include "tests/soak/fault_report.h"

namespace kiln::soak {

// What recovering means for one validator.
struct RecoveryGoal {
  size_t validator = 0;
  uint64_t height = 0;        // level is who has executed it
  uint64_t votes_before = 0;  // it had signed when it was paused; none when it was started anew
};

// Not thread-safe.
class RecoveryWatch {
 public:
  RecoveryWatch(const RecoveryGoal& goal, absl::Time start) : goal_(goal), start_(start) {}

  // What it said when it was asked just before `now`. True when it has recovered.
  bool Take(const absl::StatusOr<NodeStatus>& status, absl::Time now);
  // It was ready, has voted and is level.
  bool has_recovered() const { return ready_ && voting_ && level_; }
  size_t validator() const { return goal_.validator; }
  // REQUIRES: has_recovered().
  RecoveryTimes times() const { return {*ready_, *voting_, *level_}; }
  // What is missing, for people.
  std::string Describe() const;

 private:
  const RecoveryGoal goal_;
  const absl::Time start_;
  std::optional<absl::Duration> ready_;
  std::optional<absl::Duration> voting_;
  std::optional<absl::Duration> level_;
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_RECOVERY_WATCH_H_
