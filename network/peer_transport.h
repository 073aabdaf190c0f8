// Streams to the other validators: mutual TLS bound to node keys, one stream per pair,
// reconnecting.
#ifndef KILN_NETWORK_PEER_TRANSPORT_H_
#define KILN_NETWORK_PEER_TRANSPORT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "base/random.h"
#include "consensus/validator_set.h"
#include "crypto/ed25519.h"
#include "kiln/genesis.h"
#include "network/frames.h"
#include "network/send_queue.h"

namespace kiln::network {

// Where received frames go. Called on gRPC's threads; must not block.
class PeerHandler {
 public:
  virtual ~PeerHandler() = default;
  // `from` is who the TLS handshake proved. False when there is no room: the frame is dropped and
  // counted, which the protocol tolerates.
  virtual bool OnFrame(ValidatorIndex from, Frame frame) = 0;
  virtual void OnConnected(ValidatorIndex peer) = 0;
  virtual void OnDisconnected(ValidatorIndex peer) = 0;
};

struct PeerTransportOptions {
  const crypto::SecretKey* node_key = nullptr;  // outlives the transport
  Hash chain_id;
  ValidatorIndex self;
  const consensus::ValidatorSet* validators = nullptr;  // outlives the transport
  ChainLimits limits;
  std::string listen_address;               // host:port; port 0 lets the system choose
  std::vector<std::string> peer_addresses;  // by validator index; one's own and unknown ones empty
  size_t send_queue_frames_max = kSendQueueFramesMax;            // per peer
  size_t send_queue_bytes_max = kSendQueueBytesMax;              // per peer
  absl::Duration reconnect_delay_min = absl::Milliseconds(100);  // doubles, with jitter
  // Short, so that a validator that comes back is in touch within about half a second.
  absl::Duration reconnect_delay_max = absl::Milliseconds(500);
  absl::Duration hello_timeout = absl::Seconds(5);  // from the call or its arrival to the hello
  uint32_t protocol_version = kProtocolVersion;
  Random* random = nullptr;  // nullptr: the system's
};

struct PeerConnectionStatus {
  bool connected = false;
  std::string last_error;  // why the last connection ended or was refused
  uint64_t frames_sent = 0;
  uint64_t frames_received = 0;
  uint64_t frames_dropped = 0;  // by full queues, both directions
  size_t frames_waiting = 0;    // to be sent
};

// Thread-safe. Frames to one peer arrive in order while a connection lasts; frames are lost when it
// ends or when a queue is full. For a peer that is not connected the newest few are kept.
class PeerTransport {
 public:
  // Unavailable when the address is taken or cannot be listened on.
  static absl::StatusOr<std::unique_ptr<PeerTransport>> Start(PeerTransportOptions options,
                                                              PeerHandler* handler);
  virtual ~PeerTransport() = default;

  // Never blocks.
  virtual void Send(ValidatorIndex to, FramePtr frame) = 0;
  // To all others: `first`, if it is one, then those after it in turn. Each takes its time, and so
  // comes soonest where it is waited for.
  virtual void Broadcast(FramePtr frame, ValidatorIndex first) = 0;

  // By validator index.
  virtual std::vector<PeerConnectionStatus> status() const = 0;
  virtual std::string listen_address() const = 0;  // with the port in use

  // Ends all streams; nothing is called on the handler afterwards. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_PEER_TRANSPORT_H_
