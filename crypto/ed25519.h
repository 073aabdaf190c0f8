// Ed25519 as libsodium decides it (RFC 8032, with small-order and non-canonical points refused).
#ifndef KILN_CRYPTO_ED25519_H_
#define KILN_CRYPTO_ED25519_H_

#include <array>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln::crypto {

using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;
using Seed = std::array<uint8_t, 32>;

// A secret key in guarded memory that is readable only while it signs: never copied, never printed,
// wiped when destroyed. Move-only. Sign is thread-safe.
class SecretKey {
 public:
  static SecretKey Generate();
  // For tests with fixed keys and for key files; the caller wipes its seed.
  static SecretKey FromSeed(const Seed& seed);

  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey();

  const PublicKey& public_key() const { return public_key_; }
  // Signs `message` as it is; the caller has put its domain in front (consensus/signing.h).
  Signature Sign(absl::string_view message) const;

 private:
  friend class KeyFileAccess;  // for key_file.cc, the only reader of the seed
  struct Guarded;              // guarded_secret.h
  SecretKey() = default;

  Guarded* guarded_ = nullptr;
  PublicKey public_key_{};
};

// Whether `signature` is `key`'s over `message`. Thread-safe, constant decisions: see SelfTest.
bool Verify(const PublicKey& key, absl::string_view message, const Signature& signature);
// Whether a key may be in a genesis: on the curve, in the group of prime order, canonically
// encoded.
bool IsValidPublicKey(const PublicKey& key);

// Initialises libsodium and checks that it decides the edge cases (S + L, small-order points,
// non-canonical encodings) as all other validators do. Internal when it does not: nothing may
// start.
absl::Status SelfTest();

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_ED25519_H_
