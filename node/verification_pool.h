// Between the peers' streams and the replica: decodes, verifies, drops.
#ifndef KILN_NODE_VERIFICATION_POOL_H_
#define KILN_NODE_VERIFICATION_POOL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/ids.h"
#include "consensus/verifier.h"
#include "kiln/genesis.h"
#include "network/frames.h"
#include "node/duplicate_window.h"
#include "node/engine.h"
#include "node/vote_log.h"
#include "storage/store.h"

namespace kiln::node {

// A few threads that take frames as they come, in no particular order: messages become verified
// events, batches lose what was executed before, requests for blocks are answered from the store.
// What is invalid is counted and logged with its sender and cause, and costs nothing further.
// Thread-safe.
class VerificationPool {
 public:
  static constexpr size_t kFramesMax = 8192;
  static constexpr size_t kFrameBytesMax = 128 << 20;

  struct Sinks {
    // False when there is no room: the event is dropped.
    std::function<bool(EngineEvent, size_t bytes)> event;
    std::function<void(ValidatorIndex, network::FramePtr)> answer;
  };

  // What is borrowed must outlive the pool. `vote_log` may be null.
  VerificationPool(const Genesis& genesis, const consensus::ValidatorSet* validators, int threads,
                   const storage::Store* store, const DuplicateWindow* window, VoteLog* vote_log,
                   Sinks sinks);
  ~VerificationPool();  // Stop()

  // Frames that came before wait until then. Call it once, when the sinks may be used.
  void Start();

  // False when there is no room: the frame is dropped. Never blocks.
  bool Add(ValidatorIndex from, network::Frame frame);

  // Ends the threads; what waits is dropped. Idempotent.
  void Stop();

  uint64_t refused() const { return refused_; }

 private:
  struct Received {
    ValidatorIndex from;
    network::Frame frame;
  };

  void Run();
  void Handle(Received received);
  void Handle(ValidatorIndex from, consensus::Message message, size_t bytes);
  void Handle(ValidatorIndex from, const consensus::BlockRequest& request, size_t bytes);
  void Handle(ValidatorIndex from, network::TransactionBatch batch, size_t bytes);
  void Refuse(ValidatorIndex from, const absl::Status& why);

  const ChainLimits limits_;
  const consensus::ValidatorSet* const validators_;
  const storage::Store* const store_;
  const DuplicateWindow* const window_;
  VoteLog* const vote_log_;
  const Sinks sinks_;
  const consensus::Ed25519Verifier signatures_;
  consensus::MessageVerifier verifier_;
  BoundedQueue<Received> queue_;
  std::atomic<uint64_t> refused_{0};
  const int thread_count_;
  std::vector<std::thread> threads_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_VERIFICATION_POOL_H_
