// libsodium, ready for use.
#ifndef KILN_CRYPTO_SODIUM_INIT_H_
#define KILN_CRYPTO_SODIUM_INIT_H_

#include "absl/strings/string_view.h"

namespace kiln::crypto {

// Initialises libsodium once; stops the process when it cannot (no source of randomness).
// Thread-safe.
void InitSodium();

// Bytes as libsodium takes them.
inline const unsigned char* Octets(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_SODIUM_INIT_H_
