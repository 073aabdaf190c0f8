#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/files.h"
#include "node/home.h"

namespace kiln::node {
namespace {

constexpr size_t kPassphraseBytesMax = 1024;

// One byte at a time, so that what follows the line stays in a pipe for its other readers.
absl::StatusOr<std::string> ReadFirstLine(int descriptor, absl::string_view name) {
  std::string line;
  while (line.size() <= kPassphraseBytesMax) {
    char next = '\0';
    const ssize_t got = read(descriptor, &next, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(name, "read the passphrase");
    if (got == 0 || next == '\n') break;
    line.push_back(next);
  }
  if (line.size() > kPassphraseBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": the passphrase is longer than ", kPassphraseBytesMax, " bytes"));
  }
  if (line.empty())
    return absl::InvalidArgumentError(absl::StrCat(name, ": the passphrase is empty"));
  return line;
}

}  // namespace

absl::StatusOr<std::string> ReadPassphraseFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return ErrnoStatus(path, "open");
  const absl::Cleanup closer = [descriptor] { close(descriptor); };
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return ErrnoStatus(path, "inspect");
  if (S_ISREG(info.st_mode) && (info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": others can read the passphrase: chmod 600 ", path));
  }
  return ReadFirstLine(descriptor, path);
}

absl::StatusOr<std::string> ReadPassphraseDescriptor(int descriptor) {
  return ReadFirstLine(descriptor, absl::StrCat("descriptor ", descriptor));
}

}  // namespace kiln::node
