// How long a validator takes until it takes part again.
#ifndef KILN_TESTS_SOAK_RECOVERY_WATCH_H_
#define KILN_TESTS_SOAK_RECOVERY_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tests/integration/test_cluster.h"
#include "tests/soak/fault_report.h"

namespace kiln::soak {

// Begins with its construction. Used by the main thread only.
class RecoveryWatch {
 public:
  // Level is who has executed `height`. `votes_before` are those it had signed before it was
  // paused; none when it was started anew.
  RecoveryWatch(integration::TestCluster* cluster, size_t validator, uint64_t height,
                uint64_t votes_before = 0);

  // Asks the validator once, unless it has recovered. True when it has.
  bool Poll();
  // It was ready, has voted and is level.
  bool has_recovered() const { return ready_ && voting_ && level_; }
  size_t validator() const { return validator_; }
  // REQUIRES: has_recovered().
  RecoveryTimes times() const { return {*ready_, *voting_, *level_}; }
  // What is missing, for people.
  std::string Describe() const;

 private:
  integration::TestCluster* const cluster_;
  const size_t validator_;
  const uint64_t height_;
  const uint64_t votes_before_;
  const absl::Time start_;
  std::optional<absl::Duration> ready_;
  std::optional<absl::Duration> voting_;
  std::optional<absl::Duration> level_;
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_RECOVERY_WATCH_H_
