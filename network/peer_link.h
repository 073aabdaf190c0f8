// One other validator: its streams, its send queue, its counters. Everything of the transport that
// is not gRPC's, so that it can be tested without.
#ifndef KILN_NETWORK_PEER_LINK_H_
#define KILN_NETWORK_PEER_LINK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "network/peer_transport.h"
#include "network/peer_wire.h"
#include "network/send_queue.h"
#include "network/tls_identity.h"

namespace kiln::network {

// A stream to or from a peer, as its link sees it. The link calls Read and Write at most once at a
// time each and never after Close, which it calls exactly once. The stream reports what came of
// them to the link (OnRead, OnWritten), and its end (OnDone) only after Close: until then the link
// may use it.
class PeerStream {
 public:
  virtual ~PeerStream() = default;

  virtual void Read() = 0;
  virtual void Write(grpc::ByteBuffer bytes) = 0;
  // `why`, which the peer is told, is empty when the peer ended the stream.
  virtual void Close(const std::optional<absl::Status>& why) = 0;
  // After Close, under the link's lock: the peer does not take what it is told.
  virtual void Abort() = 0;
  // Whom the TLS handshake proved.
  virtual absl::StatusOr<PeerIdentity> Identity() const = 0;

 private:
  friend class PeerLink;
  // All guarded by the link's mutex.
  bool dialed_ = false;
  bool accepted_ = false;  // the peer's hello was in order
  bool writing_ = false;   // a write is under way, or has failed
  bool writing_hello_ = false;
  bool ended_ = false;  // Close has been or is being called
  std::optional<absl::Status> why_;
  // Monotonic microseconds: of the hello; once ended, of Abort, 0 until the timer has seen it.
  uint64_t deadline_us_ = 0;
};

// What all links of a transport have in common. `options` and `handler` outlive the links.
struct PeerLinkContext {
  const PeerTransportOptions* options = nullptr;
  PeerHandler* handler = nullptr;
  size_t frame_bytes_max = 0;
};

// Thread-safe. Invariant: at most one stream is live, the one accepted last; at most
// kUnacceptedStreamsMax others have yet to say hello. The handler hears of this peer from one
// thread at a time, in order: connected, frames, disconnected.
class PeerLink {
 public:
  static constexpr size_t kUnacceptedStreamsMax = 4;
  // For a peer to take in why it was sent away.
  static constexpr absl::Duration kCloseGrace = absl::Seconds(1);
  // Kept for a peer that is not connected, so that what was said just before is not lost.
  static constexpr size_t kOfflineFramesMax = 256;
  static constexpr size_t kOfflineBytesShare = 8;  // of the queue's bytes: one in this many

  PeerLink(const PeerLinkContext& context, ValidatorIndex peer);
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  ValidatorIndex peer() const { return peer_; }
  const std::string& name() const { return name_; }

  void Send(FramePtr frame);
  PeerConnectionStatus status() const;

  // Takes on a stream that has just been made, and starts it. On error the stream is the caller's.
  absl::Status Add(PeerStream* stream, bool dialed, uint64_t now_us);
  // From the stream's reactions.
  void OnRead(PeerStream* stream, bool ok, const grpc::ByteBuffer& bytes);
  void OnWritten(PeerStream* stream, bool ok);
  void OnCancelled(PeerStream* stream) { End(stream, std::nullopt); }
  // After Close; the stream is forgotten. `remote` is what the peer gave as the reason, or the
  // transport. Dialed streams are dialed again after a delay.
  void OnDone(PeerStream* stream, const absl::Status& remote, uint64_t now_us);
  // Refused before there was a stream.
  void OnRefused(const absl::Status& why);

  // Whether to dial now; then the caller makes a stream and Adds it.
  bool TakeDueDial(uint64_t now_us);
  // Monotonic microseconds of the next dial, hello deadline or abort; UINT64_MAX for none.
  uint64_t NextDue() const;
  // Ends the streams whose hello is overdue, and aborts those that were closed kCloseGrace ago.
  void ExpireStreams(uint64_t now_us);
  // Ends all streams and takes on no others.
  void Stop();

 private:
  bool MayDial() const;
  void StartLocked(PeerStream* stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteHelloLocked(PeerStream* stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteLocked(PeerStream* stream, grpc::ByteBuffer bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteNextLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadNext(PeerStream* stream);
  grpc::ByteBuffer OwnHello() const;
  absl::Status CheckHello(const PeerStream& stream, const grpc::ByteBuffer& bytes) const;
  // Makes the stream the live one.
  void Accept(PeerStream* stream);
  void Deliver(PeerStream* stream, Frame frame);
  // Empty when the peer ended it. Only the first call counts.
  void End(PeerStream* stream, std::optional<absl::Status> why);
  bool EndLocked(PeerStream* stream, std::optional<absl::Status> why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AbortWhenDueLocked(PeerStream* stream, uint64_t now_us)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DelayDialLocked(bool was_accepted, uint64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RecordEnd(const absl::Status& why, bool was_accepted);

  const PeerLinkContext context_;
  const ValidatorIndex peer_;
  const std::string name_;

  // Held while the handler is called. Acquired before mutex_.
  absl::Mutex delivery_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  SendQueue queue_ ABSL_GUARDED_BY(mutex_);
  PeerStream* live_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<PeerStream*> streams_ ABSL_GUARDED_BY(mutex_);  // until OnDone
  PeerConnectionStatus status_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool dialing_ ABSL_GUARDED_BY(mutex_) = false;       // from TakeDueDial to OnDone
  uint64_t next_dial_us_ ABSL_GUARDED_BY(mutex_) = 0;  // monotonic
  absl::Duration dial_delay_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_PEER_LINK_H_
