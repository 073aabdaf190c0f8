// How far a long command is, on stderr: a bar that redraws itself on a terminal, lines elsewhere.
#ifndef KILN_TOOLS_PROGRESS_H_
#define KILN_TOOLS_PROGRESS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace kiln::tools {

// One line: "importing  [=====     ]  50 %  379 of 759".
std::string ProgressBar(absl::string_view what, size_t done, size_t total);

// Thread-safe. Says nothing when `total` is zero.
class Progress {
 public:
  Progress(std::string what, size_t total, bool is_terminal);
  // Ends the line that is being redrawn.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Advance(size_t count = 1);

 private:
  bool IsWorthALine(size_t done) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string what_;
  const size_t total_;
  const bool is_terminal_;

  absl::Mutex mutex_;
  size_t done_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t shown_ ABSL_GUARDED_BY(mutex_) = 0;          // value of done_ when last printed
  uint64_t shown_at_us_ ABSL_GUARDED_BY(mutex_) = 0;  // monotonic
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_PROGRESS_H_
