#include "storage/snapshot_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/executed_state.h"
#include "crypto/encoding.h"
#include "storage/schema.h"

namespace kiln::storage {
namespace {

std::string Tagged(char tag, absl::string_view rest) {
  return absl::StrCat(absl::string_view(&tag, 1), rest);
}

}  // namespace

Height SnapshotWindowBegin(Height height, uint64_t window_blocks) {
  return Height{height.value < window_blocks ? 1 : height.value - window_blocks + 1};
}

absl::StatusOr<std::unique_ptr<SnapshotStream>> SnapshotStream::Open(const Store* store,
                                                                     Height height,
                                                                     uint64_t window_blocks) {
  KILN_ASSIGN_OR_RETURN(std::unique_ptr<StateCursor> state, store->OpenSnapshot(height));
  std::unique_ptr<SnapshotStream> stream(
      new SnapshotStream(store, std::move(state), height, window_blocks));
  KILN_RETURN_IF_ERROR(stream->TakeHead());
  return stream;
}

SnapshotStream::SnapshotStream(const Store* store, std::unique_ptr<StateCursor> state,
                               Height height, uint64_t window_blocks)
    : store_(store),
      state_(std::move(state)),
      height_(height),
      window_begin_(SnapshotWindowBegin(height, window_blocks)) {
  KILN_CHECK_GT(height.value, 0u);
}

void SnapshotStream::Take(std::string key, absl::string_view value) {
  crypto::Encoder encoder;
  encoder.Reserve(key.size() + value.size() + 2 * sizeof(uint32_t));
  encoder.Bytes(key).Bytes(value);
  entry_ = std::move(encoder).Take();
  key_ = std::move(key);
  used_ = 0;
}

absl::Status SnapshotStream::TakeHead() {
  KILN_ASSIGN_OR_RETURN(const HeightState head, store_->StateAt(height_));
  crypto::Encoder value;
  value.Raw(consensus::Encode(head.state)).U64(head.total_transactions);
  Take(std::string(1, kSnapshotHead), value.view());
  return absl::OkStatus();
}

absl::Status SnapshotStream::TakeState(absl::StatusOr<bool> is_on_key) {
  KILN_RETURN_IF_ERROR(is_on_key.status());
  if (!*is_on_key) return TakeWindow(window_begin_);
  Take(Tagged(kSnapshotState, state_->key()), state_->value());
  return absl::OkStatus();
}

absl::Status SnapshotStream::TakeWindow(Height height) {
  if (height > height_) {
    End();
    return absl::OkStatus();
  }
  KILN_ASSIGN_OR_RETURN(const std::vector<TransactionIdPrefix> ids, store_->ExecutedIdsAt(height));
  crypto::Encoder value;
  value.Reserve(ids.size() * sizeof(TransactionIdPrefix));
  for (const TransactionIdPrefix& id : ids) value.Array(id);
  Take(Tagged(kSnapshotWindow, HeightKey(height)), value.view());
  return absl::OkStatus();
}

absl::Status SnapshotStream::TakeNext() {
  switch (key_.front()) {
    case kSnapshotHead:
      return TakeState(state_->Seek(""));
    case kSnapshotState:
      return TakeState(state_->Next());
    default: {
      KILN_ASSIGN_OR_RETURN(const Height height, ParseHeightKey(absl::string_view(key_).substr(1)));
      return TakeWindow(Height{height.value + 1});
    }
  }
}

absl::Status SnapshotStream::Seek(const SnapshotPlace& place) {
  if (place.key.empty()) {
    End();
    return absl::OkStatus();
  }
  const absl::string_view rest = absl::string_view(place.key).substr(1);
  if (place.key.front() == kSnapshotHead) {
    KILN_RETURN_IF_ERROR(TakeHead());
  } else if (place.key.front() == kSnapshotState) {
    KILN_RETURN_IF_ERROR(TakeState(state_->Seek(rest)));
  } else {
    KILN_ASSIGN_OR_RETURN(const Height height, ParseHeightKey(rest));
    KILN_RETURN_IF_ERROR(TakeWindow(height));
  }
  if (key_ != place.key || place.skipped >= entry_.size()) {
    return absl::DataLossError(
        absl::StrCat("the snapshot of height ", height_.value, " is not what it was"));
  }
  used_ = place.skipped;
  return absl::OkStatus();
}

absl::StatusOr<std::string> SnapshotStream::NextChunk() {
  std::string chunk;
  while (!key_.empty() && chunk.size() < kSnapshotChunkBytes) {
    const absl::string_view left = absl::string_view(entry_).substr(used_);
    const absl::string_view taken = left.substr(0, kSnapshotChunkBytes - chunk.size());
    chunk.append(taken.data(), taken.size());
    used_ += taken.size();
    if (taken.size() == left.size()) KILN_RETURN_IF_ERROR(TakeNext());
  }
  return chunk;
}

absl::StatusOr<std::shared_ptr<const SnapshotIndex>> IndexSnapshot(
    const Store& store, Height height, uint64_t window_blocks,
    absl::FunctionRef<bool()> is_stopping) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<SnapshotStream> stream,
                        SnapshotStream::Open(&store, height, window_blocks));
  std::vector<Hash> leaves;
  std::vector<SnapshotPlace> places;
  while (true) {
    if (is_stopping()) return absl::CancelledError("the validator is stopping");
    SnapshotPlace place = stream->place();
    KILN_ASSIGN_OR_RETURN(const std::string chunk, stream->NextChunk());
    if (chunk.empty()) break;
    if (leaves.size() == crypto::kMerkleLeavesMax) {
      return absl::OutOfRangeError(absl::StrCat("the state is too large for a snapshot: more than ",
                                                crypto::kMerkleLeavesMax, " chunks of ",
                                                kSnapshotChunkBytes, " bytes"));
    }
    leaves.push_back(crypto::MerkleLeaf(chunk));
    places.push_back(std::move(place));
  }
  return std::make_shared<const SnapshotIndex>(
      SnapshotIndex{.height = height,
                    .chunks = crypto::MerkleTree(std::move(leaves)),
                    .places = std::move(places)});
}

}  // namespace kiln::storage
