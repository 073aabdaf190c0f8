#include "base/check.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace kiln {
namespace {

std::atomic<bool> stopping = false;

// One line stays one line, whatever was streamed into it.
std::string OnOneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  while (!line.empty() && (line.back() == '.' || line.back() == ' ')) line.pop_back();
  return line;
}

void WriteAll(absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

// The last two parts of a path: where the compiler stood when it built this is nobody's business.
absl::string_view ShortPath(absl::string_view path) {
  const size_t file = path.rfind('/');
  if (file == absl::string_view::npos || file == 0) return path;
  const size_t folder = path.rfind('/', file - 1);
  return folder == absl::string_view::npos ? path : path.substr(folder + 1);
}

}  // namespace

void FailStop(absl::string_view cause, absl::string_view what_to_do) {
  if (stopping.exchange(true)) {
    while (true) pause();  // the first caller ends the process
  }
  WriteAll(absl::StrCat("kiln: stopped: ", OnOneLine(cause),
                        ". What to do: ", OnOneLine(what_to_do), "\n"));
  _exit(kFailStopExitStatus);
}

namespace base_internal {

CheckFailure::CheckFailure(const char* file, int line, const char* condition) {
  const absl::string_view path = ShortPath(file);
  stream_ << "check failed at ";
  stream_.write(path.data(), static_cast<std::streamsize>(path.size()));
  stream_ << ":" << line << ": " << condition << " ";
}

CheckFailure::~CheckFailure() {
  FailStop(stream_.str(),
           "this is a fault in Kiln itself; keep the home directory as it is and report this line");
}

}  // namespace base_internal
}  // namespace kiln
