// The memory behind a SecretKey. For ed25519.cc and key_file.cc only.
#ifndef KILN_CRYPTO_GUARDED_SECRET_H_
#define KILN_CRYPTO_GUARDED_SECRET_H_

#include <sodium.h>

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "crypto/ed25519.h"

namespace kiln::crypto {

// libsodium's 64 secret bytes (the seed, then the public key) between guard pages. Nobody can read
// or write them, except while an OpenSecret lives. Thread-safe.
struct SecretKey::Guarded {
  Guarded();
  ~Guarded();
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  absl::Mutex mutex;
  uint8_t* const secret;
};

// Opens the secret to the holder of its mutex, for reading or writing; closes it when destroyed.
class ABSL_SCOPED_LOCKABLE OpenSecret {
 public:
  enum class Access { kRead, kWrite };
  OpenSecret(absl::Mutex* mutex, uint8_t* secret, Access access)
      ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex);
  ~OpenSecret() ABSL_UNLOCK_FUNCTION();
  OpenSecret(const OpenSecret&) = delete;
  OpenSecret& operator=(const OpenSecret&) = delete;

  uint8_t* bytes() const { return secret_; }

 private:
  absl::Mutex* const mutex_;
  uint8_t* const secret_;
};

// How key files get at the seed: nobody else does.
class KeyFileAccess {
 public:
  // The caller wipes `seed`.
  static void CopySeed(const SecretKey& key, Seed* seed);
};

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_GUARDED_SECRET_H_
