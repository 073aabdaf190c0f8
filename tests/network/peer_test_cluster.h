// Transports of several validators in one process, and what their handlers have seen.
#ifndef KILN_TESTS_NETWORK_PEER_TEST_CLUSTER_H_
#define KILN_TESTS_NETWORK_PEER_TEST_CLUSTER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "consensus/validator_set.h"
#include "crypto/ed25519.h"
#include "network/peer_transport.h"

namespace kiln::network {

// Long enough for a loaded machine under a sanitizer; nothing waits for all of it when all is well.
inline constexpr absl::Duration kTestPatience = absl::Seconds(60);

inline Hash TestChainId(uint8_t number = 1) {
  Hash id;
  id.bytes.fill(number);
  return id;
}

inline crypto::SecretKey TestNodeKey(uint8_t number) {
  crypto::Seed seed{};
  seed[0] = number;
  seed[1] = 0x6e;
  return crypto::SecretKey::FromSeed(seed);
}

inline consensus::ValidatorSet TestValidators(uint8_t count) {
  std::vector<consensus::Validator> members;
  for (uint8_t i = 0; i < count; ++i) {
    crypto::Seed seed{};
    seed[0] = i;
    seed[1] = 0x63;
    members.push_back({.name = absl::StrCat("v", static_cast<int>(i)),
                       .consensus_key = crypto::SecretKey::FromSeed(seed).public_key(),
                       .node_key = TestNodeKey(i).public_key(),
                       .power = 1});
  }
  auto set = consensus::ValidatorSet::Create(std::move(members));
  KILN_CHECK_OK(set.status());
  return *std::move(set);
}

inline FramePtr TestFrame(std::string body, FrameKind kind = FrameKind::kVote) {
  return std::make_shared<const Frame>(Frame{kind, std::move(body), nullptr});
}

// Records all that it is told. Thread-safe.
class RecordingHandler : public PeerHandler {
 public:
  bool OnFrame(ValidatorIndex from, Frame frame) override {
    absl::MutexLock lock(&mutex_);
    if (!accepting_) return false;
    received_[from].push_back(std::move(frame));
    return true;
  }
  void OnConnected(ValidatorIndex peer) override {
    absl::MutexLock lock(&mutex_);
    KILN_CHECK(!connected_[peer]) << "connected twice";
    connected_[peer] = true;
    ++connections_[peer];
  }
  void OnDisconnected(ValidatorIndex peer) override {
    absl::MutexLock lock(&mutex_);
    KILN_CHECK(connected_[peer]) << "disconnected without a connection";
    connected_[peer] = false;
  }

  void SetAccepting(bool accepting) {
    absl::MutexLock lock(&mutex_);
    accepting_ = accepting;
  }
  bool AwaitConnected(ValidatorIndex peer, bool wanted = true) {
    return Await([this, peer, wanted]()
                     ABSL_NO_THREAD_SAFETY_ANALYSIS { return connected_[peer] == wanted; });
  }
  bool AwaitConnections(ValidatorIndex peer, int count) {
    return Await([this, peer, count]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return connected_[peer] && connections_[peer] >= count;
    });
  }
  bool AwaitFrames(ValidatorIndex from, size_t count) {
    return Await([this, from, count]()
                     ABSL_NO_THREAD_SAFETY_ANALYSIS { return received_[from].size() >= count; });
  }
  std::vector<Frame> FramesFrom(ValidatorIndex from) {
    absl::MutexLock lock(&mutex_);
    return received_[from];
  }
  size_t CountFrom(ValidatorIndex from) {
    absl::MutexLock lock(&mutex_);
    return received_[from].size();
  }

 private:
  bool Await(const std::function<bool()>& holds) {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(
        absl::Condition(
            +[](const std::function<bool()>* condition) { return (*condition)(); }, &holds),
        kTestPatience);
  }

  absl::Mutex mutex_;
  bool accepting_ ABSL_GUARDED_BY(mutex_) = true;
  std::map<ValidatorIndex, std::vector<Frame>> received_ ABSL_GUARDED_BY(mutex_);
  std::map<ValidatorIndex, bool> connected_ ABSL_GUARDED_BY(mutex_);
  std::map<ValidatorIndex, int> connections_ ABSL_GUARDED_BY(mutex_);
};

// Waits until `holds` is true of something that nobody can wait for otherwise.
inline bool Eventually(const std::function<bool()>& holds) {
  absl::Mutex mutex;
  const bool never = false;
  for (absl::Duration waited; waited < kTestPatience; waited += absl::Milliseconds(5)) {
    if (holds()) return true;
    absl::MutexLock lock(&mutex);
    mutex.AwaitWithTimeout(absl::Condition(&never), absl::Milliseconds(5));
  }
  return false;
}

// The transports of validators 0 to `count` - 1, each started by Start. Not thread-safe.
class PeerTestCluster {
 public:
  explicit PeerTestCluster(uint8_t count)
      : validators_(TestValidators(count)), addresses_(count), transports_(count) {
    for (uint8_t i = 0; i < count; ++i) {
      keys_.push_back(std::make_unique<crypto::SecretKey>(TestNodeKey(i)));
      handlers_.push_back(std::make_unique<RecordingHandler>());
    }
  }
  ~PeerTestCluster() {
    for (auto& transport : transports_) transport.reset();
  }

  PeerTransportOptions Options(uint32_t index) const {
    PeerTransportOptions options;
    options.node_key = keys_[index].get();
    options.chain_id = TestChainId();
    options.self = ValidatorIndex{index};
    options.validators = &validators_;
    options.listen_address = addresses_[index].empty() ? "127.0.0.1:0" : addresses_[index];
    options.peer_addresses = addresses_;
    options.peer_addresses[index].clear();
    options.reconnect_delay_min = absl::Milliseconds(10);
    options.reconnect_delay_max = absl::Milliseconds(200);
    return options;
  }
  absl::Status Start(uint32_t index) { return Start(index, Options(index)); }
  absl::Status Start(uint32_t index, PeerTransportOptions options) {
    auto transport = PeerTransport::Start(std::move(options), handlers_[index].get());
    if (!transport.ok()) return transport.status();
    transports_[index] = *std::move(transport);
    addresses_[index] = transports_[index]->listen_address();
    return absl::OkStatus();
  }
  // Highest first, so that everybody knows the addresses that it calls.
  void StartAll() {
    for (uint32_t i = static_cast<uint32_t>(transports_.size()); i-- > 0;) KILN_CHECK_OK(Start(i));
  }
  void Stop(uint32_t index) { transports_[index].reset(); }
  bool AwaitAllConnected() {
    for (uint32_t i = 0; i < transports_.size(); ++i) {
      for (uint32_t peer = 0; peer < transports_.size(); ++peer) {
        if (peer != i && !handler(i).AwaitConnected(ValidatorIndex{peer})) return false;
      }
    }
    return true;
  }

  PeerTransport& transport(uint32_t index) { return *transports_.at(index); }
  RecordingHandler& handler(uint32_t index) { return *handlers_.at(index); }
  const std::string& address(uint32_t index) const { return addresses_.at(index); }
  void SetAddress(uint32_t index, std::string address) {
    addresses_.at(index) = std::move(address);
  }
  const consensus::ValidatorSet& validators() const { return validators_; }
  const crypto::SecretKey& key(uint32_t index) const { return *keys_.at(index); }
  PeerConnectionStatus StatusOf(uint32_t at, uint32_t peer) {
    return transport(at).status().at(peer);
  }
  bool AwaitError(uint32_t at, uint32_t peer, absl::string_view part) {
    return Eventually([this, at, peer, part] {
      return absl::string_view(StatusOf(at, peer).last_error).find(part) != absl::string_view::npos;
    });
  }

 private:
  const consensus::ValidatorSet validators_;
  std::vector<std::unique_ptr<crypto::SecretKey>> keys_;
  std::vector<std::unique_ptr<RecordingHandler>> handlers_;
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<PeerTransport>> transports_;
};

}  // namespace kiln::network

#endif  // KILN_TESTS_NETWORK_PEER_TEST_CLUSTER_H_
