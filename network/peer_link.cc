#include "network/peer_link.h"

#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace kiln::network {
namespace {

constexpr uint64_t kNever = UINT64_MAX;

absl::Status RemoteEnd() {
  return absl::UnavailableError("the peer closed the connection");
}

uint64_t Microseconds(absl::Duration duration) {
  return static_cast<uint64_t>(absl::ToInt64Microseconds(duration));
}

}  // namespace

PeerLink::PeerLink(const PeerLinkContext& context, ValidatorIndex peer)
    : context_(context),
      peer_(peer),
      name_(context.options->validators->at(peer).name),
      queue_(context.options->send_queue_frames_max, context.options->send_queue_bytes_max),
      next_dial_us_(MayDial() ? 0 : kNever),
      dial_delay_(context.options->reconnect_delay_min) {}

bool PeerLink::MayDial() const {
  const PeerTransportOptions& options = *context_.options;
  return options.self < peer_ && peer_.value < options.peer_addresses.size() &&
         !options.peer_addresses[peer_.value].empty();
}

void PeerLink::Send(FramePtr frame) {
  const PeerTransportOptions& options = *context_.options;
  absl::MutexLock lock(&mutex_);
  if (stopped_) return;
  if (live_ == nullptr) {
    status_.frames_dropped += queue_.PushWithin(
        std::move(frame), std::min(kOfflineFramesMax, options.send_queue_frames_max),
        options.send_queue_bytes_max / kOfflineBytesShare);
    return;
  }
  status_.frames_dropped += queue_.Push(std::move(frame));
  WriteNextLocked();
}

PeerConnectionStatus PeerLink::status() const {
  absl::MutexLock lock(&mutex_);
  PeerConnectionStatus status = status_;
  status.connected = live_ != nullptr;
  status.frames_waiting = queue_.frames();
  return status;
}

absl::Status PeerLink::Add(PeerStream* stream, bool dialed, uint64_t now_us) {
  absl::MutexLock lock(&mutex_);
  if (stopped_) return absl::UnavailableError("this node is stopping");
  const auto unaccepted = std::count_if(streams_.begin(), streams_.end(),
                                        [](const PeerStream* other) { return !other->accepted_; });
  if (static_cast<size_t>(unaccepted) >= kUnacceptedStreamsMax) {
    return absl::ResourceExhaustedError("too many streams without a hello");
  }
  stream->dialed_ = dialed;
  stream->deadline_us_ = now_us + Microseconds(context_.options->hello_timeout);
  streams_.push_back(stream);
  StartLocked(stream);
  return absl::OkStatus();
}

// The caller says hello first; the called one answers when it has accepted, so that its hello is
// the proof of it (a TLS 1.3 client finishes its handshake before the server has judged it).
void PeerLink::StartLocked(PeerStream* stream) {
  stream->Read();
  if (stream->dialed_) WriteHelloLocked(stream);
}

void PeerLink::WriteHelloLocked(PeerStream* stream) {
  stream->writing_hello_ = true;
  WriteLocked(stream, OwnHello());
}

void PeerLink::WriteLocked(PeerStream* stream, grpc::ByteBuffer bytes) {
  KILN_CHECK(!stream->writing_ && !stream->ended_);
  stream->writing_ = true;
  stream->Write(std::move(bytes));
}

void PeerLink::WriteNextLocked() {
  if (live_ == nullptr || live_->writing_) return;
  const FramePtr frame = queue_.Pop();
  if (frame != nullptr) WriteLocked(live_, EncodeWireFrame(frame));
}

void PeerLink::OnWritten(PeerStream* stream, bool ok) {
  // A failed write means that the stream is over. Nothing more is written, and the end comes as a
  // failed read, after what the peer said before it: gRPC tells the peer's reason only to who has
  // read all.
  if (!ok) return;
  absl::MutexLock lock(&mutex_);
  const bool was_hello = stream->writing_hello_;
  stream->writing_ = stream->writing_hello_ = false;
  if (!was_hello) ++status_.frames_sent;
  if (stream == live_) WriteNextLocked();
}

void PeerLink::OnRead(PeerStream* stream, bool ok, const grpc::ByteBuffer& bytes) {
  if (!ok) {
    End(stream, std::nullopt);
    return;
  }
  bool accepted = false;
  {
    absl::MutexLock lock(&mutex_);
    accepted = stream->accepted_;
  }
  if (!accepted) {
    const absl::Status status = CheckHello(*stream, bytes);
    if (!status.ok()) {
      End(stream, status);
      return;
    }
    Accept(stream);
  } else {
    absl::StatusOr<Frame> frame = DecodeWireFrame(bytes, context_.frame_bytes_max);
    if (!frame.ok()) {
      End(stream, frame.status());
      return;
    }
    Deliver(stream, *std::move(frame));
  }
  ReadNext(stream);
}

void PeerLink::ReadNext(PeerStream* stream) {
  absl::MutexLock lock(&mutex_);
  if (!stream->ended_) stream->Read();
}

grpc::ByteBuffer PeerLink::OwnHello() const {
  const PeerTransportOptions& options = *context_.options;
  Hello hello;
  hello.protocol_version = options.protocol_version;
  hello.chain_id = options.chain_id;
  hello.node_key = options.node_key->public_key();
  hello.index = options.self;
  return EncodeWireHello(hello);
}

absl::Status PeerLink::CheckHello(const PeerStream& stream, const grpc::ByteBuffer& bytes) const {
  const PeerTransportOptions& options = *context_.options;
  KILN_ASSIGN_OR_RETURN(const Hello hello, DecodeWireHello(bytes));
  KILN_ASSIGN_OR_RETURN(const PeerIdentity identity, stream.Identity());
  if (hello.protocol_version != options.protocol_version) {
    return absl::FailedPreconditionError(absl::StrCat("protocol version ", hello.protocol_version,
                                                      ", expected ", options.protocol_version));
  }
  if (hello.chain_id != options.chain_id || identity.chain_id != options.chain_id) {
    return absl::FailedPreconditionError(absl::StrCat("another chain: ", hello.chain_id.Short(),
                                                      ", expected ", options.chain_id.Short()));
  }
  if (hello.node_key != identity.node_key ||
      identity.node_key != options.validators->at(peer_).node_key) {
    return absl::PermissionDeniedError("the node key is not the one that TLS proved");
  }
  if (hello.index != peer_) {
    return absl::PermissionDeniedError(absl::StrCat("speaks as validator ", hello.index.value,
                                                    ", its node key is that of validator ",
                                                    peer_.value));
  }
  return absl::OkStatus();
}

void PeerLink::Accept(PeerStream* stream) {
  PeerStream* replaced = nullptr;
  const absl::Status why = absl::AbortedError("replaced by a newer connection");
  {
    absl::MutexLock delivery(&delivery_mutex_);
    {
      absl::MutexLock lock(&mutex_);
      if (stream->ended_) return;
      replaced = live_;
      if (replaced != nullptr) EndLocked(replaced, why);
      stream->accepted_ = true;
      live_ = stream;
      dial_delay_ = context_.options->reconnect_delay_min;
      if (!stream->dialed_) WriteHelloLocked(stream);
      WriteNextLocked();
    }
    if (replaced != nullptr) context_.handler->OnDisconnected(peer_);
    context_.handler->OnConnected(peer_);
  }
  if (replaced != nullptr) replaced->Close(why);
  KILN_LOG(kInfo, "peer", "connected", {{"peer", name_}});
}

void PeerLink::Deliver(PeerStream* stream, Frame frame) {
  absl::MutexLock delivery(&delivery_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    if (stream != live_) return;
    ++status_.frames_received;
  }
  if (context_.handler->OnFrame(peer_, std::move(frame))) return;
  absl::MutexLock lock(&mutex_);
  ++status_.frames_dropped;
}

// True if the stream was the live one: the handler must be told.
bool PeerLink::EndLocked(PeerStream* stream, std::optional<absl::Status> why) {
  stream->ended_ = true;
  stream->deadline_us_ = 0;
  stream->why_ = std::move(why);
  if (stream != live_) return false;
  live_ = nullptr;
  return true;
}

void PeerLink::End(PeerStream* stream, std::optional<absl::Status> why) {
  {
    absl::MutexLock delivery(&delivery_mutex_);
    bool was_live = false;
    {
      absl::MutexLock lock(&mutex_);
      if (stream->ended_) return;
      was_live = EndLocked(stream, why);
      if (was_live) queue_.Clear();  // meant for a connection that is no more
    }
    if (was_live) context_.handler->OnDisconnected(peer_);
  }
  // Nobody else closes it, and it is not done before it is closed: it is still there.
  stream->Close(why);
}

void PeerLink::OnDone(PeerStream* stream, const absl::Status& remote, uint64_t now_us) {
  absl::Status why;
  bool accepted = false;
  {
    absl::MutexLock lock(&mutex_);
    KILN_CHECK(stream->ended_);
    streams_.erase(std::find(streams_.begin(), streams_.end(), stream));
    accepted = stream->accepted_;
    why = stream->why_.value_or(remote.ok() ? RemoteEnd() : remote);
    if (stream->dialed_) DelayDialLocked(accepted, now_us);
  }
  RecordEnd(why, accepted);
}

void PeerLink::OnRefused(const absl::Status& why) {
  RecordEnd(why, /*was_accepted=*/false);
}

void PeerLink::RecordEnd(const absl::Status& why, bool was_accepted) {
  bool news = was_accepted;
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return;
    news = news || status_.last_error != why.message();
    status_.last_error = std::string(why.message());
  }
  // A peer that is down is reported once, not at every attempt.
  if (!news) return;
  KILN_LOG(kWarning, "peer", was_accepted ? "connection ended" : "connection failed",
           {{"peer", name_}, {"cause", why.message()}});
}

void PeerLink::DelayDialLocked(bool was_accepted, uint64_t now_us) {
  const PeerTransportOptions& options = *context_.options;
  dialing_ = false;
  if (was_accepted) dial_delay_ = options.reconnect_delay_min;
  // Half of the delay is chance, so that two who lost each other together do not return together.
  const uint64_t half_us = Microseconds(dial_delay_) / 2;
  next_dial_us_ = now_us + half_us + options.random->Below(half_us + 1);
  dial_delay_ = std::min(2 * dial_delay_, options.reconnect_delay_max);
}

bool PeerLink::TakeDueDial(uint64_t now_us) {
  absl::MutexLock lock(&mutex_);
  if (stopped_ || dialing_ || next_dial_us_ > now_us) return false;
  dialing_ = true;
  return true;
}

uint64_t PeerLink::NextDue() const {
  absl::MutexLock lock(&mutex_);
  if (stopped_) return kNever;
  uint64_t due = dialing_ ? kNever : next_dial_us_;
  for (const PeerStream* stream : streams_) {
    if (!stream->accepted_ || stream->ended_) due = std::min(due, stream->deadline_us_);
  }
  return due;
}

void PeerLink::ExpireStreams(uint64_t now_us) {
  const absl::Status why = absl::DeadlineExceededError("no hello in time");
  std::vector<PeerStream*> expired;
  {
    absl::MutexLock lock(&mutex_);
    for (PeerStream* stream : streams_) {
      if (stream->ended_) {
        AbortWhenDueLocked(stream, now_us);
      } else if (!stream->accepted_ && stream->deadline_us_ <= now_us) {
        expired.push_back(stream);
        EndLocked(stream, why);  // not the live one: that is accepted
      }
    }
  }
  for (PeerStream* stream : expired) stream->Close(why);
}

void PeerLink::AbortWhenDueLocked(PeerStream* stream, uint64_t now_us) {
  if (stream->deadline_us_ == 0) {
    stream->deadline_us_ = now_us + Microseconds(kCloseGrace);
  } else if (stream->deadline_us_ <= now_us) {
    stream->deadline_us_ = kNever;
    stream->Abort();
  }
}

void PeerLink::Stop() {
  const absl::Status why = absl::UnavailableError("the node stopped");
  std::vector<PeerStream*> open;
  {
    absl::MutexLock delivery(&delivery_mutex_);
    bool was_live = false;
    {
      absl::MutexLock lock(&mutex_);
      stopped_ = true;
      queue_.Clear();
      for (PeerStream* stream : streams_) {
        if (stream->ended_) continue;
        open.push_back(stream);
        was_live = EndLocked(stream, why) || was_live;
      }
    }
    if (was_live) context_.handler->OnDisconnected(peer_);
  }
  for (PeerStream* stream : open) stream->Close(why);
}

}  // namespace kiln::network
