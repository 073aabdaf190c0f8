#include "storage/snapshot_install.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"
#include "kiln/state.h"
#include "storage/block_writes.h"
#include "storage/database.h"
#include "storage/ledger_reader.h"
#include "storage/records.h"
#include "storage/recovery.h"
#include "storage/schema.h"
#include "storage/snapshot_stream.h"

namespace kiln::storage {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kBatchBytes = 8 << 20;

uint32_t LengthAt(absl::string_view bytes, size_t at) {
  return crypto::Decoder("length", bytes.substr(at, kLengthBytes)).U32();
}

}  // namespace

SnapshotInstaller::SnapshotInstaller(Database* database, const Genesis* genesis,
                                     ProvedSnapshot snapshot)
    : database_(database),
      genesis_(genesis),
      snapshot_(std::move(snapshot)),
      batch_(database->NewBatch(kBatchBytes)),
      window_next_(SnapshotWindowBegin(snapshot_.height, genesis->limits.duplicate_window_blocks)) {
  base_.header = snapshot_.header;
  base_.commits_height = snapshot_.commits_height;
}

SnapshotInstaller::~SnapshotInstaller() = default;

absl::Status SnapshotInstaller::Wrong(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat("the snapshot of height ", snapshot_.height.value, ": ", what));
}

// An earlier installation may have been interrupted.
absl::Status SnapshotInstaller::Begin() {
  KILN_ASSIGN_OR_RETURN(const StateSpace present,
                        LedgerReader(database_, genesis_->limits).Space());
  space_ = OtherThan(present);
  batch_->DeleteRange(Family::kApplicationState, StateKey("", space_), StateKeyEnd(space_));
  return Flush(/*bytes_min=*/1);
}

absl::Status SnapshotInstaller::Add(absl::string_view chunk) {
  buffer_.append(chunk.data(), chunk.size());
  absl::string_view rest = buffer_;
  bool is_whole = true;
  while (is_whole) {
    KILN_ASSIGN_OR_RETURN(is_whole, TakeEntry(&rest));
  }
  buffer_ = std::string(rest);
  return Flush(kBatchBytes);
}

absl::StatusOr<bool> SnapshotInstaller::TakeEntry(absl::string_view* rest) {
  if (rest->size() < kLengthBytes) return false;
  const size_t key_bytes = LengthAt(*rest, 0);
  if (key_bytes == 0 || key_bytes > kStateKeyBytesMax + 1) return Wrong("a key has a wrong length");
  const size_t value_at = kLengthBytes + key_bytes + kLengthBytes;
  if (rest->size() < value_at) return false;
  const size_t value_bytes = LengthAt(*rest, kLengthBytes + key_bytes);
  if (rest->size() - value_at < value_bytes) return false;
  KILN_RETURN_IF_ERROR(
      Take(rest->substr(kLengthBytes, key_bytes), rest->substr(value_at, value_bytes)));
  rest->remove_prefix(value_at + value_bytes);
  return true;
}

absl::Status SnapshotInstaller::Take(absl::string_view key, absl::string_view value) {
  if (last_key_.empty() != (key.front() == kSnapshotHead)) return Wrong("its head is misplaced");
  if (key <= absl::string_view(last_key_)) return Wrong("its keys are not in order");
  last_key_ = std::string(key);
  switch (key.front()) {
    case kSnapshotHead:
      return TakeHead(value);
    case kSnapshotState:
      batch_->PutSealed(Family::kApplicationState, StateKey(key.substr(1), space_),
                        std::string(value));
      return absl::OkStatus();
    case kSnapshotWindow:
      return TakeWindow(key.substr(1), value);
    default:
      return Wrong("a key of no kind that is known");
  }
}

absl::Status SnapshotInstaller::TakeHead(absl::string_view value) {
  if (value.size() < sizeof(uint64_t)) return Wrong("its head is cut");
  const size_t state_bytes = value.size() - sizeof(uint64_t);
  KILN_ASSIGN_OR_RETURN(base_.state, consensus::DecodeExecutedState(value.substr(0, state_bytes)));
  base_.total_transactions = crypto::Decoder("head", value.substr(state_bytes)).U64();
  return CheckBase(base_, *genesis_);
}

absl::Status SnapshotInstaller::TakeWindow(absl::string_view key, absl::string_view value) {
  KILN_ASSIGN_OR_RETURN(const Height height, ParseHeightKey(key));
  if (height != window_next_ || height > snapshot_.height) {
    return Wrong("a height of its duplicate window is missing");
  }
  KILN_RETURN_IF_ERROR(DecodeWindowIds(value).status());
  batch_->PutSealed(Family::kTransactionIndex, WindowIdsKey(height), std::string(value));
  ++window_next_.value;
  return absl::OkStatus();
}

absl::Status SnapshotInstaller::Flush(size_t bytes_min) {
  if (batch_->bytes() < bytes_min) return absl::OkStatus();
  KILN_RETURN_IF_ERROR(database_->Write(batch_.get(), Durability::kUnsynced));
  batch_ = database_->NewBatch(kBatchBytes);
  return absl::OkStatus();
}

// A commit drops the siblings of its blocks; what lies below counts as deleted.
absl::Status SnapshotInstaller::DropRivals(const std::vector<consensus::BlockPtr>& above) {
  const LedgerReader reader(database_, genesis_->limits);
  for (const consensus::BlockPtr& block : above) {
    KILN_ASSIGN_OR_RETURN(const std::vector<Hash> ids, reader.IdsAt(block->header.height));
    for (const Hash& id : ids) {
      if (id == block->id) continue;
      const std::string key = BlockKey(block->header.height, id);
      batch_->Delete(Family::kBlocks, key);
      batch_->Delete(Family::kPayloads, key);
      batch_->Delete(Family::kIndexByHeight, HeightOfIdKey(id));
    }
  }
  return absl::OkStatus();
}

absl::Status SnapshotInstaller::Finish(const std::vector<consensus::BlockPtr>& above,
                                       const consensus::SafetyRecord& safety) {
  if (!buffer_.empty() || window_next_ <= snapshot_.height) return Wrong("its end is missing");
  KILN_CHECK_EQ(above.size(), snapshot_.above.size());
  KILN_RETURN_IF_ERROR(Flush(/*bytes_min=*/1));
  PutGenesis(*genesis_, batch_.get());
  PutBase(base_, batch_.get());
  KILN_RETURN_IF_ERROR(DropRivals(above));
  const StateSpace before = OtherThan(space_);
  batch_->DeleteRange(Family::kApplicationState, StateKey("", before), StateKeyEnd(before));
  batch_->DeleteRange(Family::kApplicationState, StagedChunkKey(0), StagedEnd());
  batch_->Delete(Family::kApplicationState, kStagedOfferKey);
  batch_->PutSealed(Family::kMetadata, kStateSpaceKey, std::string(1, static_cast<char>(space_)));
  for (const consensus::BlockPtr& block : above) {
    PutBlock(*block, batch_.get());
    batch_->PutSealed(Family::kIndexByHeight, IdAtHeightKey(block->header.height),
                      std::string(block->id.view()));
  }
  const consensus::Block& head = *above.back();
  batch_->PutSealed(Family::kCertificates, HeightKey(head.header.height),
                    EncodeCommitRecord(snapshot_.commit.child, snapshot_.commit.certificate));
  batch_->PutSealed(Family::kMetadata, kCommittedKey,
                    EncodeHead({.height = head.header.height, .id = head.id}));
  batch_->PutSealed(Family::kMetadata, kExecutedKey, consensus::Encode(base_.state));
  batch_->PutSealed(Family::kSafety, kSafetyKey, consensus::Encode(safety));
  KILN_MARK("a ledger begins with a snapshot");
  return database_->Write(batch_.get(), Durability::kSynced);
}

}  // namespace kiln::storage
