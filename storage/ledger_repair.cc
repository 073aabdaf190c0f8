#include "storage/ledger_repair.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/finality.h"
#include "storage/block_writes.h"
#include "storage/database.h"
#include "storage/ledger_reader.h"
#include "storage/records.h"
#include "storage/schema.h"

namespace kiln::storage {
namespace {

// What can be read must agree; what cannot be read says nothing.
absl::Status CheckNeighbour(const LedgerReader& reader, Height height, const Hash& expected) {
  const absl::StatusOr<Hash> id = reader.IdAt(height);
  if (!id.ok() || *id == expected) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the ledger has block ", id->Short(), " at height ", height.value, ", the validator ",
      expected.Short(), ", and both are certified: keep the folder and ask nobody to go on"));
}

absl::StatusOr<consensus::FinalityProof> Checked(const consensus::Block& block,
                                                 absl::string_view finality, Height committed,
                                                 const Genesis& genesis, ChainVerifier* verifier,
                                                 const Database& database) {
  KILN_ASSIGN_OR_RETURN(const consensus::Header proved,
                        consensus::VerifyFinality(finality, verifier->messages()));
  if (proved != block.header) {
    return absl::InvalidArgumentError("the finality proof is for another block");
  }
  const LedgerReader reader(&database, genesis.limits);
  const Height height = block.header.height;
  KILN_RETURN_IF_ERROR(CheckNeighbour(reader, height, block.id));
  KILN_RETURN_IF_ERROR(CheckNeighbour(reader, Height{height.value - 1}, block.header.parent_id));
  KILN_ASSIGN_OR_RETURN(consensus::FinalityProof proof, consensus::DecodeFinalityProof(finality));
  if (proof.headers[proof.headers.size() - 2].height <= committed) return proof;
  return absl::FailedPreconditionError(
      "the proof runs through blocks above the end of this ledger: ask another validator");
}

}  // namespace

bool IsMendedByABlock(LedgerPart part) {
  return part == LedgerPart::kIndex || part == LedgerPart::kBlock || part == LedgerPart::kPayload ||
         part == LedgerPart::kCertificate;
}

std::vector<Height> HeightsToRepair(const LedgerAudit& audit) {
  std::vector<Height> heights;
  for (const Damage& damage : audit.damage) {
    if (damage.height.has_value() && damage.height->value > 0 && IsMendedByABlock(damage.part)) {
      heights.push_back(*damage.height);
    }
  }
  std::sort(heights.begin(), heights.end());
  heights.erase(std::unique(heights.begin(), heights.end()), heights.end());
  return heights;
}

absl::Status CheckPutBack(const consensus::Block& block, absl::string_view finality,
                          Height committed, const Genesis& genesis, ChainVerifier* verifier,
                          const Database& database) {
  return Checked(block, finality, committed, genesis, verifier, database).status();
}

absl::Status PutBlockBack(const consensus::Block& block, absl::string_view finality,
                          Height committed, const Genesis& genesis, ChainVerifier* verifier,
                          Database* database) {
  KILN_ASSIGN_OR_RETURN(const consensus::FinalityProof proof,
                        Checked(block, finality, committed, genesis, verifier, *database));
  const std::unique_ptr<WriteBatch> batch = database->NewBatch(block.payload->size());
  PutBlock(block, batch.get());
  batch->PutSealed(Family::kIndexByHeight, IdAtHeightKey(block.header.height),
                   std::string(block.id.view()));
  const Height direct = proof.headers[proof.headers.size() - 2].height;
  batch->PutSealed(Family::kCertificates, HeightKey(direct),
                   EncodeCommitRecord(proof.headers.back(), proof.certificate));
  return database->Write(batch.get(), Durability::kSynced);
}

}  // namespace kiln::storage
