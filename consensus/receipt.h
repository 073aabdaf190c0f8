// What convinces a client that its transaction is final, without trust in whoever says so.
#ifndef KILN_CONSENSUS_RECEIPT_H_
#define KILN_CONSENSUS_RECEIPT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "consensus/block.h"
#include "consensus/leader_election.h"
#include "consensus/payload.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "consensus/verifier.h"
#include "crypto/merkle.h"
#include "kiln/client.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::consensus {

// CommitProof::inclusion: u64 last height, then the Merkle proof of the envelope. With the last
// height, which the accepting validator chose, the client can rebuild the envelope from what it
// submitted.
std::string EncodeInclusion(uint64_t last_height, absl::string_view merkle_proof);

// For transaction `index` of `payload`. `tree` is over the leaves of the payload's index, in order.
std::string ProveInclusion(const Block& block, const crypto::MerkleTree& tree, uint32_t index);

// Checks many receipts of one chain; signatures of a certificate that many receipts share are
// verified once. Thread-safe.
class ReceiptVerifier {
 public:
  static absl::StatusOr<std::unique_ptr<ReceiptVerifier>> Create(const Genesis& genesis);
  ReceiptVerifier(const ReceiptVerifier&) = delete;
  ReceiptVerifier& operator=(const ReceiptVerifier&) = delete;

  // InvalidArgument says which part fails. The reply is checked only where it contradicts the
  // proof: a transaction that was ordered too late was not executed.
  absl::Status Verify(const Transaction& transaction, const Receipt& receipt);

  // What Verify checks beyond the block itself, for the many receipts that one block may have.
  // REQUIRES: the block's header is from VerifyHeader, its id and height are the receipt's, and
  // `payload` is of its payload root.
  absl::Status VerifyInBlock(const Transaction& transaction, const Receipt& receipt,
                             crypto::MerkleProofVerifier& payload) const;

  // The header of the block that `finality` proves final.
  absl::StatusOr<Header> VerifyHeader(absl::string_view finality);

 private:
  ReceiptVerifier(const Genesis& genesis, ValidatorSet validators);

  const ChainLimits limits_;
  const ValidatorSet validators_;
  const LeaderElection leaders_;
  const Ed25519Verifier signatures_;
  MessageVerifier verifier_;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_RECEIPT_H_
