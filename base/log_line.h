// How a log line looks, and which lines are left out. Apart from log.cc so that tests set the time.
#ifndef KILN_BASE_LOG_LINE_H_
#define KILN_BASE_LOG_LINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/log.h"

namespace kiln::base_internal {

// `text` as a value: bare when it is plain, quoted and escaped otherwise, cut to kLogValueBytesMax.
std::string LogValue(absl::string_view text);

// A whole line with its newline. `left_out`, when not zero, becomes the last field.
std::string FormatLogLine(LogLevel level, uint64_t wall_us, absl::string_view component,
                          absl::string_view message, absl::Span<const LogField> fields,
                          uint64_t left_out);

// Counts lines per key and second. Holds at most `keys_max` keys, the oldest forgotten first.
// Thread-compatible. Times are monotonic microseconds.
class LogLimiter {
 public:
  LogLimiter(uint64_t lines_per_second, size_t keys_max)
      : lines_per_second_(lines_per_second), keys_max_(keys_max) {}

  // Whether one more line may be written for `key`; a refused one is counted.
  bool Admit(absl::string_view key, uint64_t now_us);
  // The lines refused for `key` since the last call.
  uint64_t TakeLeftOut(absl::string_view key);
  size_t size() const { return windows_.size(); }

 private:
  struct Window {
    uint64_t start_us = 0;
    uint64_t lines = 0;
    uint64_t left_out = 0;
  };
  Window& WindowOf(absl::string_view key, uint64_t now_us);

  const uint64_t lines_per_second_;
  const size_t keys_max_;
  absl::flat_hash_map<std::string, Window> windows_;  // lookup only
  std::deque<std::string> oldest_first_;              // the keys of windows_, as they came
};

}  // namespace kiln::base_internal

#endif  // KILN_BASE_LOG_LINE_H_
