#include "network/block_stream.h"

#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "consensus/codec.h"
#include "network/convert.h"

namespace kiln::network {
namespace {

// One call: the next block is read when the client took the one before it. A write or a place in
// the feed is outstanding at any time, never both, so one thread at a time advances the stream.
class BlockStream final : public grpc::ServerWriteReactor<v1::BlockReply>,
                          public BlockFeed::Follower,
                          public TrackedCall,
                          public std::enable_shared_from_this<BlockStream> {
 public:
  BlockStream(std::shared_ptr<ServiceState> state, std::shared_ptr<BlockFeed> feed,
              uint64_t next_height)
      : state_(std::move(state)), feed_(std::move(feed)), next_height_(next_height) {}

  void Begin() {
    self_ = shared_from_this();
    const absl::Status admitted = state_->block_streams.Add(this);
    tracked_ = admitted.ok();
    if (!admitted.ok()) return FinishWith(admitted);
    const uint64_t committed_height = state_->handler->GetStatus().committed_height;
    if (next_height_ == 0) next_height_ = committed_height + 1;
    if (next_height_ > committed_height &&
        next_height_ - committed_height > state_->limits.duplicate_window_blocks) {
      return FinishWith(absl::OutOfRangeError(
          absl::StrCat("from_height: ", next_height_, ", the chain is at ", committed_height)));
    }
    Advance();
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
    }
    if (!ok) return FinishWith(absl::CancelledError("the client is gone"));
    if (FinishIfEnded()) return;
    if (next_height_ == std::numeric_limits<uint64_t>::max()) {
      return FinishWith(absl::OutOfRangeError("no further heights"));
    }
    ++next_height_;
    Advance();
  }

  void OnNewBlock() override { Advance(); }
  void OnCancel() override { FinishWith(absl::CancelledError("cancelled")); }
  void OnServerStopping() override {
    FinishWith(absl::UnavailableError("this validator is stopping"));
  }
  void OnDone() override {
    const std::shared_ptr<BlockStream> self = std::move(self_);
    if (tracked_) state_->block_streams.Remove(this);
  }

 private:
  void Advance() {
    // A block that appears between the two questions is found by the second try.
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (FinishIfEnded()) return;
      const absl::StatusOr<CommittedBlockView> view = state_->handler->GetBlock(next_height_);
      if (view.ok()) return Write(*view);
      if (!absl::IsNotFound(view.status())) return FinishWith(view.status());
      const BlockFeed::Wait wait = feed_->Await(shared_from_this(), next_height_);
      if (wait == BlockFeed::Wait::kQueued) return;
      if (wait == BlockFeed::Wait::kStopped) return OnServerStopping();
    }
    FinishWith(absl::UnavailableError(absl::StrCat("block ", next_height_, " cannot be read")));
  }

  void Write(const CommittedBlockView& view) {
    reply_.Clear();
    if (const absl::Status filled = FillBlockReply(view, &reply_); !filled.ok()) {
      return FinishWith(filled);
    }
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    writing_ = true;
    StartWrite(&reply_);
  }

  // Ends the call now, or when the write that is under way is over.
  void FinishWith(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    if (!ended_) end_ = status;
    ended_ = true;
    MaybeFinish();
  }
  bool FinishIfEnded() {
    absl::MutexLock lock(&mutex_);
    MaybeFinish();
    return ended_;
  }
  void MaybeFinish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!ended_ || writing_ || finished_) return;
    finished_ = true;
    Finish(ToGrpcStatus(end_));
  }

  const std::shared_ptr<ServiceState> state_;
  const std::shared_ptr<BlockFeed> feed_;
  std::shared_ptr<BlockStream> self_;  // until OnDone
  bool tracked_ = false;               // set by Begin, read by OnDone
  uint64_t next_height_;               // the advancing thread's
  v1::BlockReply reply_;               // likewise, and gRPC's while writing_

  absl::Mutex mutex_;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;  // Finish was called
};

}  // namespace

absl::Status FillBlockReply(const CommittedBlockView& view, v1::BlockReply* reply) {
  if (view.block == nullptr) return absl::InternalError("no block");
  reply->set_block(consensus::EncodeWithoutPayload(*view.block));
  if (view.block->payload != nullptr) reply->set_payload(*view.block->payload);
  reply->set_finality(view.finality);
  return absl::OkStatus();
}

BlockFeed::Wait BlockFeed::Await(const std::shared_ptr<Follower>& follower, uint64_t height) {
  const uint64_t executed_height = handler_->GetStatus().executed_height;
  if (executed_height >= height) return Wait::kAvailable;
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return Wait::kStopped;
    // Somebody read the executed height later than we did, and it had reached `height`.
    if (awaited_height_ > height) return Wait::kAvailable;
    if (followers_.size() >= 2 * kBlockStreamsMax) {
      std::erase_if(followers_, [](const std::weak_ptr<Follower>& gone) { return gone.expired(); });
    }
    followers_.push_back(follower);
    if (awaited_height_ != 0) return Wait::kQueued;
    awaited_height_ = executed_height + 1;
  }
  handler_->WaitForHeight(
      executed_height + 1,
      [feed = shared_from_this(), waited = executed_height + 1] { feed->OnWoken(waited); });
  return Wait::kQueued;
}

void BlockFeed::OnWoken(uint64_t height) {
  const bool reached = handler_->GetStatus().executed_height >= height;
  std::vector<std::weak_ptr<Follower>> followers;
  {
    absl::MutexLock lock(&mutex_);
    awaited_height_ = 0;
    stopped_ = stopped_ || !reached;
    followers.swap(followers_);
  }
  for (const std::weak_ptr<Follower>& weak : followers) {
    if (const std::shared_ptr<Follower> follower = weak.lock()) follower->OnNewBlock();
  }
}

grpc::ServerWriteReactor<v1::BlockReply>* ServeStreamBlocks(
    const std::shared_ptr<ServiceState>& state, const std::shared_ptr<BlockFeed>& feed,
    const v1::StreamBlocksRequest* request) {
  const auto stream = std::make_shared<BlockStream>(state, feed, request->from_height());
  BlockStream* const reactor = stream.get();
  reactor->Begin();
  return reactor;
}

}  // namespace kiln::network
