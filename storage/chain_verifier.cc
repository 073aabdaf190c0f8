#include "storage/chain_verifier.h"

#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "consensus/finality.h"

namespace kiln::storage {
namespace {

absl::Status NotLinked(absl::string_view why) {
  return absl::DataLossError(why);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChainVerifier>> ChainVerifier::Create(
    const Genesis& genesis, const consensus::SignatureVerifier* signatures) {
  KILN_ASSIGN_OR_RETURN(consensus::ValidatorSet validators,
                        consensus::ValidatorSet::FromGenesis(genesis));
  return absl::WrapUnique(new ChainVerifier(genesis, std::move(validators), signatures));
}

absl::Status CheckStandsOn(const consensus::Block& block, const consensus::Header& parent,
                           const Hash& parent_id) {
  const consensus::Header& header = block.header;
  if (header.parent_id != parent_id)
    return NotLinked("does not name the block below as its parent");
  if (header.height.value != parent.height.value + 1) return NotLinked("the height leaves a gap");
  if (header.parent_round != parent.round) return NotLinked("the parent's round is another");
  if (header.round <= parent.round) return NotLinked("the round does not increase");
  if (header.time_us < parent.time_us) return NotLinked("the time is before the parent's");
  if (block.justify.block_id != parent_id) return NotLinked("the certificate is not the parent's");
  if (header.executed_height < parent.executed_height) {
    return NotLinked("the executed height is below the parent's");
  }
  if (header.executed_height >= header.height)
    return NotLinked("claims to be executed before it is");
  return absl::OkStatus();
}

absl::Status ChainVerifier::VerifyChild(const consensus::Block& block,
                                        const consensus::Header& parent, const Hash& parent_id) {
  KILN_RETURN_IF_ERROR(CheckStandsOn(block, parent, parent_id));
  return messages_.VerifyBlock(block);
}

absl::Status ChainVerifier::VerifyCommit(const consensus::Header& header,
                                         const consensus::Header& child,
                                         const consensus::QuorumCertificate& certificate) {
  const consensus::FinalityProof proof{.headers = {header, child}, .certificate = certificate};
  return consensus::VerifyFinality(consensus::Encode(proof), messages_).status();
}

}  // namespace kiln::storage
