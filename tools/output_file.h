// A file that a command writes piece by piece, and that is there only when it is whole.
#ifndef KILN_TOOLS_OUTPUT_FILE_H_
#define KILN_TOOLS_OUTPUT_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln::tools {

// Removed again unless Finish was OK. Not thread-safe.
class OutputFile {
 public:
  // Mode 0600. AlreadyExists rather than overwrite; errors name the path.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  absl::Status Write(absl::string_view bytes);
  // Durable, under its name, when it returns OK.
  absl::Status Finish();

 private:
  OutputFile(std::string path, int descriptor);

  const std::string path_;
  const int descriptor_;
  bool finished_ = false;
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_OUTPUT_FILE_H_
