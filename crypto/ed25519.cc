#include "crypto/ed25519.h"

#include <sodium.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "crypto/guarded_secret.h"
#include "crypto/sodium_init.h"

namespace kiln::crypto {
namespace {

uint8_t* AllocateSecret() {
  InitSodium();
  auto* const secret = static_cast<uint8_t*>(sodium_malloc(crypto_sign_SECRETKEYBYTES));
  if (secret == nullptr) {
    FailStop("no guarded memory for a secret key",
             "raise the limits of locked memory (ulimit -l) and of memory maps of this process");
  }
  KILN_CHECK(sodium_mprotect_noaccess(secret) == 0);
  return secret;
}

}  // namespace

SecretKey::Guarded::Guarded() : secret(AllocateSecret()) {}
SecretKey::Guarded::~Guarded() {
  sodium_free(secret);
}  // which wipes it

OpenSecret::OpenSecret(absl::Mutex* mutex, uint8_t* secret, Access access)
    : mutex_(mutex), secret_(secret) {
  mutex_->Lock();
  const int failed = access == Access::kRead ? sodium_mprotect_readonly(secret_)
                                             : sodium_mprotect_readwrite(secret_);
  KILN_CHECK(failed == 0);
}

OpenSecret::~OpenSecret() {
  KILN_CHECK(sodium_mprotect_noaccess(secret_) == 0);
  mutex_->Unlock();
}

void KeyFileAccess::CopySeed(const SecretKey& key, Seed* seed) {
  KILN_CHECK(key.guarded_ != nullptr) << "a secret key that was moved from";
  const OpenSecret open(&key.guarded_->mutex, key.guarded_->secret, OpenSecret::Access::kRead);
  std::memcpy(seed->data(), open.bytes(), seed->size());
}

SecretKey SecretKey::Generate() {
  SecretKey key;
  key.guarded_ = new Guarded;
  const OpenSecret open(&key.guarded_->mutex, key.guarded_->secret, OpenSecret::Access::kWrite);
  KILN_CHECK(crypto_sign_keypair(key.public_key_.data(), open.bytes()) == 0);
  return key;
}

SecretKey SecretKey::FromSeed(const Seed& seed) {
  SecretKey key;
  key.guarded_ = new Guarded;
  const OpenSecret open(&key.guarded_->mutex, key.guarded_->secret, OpenSecret::Access::kWrite);
  KILN_CHECK(crypto_sign_seed_keypair(key.public_key_.data(), open.bytes(), seed.data()) == 0);
  return key;
}

SecretKey::SecretKey(SecretKey&& other) noexcept
    : guarded_(std::exchange(other.guarded_, nullptr)), public_key_(other.public_key_) {}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  std::swap(guarded_, other.guarded_);
  std::swap(public_key_, other.public_key_);
  return *this;
}

SecretKey::~SecretKey() {
  delete guarded_;
}

Signature SecretKey::Sign(absl::string_view message) const {
  KILN_CHECK(guarded_ != nullptr) << "a secret key that was moved from";
  Signature signature;
  const OpenSecret open(&guarded_->mutex, guarded_->secret, OpenSecret::Access::kRead);
  KILN_CHECK(crypto_sign_detached(signature.data(), nullptr, Octets(message), message.size(),
                                  open.bytes()) == 0);
  return signature;
}

bool Verify(const PublicKey& key, absl::string_view message, const Signature& signature) {
  InitSodium();
  return crypto_sign_verify_detached(signature.data(), Octets(message), message.size(),
                                     key.data()) == 0;
}

bool IsValidPublicKey(const PublicKey& key) {
  InitSodium();
  return crypto_core_ed25519_is_valid_point(key.data()) == 1;
}

}  // namespace kiln::crypto
