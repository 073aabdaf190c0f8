#include "base/log_line.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace kiln::base_internal {
namespace {

constexpr uint64_t kSecondUs = 1'000'000;

bool IsPlain(char c) {
  return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"' && c != '\\' && c != '=';
}

bool IsPlain(absl::string_view text) {
  for (const char c : text) {
    if (!IsPlain(c)) return false;
  }
  return !text.empty();
}

void AppendEscaped(char c, std::string& out) {
  if (c == '"' || c == '\\') {
    out += {'\\', c};
  } else if (c == '\n') {
    out += "\\n";
  } else if (absl::ascii_isprint(static_cast<unsigned char>(c))) {
    out += c;
  } else {
    absl::StrAppend(&out, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
  }
}

std::string Quoted(absl::string_view text) {
  const absl::string_view kept = text.substr(0, kLogValueBytesMax);
  std::string out = "\"";
  for (const char c : kept) AppendEscaped(c, out);
  if (kept.size() < text.size()) {
    absl::StrAppend(&out, "... (", text.size() - kept.size(), " bytes more)");
  }
  return out + "\"";
}

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

std::string Timestamp(uint64_t wall_us) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ",
                          absl::FromUnixMicros(static_cast<int64_t>(wall_us)), absl::UTCTimeZone());
}

}  // namespace

std::string LogValue(absl::string_view text) {
  if (text.size() <= kLogValueBytesMax && IsPlain(text)) return std::string(text);
  return Quoted(text);
}

std::string FormatLogLine(LogLevel level, uint64_t wall_us, absl::string_view component,
                          absl::string_view message, absl::Span<const LogField> fields,
                          uint64_t left_out) {
  std::string line = absl::StrCat(Timestamp(wall_us), " ", LevelName(level), " ",
                                  LogValue(component), " ", Quoted(message));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", LogValue(field.key), "=", LogValue(field.value));
  }
  if (left_out > 0) absl::StrAppend(&line, " left_out=", left_out);
  return line + "\n";
}

LogLimiter::Window& LogLimiter::WindowOf(absl::string_view key, uint64_t now_us) {
  const auto found = windows_.find(key);
  if (found != windows_.end()) return found->second;
  if (windows_.size() >= keys_max_) {
    windows_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  oldest_first_.emplace_back(key);
  return windows_.try_emplace(std::string(key), Window{.start_us = now_us}).first->second;
}

bool LogLimiter::Admit(absl::string_view key, uint64_t now_us) {
  Window& window = WindowOf(key, now_us);
  if (now_us - window.start_us >= kSecondUs) {
    window.start_us = now_us;
    window.lines = 0;
  }
  if (window.lines >= lines_per_second_) {
    ++window.left_out;
    return false;
  }
  ++window.lines;
  return true;
}

uint64_t LogLimiter::TakeLeftOut(absl::string_view key) {
  const auto found = windows_.find(key);
  return found == windows_.end() ? 0 : std::exchange(found->second.left_out, 0);
}

}  // namespace kiln::base_internal
