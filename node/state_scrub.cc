#include "node/state_scrub.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "crypto/merkle.h"
#include "storage/ledger_reader.h"
#include "storage/schema.h"

namespace kiln::node {

using storage::Family;

absl::StatusOr<StateScrub::Progress> StateScrub::Step() {
  return is_state_read_ ? ReadSnapshots() : ReadState();
}

// A new iterator each time: one that is kept would keep what it shows on the disk.
absl::StatusOr<StateScrub::Progress> StateScrub::ReadState() {
  const storage::Database& database = *environment_.database;
  KILN_ASSIGN_OR_RETURN(const storage::StateSpace space,
                        storage::LedgerReader(&database, limits_).Space());
  const std::string end = storage::StateKeyEnd(space);
  const std::unique_ptr<storage::Iterator> entries =
      database.NewIterator(Family::kApplicationState, end);
  Progress progress;
  if (next_key_.empty()) next_key_ = storage::StateKey("", space);
  for (entries->Seek(next_key_); entries->Valid(); entries->Next()) {
    if (progress.bytes >= kStepBytes) {
      next_key_ = std::string(entries->key());
      return progress;
    }
    KILN_RETURN_IF_ERROR(
        storage::Unseal(Family::kApplicationState, entries->key(), entries->value()).status());
    progress.bytes += entries->key().size() + entries->value().size();
  }
  KILN_RETURN_IF_ERROR(entries->status());
  next_key_.clear();
  is_state_read_ = true;
  return progress;
}

absl::StatusOr<StateScrub::Progress> StateScrub::ReadSnapshots() {
  std::vector<Height> heights;
  if (environment_.snapshots != nullptr) {
    KILN_ASSIGN_OR_RETURN(heights, environment_.store->Snapshots());
  }
  const auto next = std::upper_bound(heights.begin(), heights.end(), read_);
  if (next == heights.end()) {
    read_ = Height{0};
    is_state_read_ = false;
    return Progress{.bytes = 0, .is_over = true};
  }
  const absl::StatusOr<std::string> chunk = ReadChunk(*next);
  if (chunk.ok() && !chunk->empty()) {
    ++chunk_;
    return Progress{.bytes = chunk->size(), .is_over = false};
  }
  if (!chunk.ok() && !absl::IsNotFound(chunk.status())) TakeRotten(*next, chunk.status());
  read_ = *next;
  stream_.reset();
  return Progress();
}

// One whose root nobody has worked out yet is read to its end for that.
absl::StatusOr<std::string> StateScrub::ReadChunk(Height height) {
  KILN_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::SnapshotIndex> index,
                        environment_.snapshots->FindIndex(height));
  if (stream_ == nullptr) {
    chunk_ = 0;
    KILN_ASSIGN_OR_RETURN(stream_, storage::SnapshotStream::Open(environment_.store, height,
                                                                 limits_.duplicate_window_blocks));
  }
  KILN_ASSIGN_OR_RETURN(std::string chunk, stream_->NextChunk());
  const bool is_end = chunk_ == index->chunks.leaf_count();
  if (is_end != chunk.empty() ||
      (!is_end && crypto::MerkleLeaf(chunk) != index->chunks.leaf(chunk_))) {
    return absl::DataLossError(absl::StrCat("chunk ", chunk_, " is not what it was"));
  }
  return chunk;
}

// What the disk would not give is not known to be rotten.
void StateScrub::TakeRotten(Height height, const absl::Status& why) {
  storage::Damage damage{.part = storage::LedgerPart::kSnapshot,
                         .height = height,
                         .cause = std::string(why.message())};
  if (absl::IsDataLoss(why)) {
    const absl::StatusOr<bool> is_dropped = environment_.snapshots->DropRotten(height);
    if (!is_dropped.ok()) absl::StrAppend(&damage.cause, "; ", is_dropped.status().message());
  }
  KILN_MARK("the scrub finds a rotten snapshot");
  if (environment_.found != nullptr) environment_.found(damage);
}

}  // namespace kiln::node
