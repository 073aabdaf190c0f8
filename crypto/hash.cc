#include "crypto/hash.h"

#include <sodium.h>

#include <cstdint>

#include "base/check.h"
#include "crypto/sodium_init.h"

namespace kiln::crypto {

Hasher::Hasher(absl::string_view domain) {
  KILN_CHECK(domain.size() <= 255);
  sha256_init(&state_);
  const uint8_t length = static_cast<uint8_t>(domain.size());
  sha256_update(&state_, sizeof(length), &length);
  Update(domain);
}

Hasher& Hasher::Update(absl::string_view bytes) {
  sha256_update(&state_, bytes.size(), Octets(bytes));
  return *this;
}

Hash Hasher::Finish() {
  static_assert(Hash::kBytes == SHA256_DIGEST_SIZE);
  KILN_CHECK(!is_finished_) << "a hasher finishes once";
  is_finished_ = true;
  Hash hash;
  sha256_digest(&state_, hash.bytes.size(), hash.bytes.data());
  return hash;
}

Hash HashBytes(absl::string_view domain, absl::string_view bytes) {
  return Hasher(domain).Update(bytes).Finish();
}

uint64_t ShortHash(uint64_t seed, absl::string_view bytes) {
  static_assert(crypto_shorthash_BYTES == sizeof(uint64_t));
  unsigned char key[crypto_shorthash_KEYBYTES] = {'k', 'i', 'l', 'n', '/', 'v', '1', '/'};
  for (size_t i = 0; i < sizeof(seed); ++i)
    key[8 + i] = static_cast<unsigned char>(seed >> (8 * i));
  unsigned char digest[crypto_shorthash_BYTES];
  crypto_shorthash(digest, Octets(bytes), bytes.size(), key);
  uint64_t value = 0;
  for (size_t i = sizeof(digest); i-- > 0;) value = value << 8 | digest[i];
  return value;
}

}  // namespace kiln::crypto
