#include "consensus/receipt.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/finality.h"
#include "crypto/encoding.h"

namespace kiln::consensus {
namespace {

constexpr size_t kLastHeightBytes = 8;

// The last height under which the transaction was ordered.
absl::StatusOr<uint64_t> VerifyInclusion(const Transaction& transaction, const Receipt& receipt,
                                         crypto::MerkleProofVerifier& payload) {
  crypto::Decoder decoder("inclusion proof", receipt.proof.inclusion);
  const uint64_t last_height = decoder.U64();
  const absl::string_view merkle_proof = decoder.Raw(decoder.remaining());
  KILN_RETURN_IF_ERROR(decoder.Finish());

  const Hash id = EnvelopeId({last_height, transaction.key, transaction.payload});
  const absl::StatusOr<crypto::MerklePosition> position =
      payload.Verify(LeafOf(id, last_height), merkle_proof);
  if (!position.ok()) return Annotate(position.status(), "inclusion proof");
  if (position->index != receipt.index) {
    return absl::InvalidArgumentError(absl::StrCat("index: the receipt says ", receipt.index,
                                                   ", the proof shows ", position->index));
  }
  return last_height;
}

absl::Status CheckHeader(const Header& header, const Receipt& receipt) {
  if (HashOf(header) != receipt.proof.block_id) {
    return absl::InvalidArgumentError("block id: the finality proof is for another block");
  }
  if (header.height.value != receipt.height) {
    return absl::InvalidArgumentError(absl::StrCat("height: the receipt says ", receipt.height,
                                                   ", the block has ", header.height.value));
  }
  return absl::OkStatus();
}

// An application replies only to a transaction that was ordered in time.
absl::Status CheckReply(const Receipt& receipt, uint64_t last_height, uint64_t window_blocks) {
  const bool in_time =
      receipt.height <= last_height && last_height - receipt.height <= window_blocks;
  if (in_time || receipt.reply.code >= Reply::kFirstEngineCode) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("reply: ordered at height ", receipt.height,
                                                 " with last height ", last_height,
                                                 ", the transaction cannot have been executed"));
}

}  // namespace

std::string EncodeInclusion(uint64_t last_height, absl::string_view merkle_proof) {
  crypto::Encoder encoder;
  encoder.Reserve(kLastHeightBytes + merkle_proof.size());
  encoder.U64(last_height).Raw(merkle_proof);
  return std::move(encoder).Take();
}

std::string ProveInclusion(const Block& block, const crypto::MerkleTree& tree, uint32_t index) {
  KILN_CHECK_LT(index, block.index->entries.size());
  return EncodeInclusion(block.index->entries[index].last_height, tree.Prove(index));
}

absl::StatusOr<std::unique_ptr<ReceiptVerifier>> ReceiptVerifier::Create(const Genesis& genesis) {
  KILN_RETURN_IF_ERROR(genesis.Validate());
  KILN_ASSIGN_OR_RETURN(ValidatorSet validators, ValidatorSet::FromGenesis(genesis));
  return absl::WrapUnique(new ReceiptVerifier(genesis, std::move(validators)));
}

ReceiptVerifier::ReceiptVerifier(const Genesis& genesis, ValidatorSet validators)
    : limits_(genesis.limits),
      validators_(std::move(validators)),
      leaders_(validators_),
      verifier_(genesis, &validators_, &leaders_, Epoch{1}, &signatures_) {}

absl::StatusOr<Header> ReceiptVerifier::VerifyHeader(absl::string_view finality) {
  return VerifyFinality(finality, verifier_);
}

absl::Status ReceiptVerifier::Verify(const Transaction& transaction, const Receipt& receipt) {
  KILN_ASSIGN_OR_RETURN(const Header header, VerifyHeader(receipt.proof.finality));
  KILN_RETURN_IF_ERROR(CheckHeader(header, receipt));
  crypto::MerkleProofVerifier payload(header.payload_root);
  return VerifyInBlock(transaction, receipt, payload);
}

absl::Status ReceiptVerifier::VerifyInBlock(const Transaction& transaction, const Receipt& receipt,
                                            crypto::MerkleProofVerifier& payload) const {
  if (transaction.key.size() > kTransactionKeyBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("transaction: bytes of key: ", transaction.key.size(), ", the limit is ",
                     kTransactionKeyBytesMax));
  }
  KILN_ASSIGN_OR_RETURN(const uint64_t last_height, VerifyInclusion(transaction, receipt, payload));
  return CheckReply(receipt, last_height, limits_.duplicate_window_blocks);
}

}  // namespace kiln::consensus

namespace kiln {

absl::Status VerifyReceipt(const Genesis& genesis, const Transaction& transaction,
                           const Receipt& receipt) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<consensus::ReceiptVerifier> verifier,
                        consensus::ReceiptVerifier::Create(genesis));
  return verifier->Verify(transaction, receipt);
}

Hash TransactionId(const Transaction& transaction) {
  return consensus::EnvelopeId({.key = transaction.key, .payload = transaction.payload});
}

}  // namespace kiln
