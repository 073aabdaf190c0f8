#include "node/signature_memory.h"

#include "crypto/hash.h"

namespace kiln::node {
namespace {

constexpr absl::string_view kDomain = "kiln/v1/valid-signature";  // in memory only

absl::string_view View(const auto& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Key and signature have one size each, so no two triples are the same bytes.
Hash NameOf(const crypto::PublicKey& key, absl::string_view message,
            const crypto::Signature& signature) {
  return crypto::Hasher(kDomain).Update(View(key)).Update(View(signature)).Update(message).Finish();
}

}  // namespace

crypto::Signature SignatureMemory::Sign(absl::string_view message) {
  const crypto::Signature signature = signer_->Sign(message);
  valid_.Remember(NameOf(own_key_, message, signature));
  return signature;
}

bool SignatureMemory::Verify(const crypto::PublicKey& key, absl::string_view message,
                             const crypto::Signature& signature) const {
  const Hash name = NameOf(key, message, signature);
  if (valid_.Contains(name)) return true;
  if (!verifier_->Verify(key, message, signature)) return false;
  valid_.Remember(name);
  return true;
}

}  // namespace kiln::node
