// Structured log lines on stderr: one line per event, rate-limited per cause.
//
//   KILN_LOG(kWarning, "peer", "connection refused", {{"peer", name}, {"cause",
//   status.message()}}); 2026-01-02T03:04:05.678901Z WARN peer "connection refused"
//   peer=validator-2 cause="unknown chain id"
//
// A cause is a call site (file and line) together with its first field's value: each may write
// kLogLinesPerCausePerSecond lines a second. A call site as a whole may write
// kLogLinesPerSitePerSecond, so that a peer who sends a new value each time gains nothing. The next
// line that is written says how many were left out. Values are quoted when they hold more than
// plain characters, and control and non-ASCII bytes are escaped: no value can forge a line or a
// field.
#ifndef KILN_BASE_LOG_H_
#define KILN_BASE_LOG_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kiln {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

inline constexpr int kLogLinesPerCausePerSecond = 1;
inline constexpr int kLogLinesPerSitePerSecond = 20;
inline constexpr size_t kLogCausesMax = 4096;     // forgotten oldest first: memory stays bounded
inline constexpr size_t kLogValueBytesMax = 512;  // longer values are cut and say by how much

struct LogField {
  LogField(absl::string_view field_key, const absl::AlphaNum& field_value)
      : key(field_key), value(field_value.Piece()) {}
  absl::string_view key;
  std::string value;
};

// Thread-safe. Debug and info lines share only their call site's limit; warnings and errors have
// their cause's as well.
void Log(LogLevel level, const char* file, int line, absl::string_view component,
         absl::string_view message, std::initializer_list<LogField> fields = {});
// Lines below `level` are not written. Default: kInfo.
void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);

// Where lines go, for tests. nullptr restores stderr.
void SetLogSink(void (*new_sink)(absl::string_view line));

}  // namespace kiln

#define KILN_LOG(level, component, ...)                                                 \
  do {                                                                                  \
    if (::kiln::LogEnabled(::kiln::LogLevel::level)) {                                  \
      ::kiln::Log(::kiln::LogLevel::level, __FILE__, __LINE__, component, __VA_ARGS__); \
    }                                                                                   \
  } while (false)

#endif  // KILN_BASE_LOG_H_
