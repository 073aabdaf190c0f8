#include "storage/ledger_rebuild.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "storage/application_rollback.h"
#include "storage/ledger_reader.h"
#include "storage/records.h"
#include "storage/recovery.h"
#include "storage/schema.h"

namespace kiln::storage {
namespace {

constexpr size_t kCopyBatchBytes = 8 << 20;

// One copy from one database to another. Not thread-safe.
class Copier {
 public:
  Copier(const Database& from, Database* to) : from_(from), to_(*to), batch_(NewBatch()) {}

  // False when it cannot be read; what is not stored counts as copied.
  absl::StatusOr<bool> Copy(Family family, const std::string& key);
  // DataLoss when it cannot be read.
  absl::Status Require(Family family, const std::string& key);
  absl::Status Put(Family family, absl::string_view key, absl::string_view value);
  absl::Status Flush(Durability durability);

 private:
  std::unique_ptr<WriteBatch> NewBatch() const { return to_.NewBatch(kCopyBatchBytes); }

  const Database& from_;
  Database& to_;
  std::unique_ptr<WriteBatch> batch_;
};

absl::StatusOr<bool> Copier::Copy(Family family, const std::string& key) {
  const absl::StatusOr<std::string> value = from_.Get(family, key);
  if (absl::IsNotFound(value.status())) return true;
  if (absl::IsDataLoss(value.status())) return false;
  KILN_RETURN_IF_ERROR(value.status());
  KILN_RETURN_IF_ERROR(Put(family, key, *value));
  return true;
}

absl::Status Copier::Require(Family family, const std::string& key) {
  KILN_ASSIGN_OR_RETURN(const std::string value, from_.Get(family, key));
  return Put(family, key, value);
}

absl::Status Copier::Put(Family family, absl::string_view key, absl::string_view value) {
  batch_->Put(family, key, value);
  return batch_->bytes() < kCopyBatchBytes ? absl::OkStatus() : Flush(Durability::kUnsynced);
}

absl::Status Copier::Flush(Durability durability) {
  KILN_RETURN_IF_ERROR(to_.Write(batch_.get(), durability));
  batch_ = NewBatch();
  return absl::OkStatus();
}

// The head as it was written, or the highest height of the index: both are written together.
absl::StatusOr<HeadRecord> FindHead(const LedgerReader& reader) {
  const absl::StatusOr<HeadRecord> head = reader.Head();
  if (!absl::IsDataLoss(head.status()) && !absl::IsNotFound(head.status())) return head;
  HeadRecord highest;
  KILN_ASSIGN_OR_RETURN(highest.height, reader.HighestIndexed());
  KILN_ASSIGN_OR_RETURN(highest.id, reader.IdAt(highest.height));
  return highest;
}

// Over what CreateLedger wrote.
absl::Status CopyHead(const HeadRecord& head, const LedgerReader& from, Copier* copier) {
  KILN_RETURN_IF_ERROR(copier->Put(Family::kMetadata, kCommittedKey,
                                   Seal(Family::kMetadata, kCommittedKey, EncodeHead(head))));
  // Where the state lies: one that cannot be read is no state.
  if (from.Space().ok()) {
    KILN_RETURN_IF_ERROR(copier->Copy(Family::kMetadata, std::string(kStateSpaceKey)).status());
  }
  return copier->Copy(Family::kMetadata, std::string(kExecutedKey)).status();
}

absl::Status CopyHeight(Height height, const LedgerReader& reader, Copier* copier) {
  for (const std::string& key : {ResultIdsKey(height), ResultRepliesKey(height)}) {
    KILN_RETURN_IF_ERROR(copier->Copy(Family::kTransactionIndex, key).status());
  }
  KILN_RETURN_IF_ERROR(copier->Copy(Family::kCertificates, HeightKey(height)).status());
  KILN_RETURN_IF_ERROR(copier->Copy(Family::kIndexByHeight, IdAtHeightKey(height)).status());
  const absl::StatusOr<Hash> id = reader.IdAt(height);
  if (!id.ok()) return absl::OkStatus();
  KILN_RETURN_IF_ERROR(copier->Copy(Family::kIndexByHeight, HeightOfIdKey(*id)).status());
  KILN_RETURN_IF_ERROR(copier->Copy(Family::kBlocks, BlockKey(height, *id)).status());
  return copier->Copy(Family::kPayloads, BlockKey(height, *id)).status();
}

// What the ledger stands on, and the ids that heights below it executed.
absl::Status CopyBase(const LedgerBase& base, const Genesis& genesis, Copier* copier) {
  if (base.height().value == 0) return absl::OkStatus();
  for (const absl::string_view key : {kFormatVersionKey, kBaseKey}) {
    KILN_RETURN_IF_ERROR(copier->Require(Family::kMetadata, std::string(key)));
  }
  const uint64_t window = genesis.limits.duplicate_window_blocks;
  const uint64_t first = base.lowest().value - std::min(base.lowest().value, window);
  for (Height height{first}; height < base.lowest(); ++height.value) {
    KILN_RETURN_IF_ERROR(copier->Copy(Family::kTransactionIndex, WindowIdsKey(height)).status());
  }
  return absl::OkStatus();
}

// The safety record may be about one of these, and a quorum may count on it.
absl::Status CopyUncommitted(const LedgerReader& reader, Height committed, Copier* copier) {
  KILN_ASSIGN_OR_RETURN(const std::vector<HeadRecord> stored,
                        reader.StoredFrom(Height{committed.value + 1}));
  for (const HeadRecord& block : stored) {
    const std::string key = BlockKey(block.height, block.id);
    KILN_RETURN_IF_ERROR(reader.Block(block.height, block.id).status());
    KILN_RETURN_IF_ERROR(copier->Require(Family::kBlocks, key));
    KILN_RETURN_IF_ERROR(copier->Copy(Family::kPayloads, key).status());
    const std::string index_key = HeightOfIdKey(block.id);
    KILN_RETURN_IF_ERROR(
        copier->Put(Family::kIndexByHeight, index_key,
                    Seal(Family::kIndexByHeight, index_key, EncodeIndexedHeight(block.height))));
  }
  return absl::OkStatus();
}

// Whether all of it could be read.
absl::StatusOr<bool> CopyState(const Database& from, Copier* copier) {
  const std::unique_ptr<Iterator> entries = from.NewIterator(Family::kApplicationState);
  for (entries->Seek(""); entries->Valid(); entries->Next()) {
    KILN_RETURN_IF_ERROR(copier->Put(Family::kApplicationState, entries->key(), entries->value()));
  }
  return entries->status().ok();
}

}  // namespace

absl::Status CopyReadable(const Database& from, const Genesis& genesis, RocksDb* to) {
  const LedgerReader reader(&from, genesis.limits);
  const absl::Status ours = CheckFormatAndChain(from, reader, genesis);
  if (!ours.ok() && !absl::IsDataLoss(ours)) return ours;
  KILN_ASSIGN_OR_RETURN(const HeadRecord head, FindHead(reader));
  KILN_ASSIGN_OR_RETURN(const consensus::SafetyRecord safety, reader.Safety());
  KILN_ASSIGN_OR_RETURN(const LedgerBase base, LoadBase(reader, genesis));
  KILN_RETURN_IF_ERROR(CreateLedger(to, genesis, safety));
  Copier copier(from, to);
  KILN_RETURN_IF_ERROR(CopyBase(base, genesis, &copier));
  KILN_RETURN_IF_ERROR(CopyHead(head, reader, &copier));
  for (Height height = base.lowest(); height <= head.height; ++height.value) {
    KILN_RETURN_IF_ERROR(CopyHeight(height, reader, &copier));
  }
  KILN_RETURN_IF_ERROR(CopyUncommitted(reader, head.height, &copier));
  KILN_ASSIGN_OR_RETURN(bool has_state, CopyState(from, &copier));
  has_state = has_state && reader.Space().ok();
  KILN_RETURN_IF_ERROR(copier.Flush(Durability::kSynced));
  if (has_state) return absl::OkStatus();
  if (base.height().value == 0) return RollBackApplication(genesis, to);
  return absl::DataLossError(
      absl::StrCat("the state cannot be read, and the ledger begins at height ",
                   base.lowest().value, ": ", HowToMakeStateAgain(base.lowest())));
}

}  // namespace kiln::storage
