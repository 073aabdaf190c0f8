// Secret keys at rest.
#ifndef KILN_CRYPTO_KEY_FILE_H_
#define KILN_CRYPTO_KEY_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/ed25519.h"

namespace kiln::crypto {

// A key is for one purpose: a consensus key never signs transport bytes, nor the other way round.
enum class KeyPurpose : uint8_t { kConsensus = 1, kNode = 2 };

// Work that Argon2id does for a passphrase (libsodium's "moderate" figures by default).
struct PassphraseCost {
  uint64_t operations = 3;
  uint64_t memory_bytes = 256 << 20;
};
inline constexpr PassphraseCost kPassphraseCostMax = {.operations = 16, .memory_bytes = 1 << 30};

// Writes a new file of mode 0600 (temporary file, sync, link, folder sync). With a passphrase
// the seed is encrypted with XChaCha20-Poly1305 under an Argon2id key, everything before it
// authenticated. AlreadyExists rather than overwrite.
absl::Status WriteKeyFile(const std::string& path, KeyPurpose purpose, const SecretKey& key,
                          absl::string_view passphrase, PassphraseCost cost = {});

// Refuses, naming the file and the remedy: group- or world-accessible files, symbolic links, other
// owners, the other purpose, damage, a missing or wrong passphrase, absurd cost parameters.
absl::StatusOr<SecretKey> ReadKeyFile(const std::string& path, KeyPurpose purpose,
                                      absl::string_view passphrase);

// What can be known without the passphrase.
struct KeyFileInfo {
  KeyPurpose purpose = KeyPurpose::kConsensus;
  PublicKey public_key{};
  bool encrypted = false;
};
absl::StatusOr<KeyFileInfo> ReadKeyFileInfo(const std::string& path);

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_KEY_FILE_H_
