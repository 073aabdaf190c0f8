// The validators that a client may ask.
#ifndef KILN_NETWORK_ENDPOINT_H_
#define KILN_NETWORK_ENDPOINT_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kiln/client.h"
#include "kiln/v1/client.grpc.pb.h"
#include "network/fault_log.h"

namespace kiln::network {

// One validator's client port. Connects when it is first used, and again by itself. Thread-safe.
struct Endpoint {
  std::string address;  // host:port
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Kiln::Stub> stub;
};

// How long a client that has asked all validators in vain waits before it asks again.
inline constexpr absl::Duration kAllFailedPause = absl::Milliseconds(200);

// How long a question that only one validator can answer waits for a connection: a handshake on a
// busy machine, and little for somebody who asks about a validator that is down.
inline constexpr absl::Duration kConnectPatience = absl::Milliseconds(200);

// Thread-safe. Invariant: not empty.
class Endpoints {
 public:
  // InvalidArgument names the option at fault. Refused identities go to `faults`.
  static absl::StatusOr<std::unique_ptr<Endpoints>> Create(const ClientOptions& options,
                                                           const std::shared_ptr<FaultLog>& faults);

  size_t size() const { return endpoints_.size(); }
  const Endpoint& at(size_t i) const { return endpoints_[i % endpoints_.size()]; }

  // Where to begin: the last one that did as it should.
  size_t preferred() const { return preferred_.load(std::memory_order_relaxed); }
  void Prefer(size_t i) { preferred_.store(i % size(), std::memory_order_relaxed); }

  // Waits for endpoint `i` to be connected, for at most `patience`: gRPC makes progress with a
  // connection only while somebody waits for it. False, at once, when it is connected already.
  bool Connect(size_t i, absl::Duration patience) const;
  // Waits for `pause`. Until it is connected, endpoint `i` uses the time to connect.
  void Pause(size_t i, absl::Duration pause) const;

  // Whether so many validators agree on a refusal that one of them must be honest, if less than a
  // third of those configured lie.
  bool IsBelievable(size_t refusals) const { return 3 * refusals > size(); }

 private:
  Endpoints() = default;

  std::vector<Endpoint> endpoints_;
  std::atomic<size_t> preferred_ = 0;
};

// What an error of a validator means to a client that has others to ask.
enum class ErrorKind {
  kUnreachable,  // it is down, silent, or does not make sense: the outcome is unknown
  kBusy,         // it is full: later, or elsewhere
  kRefusal,      // it says that the request is at fault
};
ErrorKind KindOf(const absl::Status& error);

}  // namespace kiln::network

#endif  // KILN_NETWORK_ENDPOINT_H_
