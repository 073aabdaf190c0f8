// For tools that ask the voting rules and never sign.
#ifndef KILN_STORAGE_NO_SIGNER_H_
#define KILN_STORAGE_NO_SIGNER_H_

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "consensus/signing.h"

namespace kiln::storage {

// Stateless; thread-safe.
class NoSigner final : public consensus::Signer {
 public:
  crypto::Signature Sign(absl::string_view /*message*/) override {
    KILN_CHECK(false) << "a tool must sign nothing";
    return {};
  }
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_NO_SIGNER_H_
