#include "node/snapshot_answers.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "storage/snapshot_offer.h"
#include "storage/snapshot_proof.h"
#include "storage/snapshot_stream.h"

namespace kiln::node {

static_assert(storage::kSnapshotChunkBytes == network::kSnapshotChunkBytesMax,
              "what is cut is what a frame holds: the two layers do not know each other");

SnapshotAnswers::SnapshotAnswers(const Genesis& genesis, size_t validators,
                                 const storage::Store* store, Snapshots* snapshots)
    : genesis_(genesis), store_(store), snapshots_(snapshots), peers_(validators) {}

bool SnapshotAnswers::IsPruned(const consensus::BlockRequest& request) const {
  const Height lowest = store_->base().lowest();
  return lowest.value > 1 && request.above_height.value + 1 < lowest.value;
}

absl::StatusOr<network::FramePtr> SnapshotAnswers::Offer(ValidatorIndex to, uint64_t now_us) {
  {
    absl::MutexLock lock(&mutex_);
    Peer& peer = peers_.at(to.value);
    if (now_us < peer.offer_from_us) return absl::NotFoundError("it was offered just now");
    peer.offer_from_us = now_us + kOfferEveryUs;
  }
  KILN_ASSIGN_OR_RETURN(const Height height,
                        storage::NewestCertifiedSnapshot(*store_, genesis_.limits));
  KILN_RETURN_IF_ERROR(snapshots_->FindIndex(height).status());
  KILN_ASSIGN_OR_RETURN(consensus::SharedBytes offer, OfferOf(height));
  KILN_MARK("a snapshot is offered in the place of blocks");
  return network::EncodeFrame(network::SnapshotOffer{.bytes = std::move(offer)});
}

absl::StatusOr<consensus::SharedBytes> SnapshotAnswers::OfferOf(Height height) {
  {
    absl::MutexLock lock(&mutex_);
    if (offered_ == height) return offer_;
  }
  KILN_ASSIGN_OR_RETURN(const storage::SnapshotOffer made,
                        storage::MakeSnapshotOffer(*store_, genesis_, height));
  auto bytes = std::make_shared<const std::string>(storage::Encode(made));
  if (bytes->size() > network::SnapshotOfferBytesMax(genesis_.limits)) {
    return absl::NotFoundError(
        absl::StrCat("what proves the snapshot of height ", height.value, " fits no frame"));
  }
  absl::MutexLock lock(&mutex_);
  offered_ = height;
  offer_ = bytes;
  return bytes;
}

absl::StatusOr<network::FramePtr> SnapshotAnswers::Answer(ValidatorIndex to,
                                                          const network::SnapshotRequest& request,
                                                          uint64_t now_us) {
  KILN_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::SnapshotIndex> index,
                        snapshots_->FindIndex(request.height));
  if (request.chunk >= index->places.size()) return absl::NotFoundError("no such chunk");
  {
    absl::MutexLock lock(&mutex_);
    Peer& peer = peers_.at(to.value);
    if (peer.chunks_paid_us >= now_us + kChunksAtOnce * kChunkEveryUs) {
      return absl::NotFoundError("too fast");
    }
    peer.chunks_paid_us = std::max(peer.chunks_paid_us, now_us) + kChunkEveryUs;
  }
  KILN_ASSIGN_OR_RETURN(std::string chunk, ReadChunk(*index, request.chunk, now_us));
  return network::EncodeFrame(
      network::SnapshotChunk{.height = request.height,
                             .proof = index->chunks.Prove(request.chunk),
                             .bytes = std::make_shared<const std::string>(std::move(chunk))});
}

absl::StatusOr<std::string> SnapshotAnswers::ReadChunk(const storage::SnapshotIndex& index,
                                                       uint32_t chunk, uint64_t now_us) {
  absl::MutexLock lock(&stream_mutex_);
  read_us_ = now_us;
  if (stream_ == nullptr || stream_height_ != index.height) {
    stream_.reset();
    KILN_ASSIGN_OR_RETURN(stream_,
                          storage::SnapshotStream::Open(store_, index.height,
                                                        genesis_.limits.duplicate_window_blocks));
    stream_height_ = index.height;
  }
  const absl::Status found = stream_->Seek(index.places[chunk]);
  absl::StatusOr<std::string> read = found.ok() ? stream_->NextChunk() : found;
  if (!read.ok()) stream_.reset();
  return read;
}

void SnapshotAnswers::Tick(uint64_t now_us) {
  absl::MutexLock lock(&stream_mutex_);
  if (now_us >= read_us_ + kIdleAfterUs) stream_.reset();
}

}  // namespace kiln::node
