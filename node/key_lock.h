// One process per key and machine: two copies of a home would sign twice in a round.
#ifndef KILN_NODE_KEY_LOCK_H_
#define KILN_NODE_KEY_LOCK_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/ed25519.h"

namespace kiln::node {

// Holds a consensus key's name among the abstract Unix sockets, which the system gives to one
// holder and takes back when the process ends, however it ends. It covers one network namespace:
// containers and other machines are beyond it. Move-only; released when destroyed.
class KeyLock {
 public:
  // FailedPrecondition: "another process on this machine uses the key of validator-1: ...".
  static absl::StatusOr<KeyLock> Acquire(const crypto::PublicKey& key,
                                         absl::string_view validator_name);

  KeyLock(KeyLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  KeyLock& operator=(KeyLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~KeyLock();

 private:
  explicit KeyLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

}  // namespace kiln::node

#endif  // KILN_NODE_KEY_LOCK_H_
