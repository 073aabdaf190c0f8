// The exact bytes that consensus signatures cover. Each starts with a domain of its own and names
// the chain, the epoch and the round: a signature counts for nothing else.
#ifndef KILN_CONSENSUS_SIGNING_H_
#define KILN_CONSENSUS_SIGNING_H_

#include <string>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "crypto/ed25519.h"
#include "kiln/types.h"

namespace kiln::consensus {

struct Standing;

inline constexpr absl::string_view kVoteDomain = "kiln/v1/vote";
inline constexpr absl::string_view kTimeoutDomain = "kiln/v1/timeout";
inline constexpr absl::string_view kProposalDomain = "kiln/v1/proposal";
inline constexpr absl::string_view kStandingDomain = "kiln/v1/standing";

std::string VoteBytes(const Hash& chain_id, Epoch epoch, Round round, const Hash& block_id);
std::string TimeoutBytes(const Hash& chain_id, Epoch epoch, Round round, Round high_qc_round);
std::string ProposalBytes(const Hash& chain_id, Epoch epoch, Round round, const Hash& block_id);
// Of everything in it but the signature: asker, nonce, last voted round, certificates.
std::string StandingBytes(const Hash& chain_id, const Standing& standing);

// Holds the consensus key. Only SafetyRules calls it.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual crypto::Signature Sign(absl::string_view message) = 0;
};

// Thread-safe. The simulator may bring a cheaper one.
class SignatureVerifier {
 public:
  virtual ~SignatureVerifier() = default;
  virtual bool Verify(const crypto::PublicKey& key, absl::string_view message,
                      const crypto::Signature& signature) const = 0;
};

class Ed25519Signer final : public Signer {
 public:
  explicit Ed25519Signer(crypto::SecretKey key) : key_(std::move(key)) {}
  crypto::Signature Sign(absl::string_view message) override { return key_.Sign(message); }

 private:
  crypto::SecretKey key_;
};

class Ed25519Verifier final : public SignatureVerifier {
 public:
  bool Verify(const crypto::PublicKey& key, absl::string_view message,
              const crypto::Signature& signature) const override {
    return crypto::Verify(key, message, signature);
  }
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_SIGNING_H_
