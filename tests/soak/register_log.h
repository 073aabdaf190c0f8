// What clients saw of registers.
#ifndef KILN_TESTS_SOAK_REGISTER_LOG_H_
#define KILN_TESTS_SOAK_REGISTER_LOG_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kiln/types.h"
#include "tests/linearizability/register_history.h"

namespace kiln::soak {

// Microseconds of one monotonic clock.
struct CallTime {
  uint64_t called_us = 0;
  uint64_t returned_us = 0;
};

// A write that a client has called for.
struct RegisterWrite {
  size_t reg = 0;
  uint64_t value = 0;
  Hash id;  // of its transaction
};

// Histories for the checker. A write without an answer stays in as one that returns never: it may
// take effect at any time after its call, or not at all. A read without an answer is left out.
// Invariant: no two writes have one value. Thread-safe.
class RegisterLog {
 public:
  struct Counts {
    uint64_t reads = 0;
    uint64_t writes = 0;  // acknowledged
    uint64_t unknown_writes = 0;
    uint64_t unanswered_reads = 0;

    uint64_t answered() const { return reads + writes; }
  };

  explicit RegisterLog(size_t registers) : histories_(registers) {}

  // One that nobody was given before.
  uint64_t NextValue();
  void TakeRead(size_t reg, const CallTime& time, const absl::StatusOr<Answer>& answer);
  void TakeWrite(const RegisterWrite& write, const CallTime& time,
                 const absl::StatusOr<Receipt>& receipt);

  Counts counts() const;
  // By register.
  std::vector<linearizability::RegisterHistory> histories() const;
  std::vector<Hash> acknowledged_ids() const;
  // Errors that do not mean "outcome unknown", and contents that nobody wrote.
  std::vector<absl::Status> unexpected() const;

 private:
  void TakeError(const absl::Status& error) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  uint64_t last_value_ ABSL_GUARDED_BY(mutex_) = linearizability::kAbsent;
  std::vector<linearizability::RegisterHistory> histories_ ABSL_GUARDED_BY(mutex_);
  std::vector<Hash> acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Status> unexpected_ ABSL_GUARDED_BY(mutex_);
  Counts counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_REGISTER_LOG_H_
