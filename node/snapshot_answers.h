// Snapshots for validators that are further behind than blocks reach.
#ifndef KILN_NODE_SNAPSHOT_ANSWERS_H_
#define KILN_NODE_SNAPSHOT_ANSWERS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "consensus/messages.h"
#include "kiln/genesis.h"
#include "network/frames.h"
#include "node/snapshots.h"
#include "storage/snapshot_stream.h"
#include "storage/store.h"

namespace kiln::node {

// Offers the newest certified snapshot to whoever asks for it, or for blocks that were pruned, and
// serves its chunks. What one peer gets is bounded by time: an offer now and then, and chunks no
// faster than a fast disk reads them. Thread-safe.
class SnapshotAnswers {
 public:
  static constexpr uint64_t kOfferEveryUs = 500'000;
  static constexpr uint64_t kChunkEveryUs = 2'000;  // about 130 MB/s
  static constexpr uint64_t kChunksAtOnce = 8;      // after some silence
  static constexpr uint64_t kIdleAfterUs = 5'000'000;

  // What is borrowed outlives it.
  SnapshotAnswers(const Genesis& genesis, size_t validators, const storage::Store* store,
                  Snapshots* snapshots);

  // Whether blocks that this request asks for were here and are not any more.
  bool IsPruned(const consensus::BlockRequest& request) const;
  // NotFound when there is nothing to offer, or nothing yet again.
  absl::StatusOr<network::FramePtr> Offer(ValidatorIndex to, uint64_t now_us);
  absl::StatusOr<network::FramePtr> Answer(ValidatorIndex to,
                                           const network::SnapshotRequest& request,
                                           uint64_t now_us);

  // Closes the snapshot that was read last when nobody has asked for so long: open, it would keep
  // its files on the disk after it was dropped. To be called now and then.
  void Tick(uint64_t now_us);

 private:
  struct Peer {
    uint64_t offer_from_us = 0;
    uint64_t chunks_paid_us = 0;  // when what it got so far has been at the pace
  };
  absl::StatusOr<consensus::SharedBytes> OfferOf(Height height);
  absl::StatusOr<std::string> ReadChunk(const storage::SnapshotIndex& index, uint32_t chunk,
                                        uint64_t now_us);

  const Genesis genesis_;
  const storage::Store* const store_;
  Snapshots* const snapshots_;

  absl::Mutex mutex_;
  std::vector<Peer> peers_ ABSL_GUARDED_BY(mutex_);
  Height offered_ ABSL_GUARDED_BY(mutex_);  // 0: none
  consensus::SharedBytes offer_ ABSL_GUARDED_BY(mutex_);

  // One reader after the other: opening a snapshot takes longer than reading a chunk of it.
  absl::Mutex stream_mutex_;
  std::unique_ptr<storage::SnapshotStream> stream_ ABSL_GUARDED_BY(stream_mutex_);
  Height stream_height_ ABSL_GUARDED_BY(stream_mutex_);
  uint64_t read_us_ ABSL_GUARDED_BY(stream_mutex_) = 0;
};

}  // namespace kiln::node

#endif  // KILN_NODE_SNAPSHOT_ANSWERS_H_
