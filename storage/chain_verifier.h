// A genesis's validators, and what verifies their signatures and links their blocks.
#ifndef KILN_STORAGE_CHAIN_VERIFIER_H_
#define KILN_STORAGE_CHAIN_VERIFIER_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "consensus/block.h"
#include "consensus/leader_election.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "consensus/verifier.h"
#include "kiln/genesis.h"

namespace kiln::storage {

// Checks committed blocks from below, one after the other. Borrows the signature verifier. Not
// thread-safe.
class ChainVerifier {
 public:
  static absl::StatusOr<std::unique_ptr<ChainVerifier>> Create(
      const Genesis& genesis, const consensus::SignatureVerifier* signatures);
  ChainVerifier(const ChainVerifier&) = delete;
  ChainVerifier& operator=(const ChainVerifier&) = delete;

  consensus::MessageVerifier& messages() { return messages_; }
  // Header and certificate of `block`, and that it stands on `parent`. The error says what is
  // wrong with it.
  absl::Status VerifyChild(const consensus::Block& block, const consensus::Header& parent,
                           const Hash& parent_id);
  // That `certificate`, for `child`, commits the block with this header directly.
  absl::Status VerifyCommit(const consensus::Header& header, const consensus::Header& child,
                            const consensus::QuorumCertificate& certificate);

 private:
  ChainVerifier(const Genesis& genesis, consensus::ValidatorSet validators,
                const consensus::SignatureVerifier* signatures)
      : validators_(std::move(validators)),
        leaders_(validators_),
        messages_(genesis, &validators_, &leaders_, Epoch{1}, signatures) {}

  const consensus::ValidatorSet validators_;
  const consensus::LeaderElection leaders_;
  consensus::MessageVerifier messages_;
};

// What `block` says about the one below it, whether or not anybody signed it.
absl::Status CheckStandsOn(const consensus::Block& block, const consensus::Header& parent,
                           const Hash& parent_id);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_CHAIN_VERIFIER_H_
