// libsodium, ready for use.
#ifndef KILN_CRYPTO_SODIUM_INIT_H_
#define KILN_CRYPTO_SODIUM_INIT_H_

namespace kiln::crypto {

// Initialises libsodium once; stops the process when it cannot (no source of randomness).
// Thread-safe.
void InitSodium();

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_SODIUM_INIT_H_
