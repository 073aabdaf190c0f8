// The Unix socket of the operator's service: who may connect to it, and what an earlier process
// left.
#ifndef KILN_NETWORK_ADMIN_SOCKET_H_
#define KILN_NETWORK_ADMIN_SOCKET_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kiln::network {

// A path under which a server listens. The server binds to bind_path(), in a new folder that only
// its owner can enter; Publish() narrows the socket's mode to 0600 and only then moves it to its
// place, so that there is no moment at which somebody else could connect. Removes both when
// destroyed. Not thread-safe.
class AdminSocket {
 public:
  // Removes a socket that nobody listens on. AlreadyExists when somebody does, or when `path` is
  // something else than a socket; InvalidArgument when it is too long for a socket.
  static absl::StatusOr<std::unique_ptr<AdminSocket>> Prepare(const std::string& path);
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;
  ~AdminSocket();

  const std::string& bind_path() const { return bind_path_; }
  absl::Status Publish();

 private:
  AdminSocket(std::string path, std::string folder);

  const std::string path_;
  const std::string folder_;
  const std::string bind_path_;
  bool published_ = false;
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_ADMIN_SOCKET_H_
