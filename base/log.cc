#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/log_line.h"

namespace kiln {
namespace {

// Call sites are as many as the source has; the bound only has to be above that.
constexpr size_t kSitesMax = 1 << 16;

void WriteToStderr(absl::string_view line) {
  while (!line.empty()) {
    const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nowhere left to complain
    line.remove_prefix(static_cast<size_t>(written));
  }
}

std::atomic<LogLevel> level_written = LogLevel::kInfo;
std::atomic<void (*)(absl::string_view)> sink = &WriteToStderr;

struct Verdict {
  bool write = false;
  uint64_t left_out = 0;
};

// Which lines are written. Thread-safe.
class Limits {
 public:
  Verdict Judge(LogLevel level, absl::string_view site, absl::string_view cause, uint64_t now_us) {
    absl::MutexLock lock(&mutex_);
    const bool per_cause = level >= LogLevel::kWarning;
    if (per_cause && !causes_.Admit(cause, now_us)) return {};
    if (!sites_.Admit(site, now_us)) return {};
    return {.write = true, .left_out = sites_.TakeLeftOut(site) + causes_.TakeLeftOut(cause)};
  }

 private:
  absl::Mutex mutex_;
  base_internal::LogLimiter causes_ ABSL_GUARDED_BY(mutex_){kLogLinesPerCausePerSecond,
                                                            kLogCausesMax};
  base_internal::LogLimiter sites_ ABSL_GUARDED_BY(mutex_){kLogLinesPerSitePerSecond, kSitesMax};
};

Limits& TheLimits() {
  static Limits* const limits = new Limits;
  return *limits;
}

// A hostile value may be long; what tells causes apart may not.
std::string CauseOf(absl::string_view site, absl::Span<const LogField> fields) {
  if (fields.empty()) return std::string(site);
  return absl::StrCat(site, " ",
                      absl::string_view(fields.front().value).substr(0, kLogValueBytesMax));
}

}  // namespace

void Log(LogLevel level, const char* file, int line, absl::string_view component,
         absl::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  const absl::Span<const LogField> all(fields.begin(), fields.size());
  const Now now = SystemClock()->Read();
  const std::string site = absl::StrCat(file, ":", line);
  const Verdict verdict = TheLimits().Judge(level, site, CauseOf(site, all), now.monotonic_us);
  if (!verdict.write) return;
  sink.load()(
      base_internal::FormatLogLine(level, now.wall_us, component, message, all, verdict.left_out));
}

void SetLogLevel(LogLevel level) {
  level_written = level;
}
bool LogEnabled(LogLevel level) {
  return level >= level_written.load(std::memory_order_relaxed);
}
void SetLogSink(void (*new_sink)(absl::string_view line)) {
  sink = new_sink == nullptr ? &WriteToStderr : new_sink;
}

}  // namespace kiln
