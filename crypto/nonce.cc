#include "crypto/nonce.h"

#include <sodium.h>

#include "crypto/sodium_init.h"

namespace kiln::crypto {

Hash FreshNonce() {
  InitSodium();
  Hash nonce;
  randombytes_buf(nonce.bytes.data(), nonce.bytes.size());
  return nonce;
}

}  // namespace kiln::crypto
