// The threads that decode and verify what peers send.
#ifndef KILN_NODE_VERIFICATION_POOL_H_
#define KILN_NODE_VERIFICATION_POOL_H_

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/ids.h"
#include "network/frames.h"
#include "node/peer_input.h"

namespace kiln::node {

// A queue of frames and a few threads that give them to a PeerInput, in no particular order. Small
// frames that cost little are handled by the thread that brings them: to wake another takes about
// as long as to verify a vote. Thread-safe.
class VerificationPool {
 public:
  // A proposal without transactions in a set of a dozen validators is below it.
  static constexpr size_t kHandledAtOnceBytesMax = 2048;
  static constexpr size_t kFramesMax = 8192;
  static constexpr size_t kFrameBytesMax = 128 << 20;

  // `input` must outlive the pool.
  VerificationPool(PeerInput* input, int threads);
  ~VerificationPool();  // Stop()

  // Frames that came before wait until then. Call it once, when the input's sinks may be used.
  void Start();

  // False when there is no room: the frame is dropped. Never waits.
  bool Add(ValidatorIndex from, network::Frame frame);

  // Frames that wait.
  size_t size() const { return queue_.size(); }

  // Ends the threads; what waits is dropped. Idempotent.
  void Stop();

 private:
  struct Received {
    ValidatorIndex from;
    network::Frame frame;
  };

  void Run();
  bool MayHandleAtOnce(const network::Frame& frame) const;

  PeerInput* const input_;
  BoundedQueue<Received> queue_;
  const int thread_count_;
  std::atomic<bool> running_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_VERIFICATION_POOL_H_
