#include "node/key_lock.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "kiln/types.h"

namespace kiln::node {

absl::StatusOr<KeyLock> KeyLock::Acquire(const crypto::PublicKey& key,
                                         absl::string_view validator_name) {
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "key lock: cannot make a socket");
  KeyLock lock(descriptor);

  const std::string name = absl::StrCat("kiln/consensus-key/", Hash{key}.ToHex());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  KILN_CHECK(name.size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path + 1, name.data(),
              name.size());  // the leading zero makes it abstract
  const socklen_t bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), bytes) == 0) return lock;
  if (errno != EADDRINUSE) return absl::ErrnoToStatus(errno, "key lock: cannot bind a socket");
  return absl::FailedPreconditionError(
      absl::StrCat("another process on this machine uses the key of ", validator_name,
                   ": stop it first; one key in two processes would sign twice"));
}

KeyLock::~KeyLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace kiln::node
