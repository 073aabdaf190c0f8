// Signatures that need not be verified again.
#ifndef KILN_NODE_SIGNATURE_MEMORY_H_
#define KILN_NODE_SIGNATURE_MEMORY_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "base/recent_hashes.h"
#include "consensus/signing.h"
#include "crypto/ed25519.h"

namespace kiln::node {

// Stands before a validator's signer and its verifier, and remembers what either said lately: a
// certificate brings back votes that this validator signed, or verified when they came alone, and a
// check costs a hundred times what looking here does. Invariant: only signatures that are valid for
// exactly this key and message are in it. What it borrows must outlive it. Verify is thread-safe;
// Sign as the signer's.
class SignatureMemory final : public consensus::Signer, public consensus::SignatureVerifier {
 public:
  static constexpr size_t kSignaturesMax = 4096;

  // `own_key`: the public half of the signer's.
  SignatureMemory(const crypto::PublicKey& own_key, consensus::Signer* signer,
                  const consensus::SignatureVerifier* verifier)
      : own_key_(own_key), signer_(signer), verifier_(verifier) {}

  crypto::Signature Sign(absl::string_view message) override;
  bool Verify(const crypto::PublicKey& key, absl::string_view message,
              const crypto::Signature& signature) const override;

 private:
  const crypto::PublicKey own_key_;
  consensus::Signer* const signer_;
  const consensus::SignatureVerifier* const verifier_;
  mutable RecentHashes valid_{kSignaturesMax};
};

}  // namespace kiln::node

#endif  // KILN_NODE_SIGNATURE_MEMORY_H_
