#include "crypto/hash.h"

#include "base/check.h"
#include "crypto/sodium_init.h"

namespace kiln::crypto {
namespace {

const unsigned char* Data(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

Hasher::Hasher(absl::string_view domain) {
  KILN_CHECK(domain.size() <= 255);
  InitSodium();
  crypto_generichash_init(&state_, nullptr, 0, Hash::kBytes);
  const unsigned char length = static_cast<unsigned char>(domain.size());
  crypto_generichash_update(&state_, &length, 1);
  Update(domain);
}

Hasher& Hasher::Update(absl::string_view bytes) {
  crypto_generichash_update(&state_, Data(bytes), bytes.size());
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

}  // namespace kiln::crypto
