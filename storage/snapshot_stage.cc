#include "storage/snapshot_stage.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "consensus/safety_rules.h"
#include "consensus/signing.h"
#include "crypto/encoding.h"
#include "crypto/merkle.h"
#include "storage/chain_verifier.h"
#include "storage/database.h"
#include "storage/ledger_reader.h"
#include "storage/no_signer.h"
#include "storage/schema.h"
#include "storage/snapshot_install.h"
#include "storage/snapshot_offer.h"
#include "storage/snapshot_stream.h"

namespace kiln::storage {
namespace {

constexpr size_t kProofBytesMax = 1024;

// Signatures of what was verified before it was staged, and sealed.
class VerifiedBefore final : public consensus::SignatureVerifier {
 public:
  bool Verify(const crypto::PublicKey& /*key*/, absl::string_view /*message*/,
              const crypto::Signature& /*signature*/) const override {
    return true;
  }
};

// What is staged, complete or not.
struct Staged {
  SnapshotOffer offer;
  ProvedSnapshot proved;
};

absl::StatusOr<Staged> ReadStaged(const SnapshotStage& stage, const Genesis& genesis) {
  KILN_ASSIGN_OR_RETURN(const std::string bytes, stage.Offer());
  Staged staged;
  KILN_ASSIGN_OR_RETURN(staged.offer, DecodeSnapshotOffer(bytes, genesis.limits));
  const VerifiedBefore signatures;
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<ChainVerifier> verifier,
                        ChainVerifier::Create(genesis, &signatures));
  KILN_ASSIGN_OR_RETURN(staged.proved, VerifySnapshotOffer(staged.offer, genesis, verifier.get()));
  return staged;
}

// The number of chunks that a good chunk shows; none when it is not the snapshot's chunk `index`.
std::optional<uint32_t> CountShownBy(const SnapshotStage::Chunk& chunk, uint32_t index,
                                     const Hash& root) {
  const absl::StatusOr<crypto::MerklePosition> position =
      crypto::VerifyMerkleProof(root, crypto::MerkleLeaf(chunk.bytes), chunk.proof);
  if (!position.ok() || position->index != index) return std::nullopt;
  return position->leaf_count;
}

// Whether all chunks are there and good; drops those that are not.
absl::StatusOr<bool> IsComplete(SnapshotStage* stage, const Hash& root) {
  KILN_ASSIGN_OR_RETURN(const std::vector<uint32_t> chunks, stage->Chunks());
  bool is_complete = !chunks.empty();
  for (size_t i = 0; i < chunks.size(); ++i) {
    const absl::StatusOr<SnapshotStage::Chunk> chunk = stage->Get(chunks[i]);
    const std::optional<uint32_t> count =
        chunk.ok() ? CountShownBy(*chunk, chunks[i], root) : std::nullopt;
    if (!count.has_value()) {
      KILN_RETURN_IF_ERROR(stage->Drop(chunks[i]));
      is_complete = false;
    } else if (*count != chunks.size()) {
      is_complete = false;
    }
  }
  return is_complete;
}

}  // namespace

absl::StatusOr<std::string> SnapshotStage::Offer() const {
  return database_->GetSealed(Family::kApplicationState, kStagedOfferKey);
}

absl::Status SnapshotStage::Begin(absl::string_view offer) {
  const std::unique_ptr<WriteBatch> batch = database_->NewBatch(offer.size());
  batch->DeleteRange(Family::kApplicationState, StagedChunkKey(0), StagedEnd());
  batch->PutSealed(Family::kApplicationState, kStagedOfferKey, std::string(offer));
  return database_->Write(batch.get(), Durability::kSynced);
}

absl::Status SnapshotStage::Clear() {
  const std::unique_ptr<WriteBatch> batch = database_->NewBatch(/*bytes=*/0);
  batch->DeleteRange(Family::kApplicationState, StagedChunkKey(0), StagedEnd());
  batch->Delete(Family::kApplicationState, kStagedOfferKey);
  return database_->Write(batch.get(), Durability::kUnsynced);
}

absl::Status SnapshotStage::Put(uint32_t index, const Chunk& chunk) {
  crypto::Encoder value;
  value.Reserve(chunk.proof.size() + chunk.bytes.size() + 2 * sizeof(uint32_t));
  value.Bytes(chunk.proof).Bytes(chunk.bytes);
  const std::unique_ptr<WriteBatch> batch = database_->NewBatch(value.view().size());
  batch->PutSealed(Family::kApplicationState, StagedChunkKey(index), std::move(value).Take());
  return database_->Write(batch.get(), Durability::kUnsynced);
}

absl::StatusOr<SnapshotStage::Chunk> SnapshotStage::Get(uint32_t index) const {
  KILN_ASSIGN_OR_RETURN(const std::string value,
                        database_->GetSealed(Family::kApplicationState, StagedChunkKey(index)));
  crypto::Decoder decoder("staged chunk", value);
  Chunk chunk;
  chunk.proof = std::string(decoder.Bytes(kProofBytesMax));
  chunk.bytes = std::string(decoder.Bytes(kSnapshotChunkBytes));
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return chunk;
}

absl::Status SnapshotStage::Drop(uint32_t index) {
  const std::unique_ptr<WriteBatch> batch = database_->NewBatch(/*bytes=*/0);
  batch->Delete(Family::kApplicationState, StagedChunkKey(index));
  return database_->Write(batch.get(), Durability::kUnsynced);
}

absl::StatusOr<std::vector<uint32_t>> SnapshotStage::Chunks() const {
  std::vector<uint32_t> chunks;
  const std::unique_ptr<Iterator> entries =
      database_->NewIterator(Family::kApplicationState, StagedEnd());
  for (entries->Seek(StagedChunkKey(0)); entries->Valid(); entries->Next()) {
    KILN_ASSIGN_OR_RETURN(const uint32_t index, ParseStagedChunkKey(entries->key()));
    chunks.push_back(index);
  }
  KILN_RETURN_IF_ERROR(entries->status());
  return chunks;
}

namespace {

absl::StatusOr<consensus::SafetyRecord> RaisedRecord(const LedgerReader& reader,
                                                     const Genesis& genesis,
                                                     const ProvedSnapshot& proved) {
  KILN_ASSIGN_OR_RETURN(consensus::SafetyRecord record, reader.Safety());
  NoSigner signer;
  consensus::SafetyRules rules(genesis.ChainId(), ValidatorIndex{0}, &signer, std::move(record));
  rules.Observe(proved.commit.certificate);
  return rules.record();
}

absl::Status Install(SnapshotStage* stage, Database* database, const Genesis& genesis,
                     Staged staged) {
  const LedgerReader reader(database, genesis.limits);
  KILN_ASSIGN_OR_RETURN(const consensus::SafetyRecord safety,
                        RaisedRecord(reader, genesis, staged.proved));
  KILN_ASSIGN_OR_RETURN(const std::vector<uint32_t> chunks, stage->Chunks());
  SnapshotInstaller installer(database, &genesis, std::move(staged.proved));
  KILN_RETURN_IF_ERROR(installer.Begin());
  for (const uint32_t index : chunks) {
    KILN_ASSIGN_OR_RETURN(const SnapshotStage::Chunk chunk, stage->Get(index));
    KILN_RETURN_IF_ERROR(installer.Add(chunk.bytes));
  }
  return installer.Finish(staged.offer.above, safety);
}

}  // namespace

absl::StatusOr<bool> InstallStaged(Database* database, const Genesis& genesis) {
  SnapshotStage stage(database);
  absl::StatusOr<Staged> staged = ReadStaged(stage, genesis);
  if (absl::IsNotFound(staged.status())) return false;
  KILN_RETURN_IF_ERROR(Annotate(staged.status(), "the snapshot that was being fetched"));
  const LedgerReader reader(database, genesis.limits);
  KILN_ASSIGN_OR_RETURN(const HeadRecord head, reader.Head());
  if (staged->proved.height <= head.height) return false;  // the blocks came first
  KILN_ASSIGN_OR_RETURN(const bool is_complete, IsComplete(&stage, staged->proved.root));
  if (!is_complete) return false;  // the rest is fetched
  const Height height = staged->proved.height;
  KILN_RETURN_IF_ERROR(Install(&stage, database, genesis, *std::move(staged)));
  KILN_LOG(kInfo, "storage", "the ledger begins with a snapshot", {{"height", height.value}});
  return true;
}

}  // namespace kiln::storage
