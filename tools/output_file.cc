#include "tools/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/memory/memory.h"
#include "base/status_macros.h"
#include "node/files.h"

namespace kiln::tools {

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return node::ErrnoStatus(path, "create");
  return absl::WrapUnique(new OutputFile(path, descriptor));
}

OutputFile::OutputFile(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

OutputFile::~OutputFile() {
  close(descriptor_);
  if (!finished_) unlink(path_.c_str());
}

absl::Status OutputFile::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return node::ErrnoStatus(path_, "write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status OutputFile::Finish() {
  if (fsync(descriptor_) != 0) return node::ErrnoStatus(path_, "sync");
  KILN_RETURN_IF_ERROR(node::SyncParentOf(path_));
  finished_ = true;
  return absl::OkStatus();
}

}  // namespace kiln::tools
