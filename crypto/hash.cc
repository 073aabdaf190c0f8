#include "crypto/hash.h"

#include "base/check.h"
#include "crypto/sodium_init.h"

namespace kiln::crypto {

namespace {

// Of every hasher: no key, and digests of one size.
const crypto_generichash_state& InitialState() {
  static const crypto_generichash_state state = [] {
    InitSodium();
    crypto_generichash_state fresh;
    crypto_generichash_init(&fresh, nullptr, 0, Hash::kBytes);
    return fresh;
  }();
  return state;
}

}  // namespace

Hasher::Hasher(absl::string_view domain) : state_(InitialState()) {
  KILN_CHECK(domain.size() <= 255);
  const unsigned char length = static_cast<unsigned char>(domain.size());
  crypto_generichash_update(&state_, &length, 1);
  Update(domain);
}

Hasher& Hasher::Update(absl::string_view bytes) {
  crypto_generichash_update(&state_, Octets(bytes), bytes.size());
  return *this;
}

Hash Hasher::Finish() {
  Hash hash;
  KILN_CHECK(crypto_generichash_final(&state_, hash.bytes.data(), hash.bytes.size()) == 0)
      << "a hasher finishes once";
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
