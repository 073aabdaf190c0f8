#include "tools/progress.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/clock.h"

namespace kiln::tools {
namespace {

constexpr size_t kBarCells = 30;
constexpr uint64_t kRedrawIntervalUs = 50'000;
constexpr size_t kLinesWithoutTerminal = 4;  // one at each quarter

}  // namespace

std::string ProgressBar(absl::string_view what, size_t done, size_t total) {
  const size_t filled = total == 0 ? kBarCells : done * kBarCells / total;
  const size_t percent = total == 0 ? 100 : done * 100 / total;
  return absl::StrFormat("%s  [%s%s]  %3d %%  %d of %d", what, std::string(filled, '='),
                         std::string(kBarCells - filled, ' '), percent, done, total);
}

Progress::Progress(std::string what, size_t total, bool is_terminal)
    : what_(std::move(what)), total_(total), is_terminal_(is_terminal) {}

Progress::~Progress() {
  const absl::MutexLock lock(&mutex_);
  if (is_terminal_ && shown_ > 0) std::fputc('\n', stderr);
}

bool Progress::IsWorthALine(size_t done) const {
  if (done == shown_) return false;
  if (done == total_) return true;
  if (!is_terminal_) {
    return done * kLinesWithoutTerminal / total_ > shown_ * kLinesWithoutTerminal / total_;
  }
  return SystemClock()->Read().monotonic_us - shown_at_us_ >= kRedrawIntervalUs;
}

void Progress::Advance(size_t count) {
  const absl::MutexLock lock(&mutex_);
  done_ += count;
  if (total_ == 0 || !IsWorthALine(done_)) return;
  shown_ = done_;
  shown_at_us_ = SystemClock()->Read().monotonic_us;
  const std::string line = ProgressBar(what_, done_, total_);
  std::fprintf(stderr, is_terminal_ ? "\r%s" : "%s\n", line.c_str());
}

}  // namespace kiln::tools
