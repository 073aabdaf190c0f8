#include "network/admin_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace kiln::network {
namespace {

constexpr char kFolderSuffix[] = ".XXXXXX";
constexpr char kSocketName[] = "/s";

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("admin socket ", path, ": ", what));
}

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("admin socket ", path, ": the path has ",
                                                   path.size(), " bytes, a socket's at most ",
                                                   sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// AlreadyExists when somebody listens there.
absl::Status CheckNobodyListens(const std::string& path) {
  KILN_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failed("cannot make a socket", path);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const int error = errno;
  close(fd);
  if (!connected && error == ECONNREFUSED) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("admin socket ", path, ": another process listens on it"));
}

absl::Status RemoveStale(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : Failed("cannot look at it", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::AlreadyExistsError(
        absl::StrCat("admin socket ", path, ": exists and is no socket"));
  }
  KILN_RETURN_IF_ERROR(CheckNobodyListens(path));
  if (unlink(path.c_str()) != 0) return Failed("cannot remove what an earlier process left", path);
  return absl::OkStatus();
}

}  // namespace

AdminSocket::AdminSocket(std::string path, std::string folder)
    : path_(std::move(path)),
      folder_(std::move(folder)),
      bind_path_(absl::StrCat(folder_, kSocketName)) {}

absl::StatusOr<std::unique_ptr<AdminSocket>> AdminSocket::Prepare(const std::string& path) {
  std::string folder = absl::StrCat(path, kFolderSuffix);
  KILN_RETURN_IF_ERROR(AddressOf(absl::StrCat(folder, kSocketName)).status());
  KILN_RETURN_IF_ERROR(RemoveStale(path));
  if (mkdtemp(folder.data()) == nullptr) return Failed("cannot make a folder beside it", path);
  return absl::WrapUnique(new AdminSocket(path, std::move(folder)));
}

absl::Status AdminSocket::Publish() {
  if (chmod(bind_path_.c_str(), S_IRUSR | S_IWUSR) != 0)
    return Failed("cannot set its mode", path_);
  if (rename(bind_path_.c_str(), path_.c_str()) != 0) return Failed("cannot put it there", path_);
  published_ = true;
  rmdir(folder_.c_str());  // empty now; a process that is killed leaves none behind
  return absl::OkStatus();
}

AdminSocket::~AdminSocket() {
  if (published_) unlink(path_.c_str());
  unlink(bind_path_.c_str());
  rmdir(folder_.c_str());
}

}  // namespace kiln::network
