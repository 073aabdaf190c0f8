// Proof that a block is final, checkable by anyone who knows the genesis: headers from the block to
// a descendant B' of the next-but-last header's round + 1, and the QC for B' (two-chain rule,
// Jolteon).
#ifndef KILN_CONSENSUS_FINALITY_H_
#define KILN_CONSENSUS_FINALITY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "consensus/block.h"
#include "consensus/certificates.h"
#include "consensus/verifier.h"

namespace kiln::consensus {

// Encoded: u16 count (2 to kFinalityHeadersMax), the headers oldest first, the certificate.
struct FinalityProof {
  std::vector<Header> headers;    // the last two have consecutive rounds
  QuorumCertificate certificate;  // for the last
};
inline constexpr size_t kFinalityHeadersMax = 1024;

std::string Encode(const FinalityProof& proof);
absl::StatusOr<FinalityProof> DecodeFinalityProof(absl::string_view bytes);

// The first header, proved final; InvalidArgument says what is wrong. Block 0 needs no proof.
absl::StatusOr<Header> VerifyFinality(absl::string_view proof, MessageVerifier& verifier);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_FINALITY_H_
