// Peer streams: two validators' transports in one process, over loopback sockets and TLS.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "network/peer_transport.h"
#include "tests/network/peer_test_cluster.h"

namespace kiln::bench {
namespace {

using network::Frame;
using network::FramePtr;
using network::PeerTransport;

// Counts what comes, and sends it back if it is to. Thread-safe.
class CountingHandler final : public network::PeerHandler {
 public:
  bool OnFrame(ValidatorIndex from, Frame frame) override {
    PeerTransport* echo_by = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      ++frames_;
      echo_by = echo_by_;
    }
    if (echo_by != nullptr) echo_by->Send(from, std::make_shared<const Frame>(std::move(frame)));
    return true;
  }
  void OnConnected(ValidatorIndex /*peer*/) override {
    absl::MutexLock lock(&mutex_);
    connected_ = true;
  }
  void OnDisconnected(ValidatorIndex /*peer*/) override {}

  // nullptr: nothing is sent back any more.
  void EchoBy(PeerTransport* transport) {
    absl::MutexLock lock(&mutex_);
    echo_by_ = transport;
  }
  void AwaitConnected() {
    absl::MutexLock lock(&mutex_);
    KILN_CHECK(mutex_.AwaitWithTimeout(absl::Condition(&connected_), network::kTestPatience));
  }
  // Until so many have come since the last call.
  void AwaitFrames(size_t count) {
    absl::MutexLock lock(&mutex_);
    wanted_ = count;
    KILN_CHECK(mutex_.AwaitWithTimeout(absl::Condition(this, &CountingHandler::HasWanted),
                                       network::kTestPatience));
    frames_ = 0;
  }

 private:
  bool HasWanted() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return frames_ >= wanted_; }

  absl::Mutex mutex_;
  size_t frames_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  PeerTransport* echo_by_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

// Validators 0 and 1 of two, connected.
class StreamRig {
 public:
  StreamRig() {
    Start(1);
    Start(0);
    for (CountingHandler& handler : handlers_) handler.AwaitConnected();
  }
  ~StreamRig() {
    for (CountingHandler& handler : handlers_) handler.EchoBy(nullptr);
    for (auto& transport : transports_) transport->Stop();
  }

  PeerTransport& transport(size_t i) { return *transports_[i]; }
  CountingHandler& handler(size_t i) { return handlers_[i]; }

 private:
  void Start(uint32_t i) {
    const uint32_t other = 1 - i;
    network::PeerTransportOptions options;
    options.node_key = &keys_[i];
    options.chain_id = network::TestChainId();
    options.self = ValidatorIndex{i};
    options.validators = &validators_;
    options.listen_address = "127.0.0.1:0";
    options.peer_addresses.resize(2);
    if (transports_[other]) {
      options.peer_addresses[other] = transports_[other]->listen_address();
    }
    auto transport = PeerTransport::Start(std::move(options), &handlers_[i]);
    KILN_CHECK_OK(transport.status());
    transports_[i] = *std::move(transport);
  }

  const consensus::ValidatorSet validators_ = network::TestValidators(2);
  const crypto::SecretKey keys_[2] = {network::TestNodeKey(0), network::TestNodeKey(1)};
  CountingHandler handlers_[2];
  std::unique_ptr<PeerTransport> transports_[2];
};

// As small ones are votes, and large ones are batches or blocks, whose bytes are in the payload.
FramePtr MakeFrame(size_t bytes) {
  Frame frame{network::FrameKind::kTransactions, "", nullptr};
  frame.payload = std::make_shared<const std::string>(bytes, 'x');
  return std::make_shared<const Frame>(std::move(frame));
}

// To the peer and back.
void BM_StreamRoundTrip(benchmark::State& state) {
  StreamRig rig;
  rig.handler(1).EchoBy(&rig.transport(1));
  const FramePtr frame = MakeFrame(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    rig.transport(0).Send({1}, frame);
    rig.handler(0).AwaitFrames(1);
  }
}
BENCHMARK(BM_StreamRoundTrip)
    ->ArgName("bytes")
    ->Arg(200)
    ->Arg(256 << 10)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// Many one way. Arguments: bytes of each, frames sent before the last is waited for.
void BM_StreamFrames(benchmark::State& state) {
  StreamRig rig;
  const FramePtr frame = MakeFrame(static_cast<size_t>(state.range(0)));
  const size_t count = static_cast<size_t>(state.range(1));
  for (auto _ : state) {
    for (size_t i = 0; i < count; ++i) rig.transport(0).Send({1}, frame);
    rig.handler(1).AwaitFrames(count);
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
  state.SetBytesProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(BM_StreamFrames)
    ->ArgNames({"bytes", "frames"})
    ->Args({200, 1000})
    ->Args({256 << 10, 32})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace kiln::bench
