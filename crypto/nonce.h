// Numbers used once.
#ifndef KILN_CRYPTO_NONCE_H_
#define KILN_CRYPTO_NONCE_H_

#include "kiln/types.h"

namespace kiln::crypto {

// 32 bytes of the operating system's randomness: nobody has seen them before, or can guess them.
Hash FreshNonce();

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_NONCE_H_
