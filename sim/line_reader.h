// Lines out of a descriptor.
#ifndef KILN_SIM_LINE_READER_H_
#define KILN_SIM_LINE_READER_H_

#include <unistd.h>

#include <cerrno>
#include <deque>
#include <string>
#include <utility>

namespace kiln::sim {

// Cuts what arrives into lines. Not thread-safe.
class LineReader {
 public:
  // Reads once; waits for that when nothing is there. False at the end.
  bool Fill(int descriptor) {
    char buffer[1 << 16];
    ssize_t count = 0;
    do {
      count = read(descriptor, buffer, sizeof(buffer));
    } while (count < 0 && errno == EINTR);
    if (count <= 0) return false;
    for (ssize_t i = 0; i < count; ++i) {
      if (buffer[i] == '\n') {
        lines_.push_back(std::move(rest_));
        rest_.clear();
      } else {
        rest_.push_back(buffer[i]);
      }
    }
    return true;
  }
  // The next whole line. False when there is none yet.
  bool Next(std::string* line) {
    if (lines_.empty()) return false;
    *line = std::move(lines_.front());
    lines_.pop_front();
    return true;
  }

 private:
  std::deque<std::string> lines_;
  std::string rest_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_LINE_READER_H_
