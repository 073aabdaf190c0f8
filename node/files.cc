#include "node/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace kiln::node {
namespace {

absl::Status WriteAll(int descriptor, const std::string& path, absl::string_view contents) {
  while (!contents.empty()) {
    const ssize_t written = write(descriptor, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(path, "write");
    contents.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(descriptor) != 0) return ErrnoStatus(path, "sync");
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadAll(int descriptor, const std::string& path, size_t bytes_max) {
  std::string contents(bytes_max + 1, '\0');
  size_t filled = 0;
  while (filled < contents.size()) {
    const ssize_t got = read(descriptor, contents.data() + filled, contents.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(path, "read");
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  if (filled > bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": larger than ", bytes_max, " bytes, the most that is read"));
  }
  contents.resize(filled);
  return contents;
}

}  // namespace

absl::Status ErrnoStatus(absl::string_view path, absl::string_view what) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": cannot ", what));
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t bytes_max) {
  // Without O_NONBLOCK a pipe in the file's place would stop us here.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return ErrnoStatus(path, "open");
  const absl::Cleanup closer = [descriptor] { close(descriptor); };
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return ErrnoStatus(path, "inspect");
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  }
  return ReadAll(descriptor, path, bytes_max);
}

absl::Status WriteNewFile(const std::string& path, absl::string_view contents) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return ErrnoStatus(path, "create");
  const absl::Status written = WriteAll(descriptor, path, contents);
  if (close(descriptor) != 0 && written.ok()) return ErrnoStatus(path, "close");
  return written;
}

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  struct stat info {};
  const int error = errno;
  if (error == EEXIST && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::OkStatus();
  }
  errno = error;
  return ErrnoStatus(path, "create");
}

absl::Status SyncDirectory(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return ErrnoStatus(path, "open");
  const absl::Cleanup closer = [descriptor] { close(descriptor); };
  if (fsync(descriptor) != 0) return ErrnoStatus(path, "sync");
  return absl::OkStatus();
}

absl::Status SyncParentOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return SyncDirectory(parent.empty() ? "." : parent);
}

std::string ResolvePath(const std::string& base, const std::string& path) {
  return (std::filesystem::path(base) / path).string();
}

}  // namespace kiln::node
