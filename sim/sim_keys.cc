#include "sim/sim_keys.h"

#include <cstring>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "crypto/ed25519.h"
#include "crypto/hash.h"

namespace kiln::sim {
namespace {

crypto::Seed SeedOf(absl::string_view purpose, uint32_t number) {
  crypto::Seed seed{};
  const Hash digest = crypto::HashBytes(crypto::kDomainChecksum,
                                        absl::StrCat("simulated key/", purpose, "/", number));
  std::memcpy(seed.data(), digest.bytes.data(), seed.size());
  return seed;
}

struct PublicKeys {
  crypto::PublicKey consensus;
  crypto::PublicKey node;
};

const std::vector<PublicKeys>& AllPublicKeys() {
  static const auto& keys = *[] {
    auto* made = new std::vector<PublicKeys>();
    for (uint32_t i = 0; i < kSimValidatorsMax; ++i) {
      made->push_back({crypto::SecretKey::FromSeed(SeedOf("consensus", i)).public_key(),
                       crypto::SecretKey::FromSeed(SeedOf("node", i)).public_key()});
    }
    return made;
  }();
  return keys;
}

// Two short hashes under keys of the validator's, spread over the signature's length so that every
// byte of it matters.
crypto::Signature KeyedHash(uint32_t number, absl::string_view message) {
  const uint64_t key = (uint64_t{number} + 1) * 0x9E3779B97F4A7C15;
  const uint64_t first = crypto::ShortHash(key, message);
  const uint64_t second = crypto::ShortHash(key ^ 0x5851F42D4C957F2D, message);
  crypto::Signature signature;
  for (size_t i = 0; i < signature.size() / 16; ++i) {
    const uint64_t words[2] = {first + i * second, second ^ (first << i)};
    std::memcpy(signature.data() + i * 16, words, sizeof(words));
  }
  return signature;
}

class KeyedHashSigner final : public consensus::Signer {
 public:
  explicit KeyedHashSigner(uint32_t number) : number_(number) {}
  crypto::Signature Sign(absl::string_view message) override { return KeyedHash(number_, message); }

 private:
  const uint32_t number_;
};

class KeyedHashVerifier final : public consensus::SignatureVerifier {
 public:
  KeyedHashVerifier() {
    for (uint32_t i = 0; i < kSimValidatorsMax; ++i)
      numbers_[Prefix(AllPublicKeys()[i].consensus)] = i;
  }
  bool Verify(const crypto::PublicKey& key, absl::string_view message,
              const crypto::Signature& signature) const override {
    const auto found = numbers_.find(Prefix(key));
    return found != numbers_.end() && AllPublicKeys()[found->second].consensus == key &&
           KeyedHash(found->second, message) == signature;
  }

 private:
  static uint64_t Prefix(const crypto::PublicKey& key) {
    uint64_t prefix = 0;
    std::memcpy(&prefix, key.data(), sizeof(prefix));
    return prefix;
  }
  absl::flat_hash_map<uint64_t, uint32_t> numbers_;  // lookup only
};

}  // namespace

GenesisValidator SimGenesisValidator(uint32_t number, uint64_t power) {
  KILN_CHECK_LT(number, kSimValidatorsMax);
  const PublicKeys& keys = AllPublicKeys()[number];
  return {.name = absl::StrCat("validator-", number),
          .consensus_key = keys.consensus,
          .node_key = keys.node,
          .power = power};
}

std::unique_ptr<consensus::Signer> MakeSimSigner(uint32_t number, bool real) {
  KILN_CHECK_LT(number, kSimValidatorsMax);
  if (!real) return std::make_unique<KeyedHashSigner>(number);
  return std::make_unique<consensus::Ed25519Signer>(
      crypto::SecretKey::FromSeed(SeedOf("consensus", number)));
}

const consensus::SignatureVerifier& SimVerifier(bool real) {
  static const auto& fast = *new KeyedHashVerifier();
  static const auto& ed25519 = *new consensus::Ed25519Verifier();
  if (real) return ed25519;
  return fast;
}

}  // namespace kiln::sim
