// What came of a load, collected from its streams.
#ifndef KILN_TOOLS_LOAD_RECORDER_H_
#define KILN_TOOLS_LOAD_RECORDER_H_

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kiln/types.h"
#include "tools/load.h"

namespace kiln::tools {

// Microseconds since the load began. Thread-safe.
class LoadClock {
 public:
  LoadClock();
  uint64_t Read() const;

 private:
  uint64_t start_us_ = 0;
};

// Outcomes of one stream: streams share no lock. Thread-safe.
class LoadRecorder {
 public:
  void Record(uint64_t sequence, uint64_t sent_us, uint64_t done_us,
              const absl::StatusOr<Receipt>& receipt);
  // `count` transactions came to nothing, all for one reason.
  void Fail(uint64_t count, const absl::Status& status);
  // A validator answered that it has no room for so many.
  void Refuse(uint64_t count);
  // So many were due, but the stream did not take them.
  void HoldBack(uint64_t count);
  // Adds what was recorded to `result` and forgets it.
  void MoveTo(LoadResult* result);

 private:
  void CountErrors(uint64_t count, std::string message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  LoadResult result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LOAD_RECORDER_H_
