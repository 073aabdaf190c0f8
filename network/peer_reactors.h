// The gRPC side of peer streams: reactors that report to a PeerLink.
#ifndef KILN_NETWORK_PEER_REACTORS_H_
#define KILN_NETWORK_PEER_REACTORS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "network/peer_link.h"
#include "network/peer_transport.h"
#include "network/tls_identity.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace kiln::network {

// What a transport and its streams share; the streams keep it alive. Thread-safe.
class PeerHub {
 public:
  PeerHub(PeerTransportOptions options, PeerHandler* handler,
          std::unique_ptr<TlsIdentity> identity);

  const PeerTransportOptions& options() const { return options_; }
  TlsIdentity& identity() { return *identity_; }
  size_t frame_bytes_max() const { return frame_bytes_max_; }
  // nullptr for oneself and for nobody.
  PeerLink* LinkTo(ValidatorIndex peer) const;
  const std::vector<std::unique_ptr<PeerLink>>& links() const { return links_; }

  void StreamBegins();
  // The last that a stream does. One that owns a channel is kept for DestroyRetired.
  void StreamEnds(std::unique_ptr<PeerStream> retired = nullptr);
  void WaitForStreams();
  // Never on a thread of gRPC's: with the last channel of a process gRPC waits for these threads to
  // end.
  void DestroyRetired();

  // Wakes the timer thread: something may be due earlier than it thinks.
  void Wake();
  // Until Wake, StopTimer or `due_us` (monotonic). False after StopTimer.
  bool WaitUntil(uint64_t due_us);
  void StopTimer();

 private:
  bool NoStreams() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return streams_ == 0; }
  bool WokenOrStopping() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return woken_ || stopping_; }

  const PeerTransportOptions options_;
  const size_t frame_bytes_max_;
  const std::unique_ptr<TlsIdentity> identity_;
  std::vector<std::unique_ptr<PeerLink>> links_;  // by validator index; null for oneself

  absl::Mutex mutex_;
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;  // reactors whose OnDone has not run
  std::vector<std::unique_ptr<PeerStream>> retired_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

// The service that takes streams of other validators in. Outlived by `hub`.
std::unique_ptr<grpc::Service> MakePeerService(std::shared_ptr<PeerHub> hub);

// Calls the link's peer; the stream owns itself until it is done.
void DialPeer(const std::shared_ptr<PeerHub>& hub, PeerLink* link);

}  // namespace kiln::network

#endif  // KILN_NETWORK_PEER_REACTORS_H_
