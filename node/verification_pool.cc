#include "node/verification_pool.h"

#include <utility>

#include "absl/time/time.h"

namespace kiln::node {

VerificationPool::VerificationPool(PeerInput* input, int threads)
    : input_(input), queue_(kFramesMax, kFrameBytesMax), thread_count_(threads) {}

void VerificationPool::Start() {
  running_ = true;
  for (int i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { Run(); });
}

VerificationPool::~VerificationPool() {
  Stop();
}

void VerificationPool::Stop() {
  running_ = false;
  queue_.Close();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

// Blocks, snapshots and requests for them are work for the disk, whatever their size.
bool VerificationPool::MayHandleAtOnce(const network::Frame& frame) const {
  if (frame.bytes() > kHandledAtOnceBytesMax || !running_) return false;
  switch (frame.kind) {
    case network::FrameKind::kBlocks:
    case network::FrameKind::kBlockRequest:
    case network::FrameKind::kSnapshotOffer:
    case network::FrameKind::kSnapshotRequest:
    case network::FrameKind::kSnapshotChunk:
    case network::FrameKind::kSnapshotOfferRequest:
      return false;
    default:
      return true;
  }
}

bool VerificationPool::Add(ValidatorIndex from, network::Frame frame) {
  if (MayHandleAtOnce(frame)) {
    input_->Handle(from, std::move(frame));
    return true;
  }
  const size_t bytes = frame.bytes();
  return queue_.TryPush(Received{from, std::move(frame)}, bytes);
}

void VerificationPool::Run() {
  while (true) {
    std::vector<Received> taken = queue_.TakeUpTo(1, absl::InfiniteFuture());
    if (taken.empty() || queue_.closed()) return;
    input_->Handle(taken.front().from, std::move(taken.front().frame));
  }
}

}  // namespace kiln::node
