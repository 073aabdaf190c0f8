// Committed blocks to clients that follow the chain.
#ifndef KILN_NETWORK_BLOCK_STREAM_H_
#define KILN_NETWORK_BLOCK_STREAM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kiln/v1/client.grpc.pb.h"
#include "network/service_state.h"

namespace kiln::network {

// The reply for one block, as GetBlock and StreamBlocks give it.
absl::Status FillBlockReply(const CommittedBlockView& view, v1::BlockReply* reply);

// Wakes block streams when there is a new block. However many streams wait or have gone, the
// handler holds one waiter. Thread-safe; shared with the waiter, which may outlive the server.
class BlockFeed : public std::enable_shared_from_this<BlockFeed> {
 public:
  class Follower {
   public:
    virtual ~Follower() = default;
    virtual void OnNewBlock() = 0;
  };
  enum class Wait { kQueued, kAvailable, kStopped };

  explicit BlockFeed(ClientHandler* handler) : handler_(handler) {}

  // kQueued: follower->OnNewBlock() runs once, after the next block or when the node stops; it need
  // not be the block at `height` yet. kAvailable: that block is there. kStopped: none will come.
  Wait Await(const std::shared_ptr<Follower>& follower, uint64_t height);

 private:
  void OnWoken(uint64_t height);

  ClientHandler* const handler_;
  absl::Mutex mutex_;
  std::vector<std::weak_ptr<Follower>> followers_ ABSL_GUARDED_BY(mutex_);
  uint64_t awaited_height_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: no waiter is with the handler
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// The reactor of a new call. It owns itself until the call is done.
grpc::ServerWriteReactor<v1::BlockReply>* ServeStreamBlocks(
    const std::shared_ptr<ServiceState>& state, const std::shared_ptr<BlockFeed>& feed,
    const v1::StreamBlocksRequest* request);

}  // namespace kiln::network

#endif  // KILN_NETWORK_BLOCK_STREAM_H_
