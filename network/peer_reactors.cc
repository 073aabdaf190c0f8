#include "network/peer_reactors.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "kiln/v1/peer.grpc.pb.h"
#include "network/convert.h"
#include "network/peer_settings.h"

namespace kiln::network {
namespace {

constexpr char kExchangeMethod[] = "/kiln.v1.Peer/Exchange";
constexpr char kCertificateProperty[] = "x509_pem_cert";

uint64_t MonotonicMicros() {
  return SystemClock()->Read().monotonic_us;
}

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

absl::StatusOr<PeerIdentity> IdentityFrom(const grpc::AuthContext* context) {
  if (context == nullptr) return absl::UnauthenticatedError("no TLS");
  const std::vector<grpc::string_ref> certificates =
      context->FindPropertyValues(kCertificateProperty);
  if (certificates.size() != 1) return absl::UnauthenticatedError("certificate: not exactly one");
  return CheckIdentityCertificate({certificates[0].data(), certificates[0].size()}, WallNow());
}

// What TLS itself found wrong with the other side of one connection.
class RefusalNote {
 public:
  void Set(const absl::Status& why) {
    absl::MutexLock lock(&mutex_);
    why_ = why;
  }
  absl::Status Or(absl::Status otherwise) const {
    absl::MutexLock lock(&mutex_);
    return why_.ok() ? std::move(otherwise) : why_;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Status why_ ABSL_GUARDED_BY(mutex_);
};

// A stream that we called for. Owns its channel, so that each attempt makes a connection of its own
// with the certificate of the day. Retires to the hub when done.
class DialedStream final : public PeerStream,
                           public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  DialedStream(std::shared_ptr<PeerHub> hub, PeerLink* link)
      : hub_(std::move(hub)),
        link_(link),
        refusal_(std::make_shared<RefusalNote>()),
        stub_(MakeChannel()) {
    hub_->StreamBegins();
    stub_.PrepareBidiStreamingCall(&context_, kExchangeMethod, grpc::StubOptions(), this);
    AddHold();  // until Close: writes come from any thread
  }

  // The link has refused to take the stream on: it ends like any other.
  void Start(const absl::Status& added) {
    if (!added.ok()) {
      context_.TryCancel();
      RemoveHold();
    }
    taken_ = added.ok();
    StartCall();
  }

  void Read() override { StartRead(&in_); }
  void Write(grpc::ByteBuffer bytes) override {
    out_ = std::move(bytes);
    StartWrite(&out_);
  }
  void Close(const std::optional<absl::Status>& why) override {
    if (why.has_value()) context_.TryCancel();
    RemoveHold();
  }
  void Abort() override { context_.TryCancel(); }
  absl::StatusOr<PeerIdentity> Identity() const override {
    return IdentityFrom(context_.auth_context().get());
  }

  void OnReadDone(bool ok) override { link_->OnRead(this, ok, in_); }
  void OnWriteDone(bool ok) override { link_->OnWritten(this, ok); }
  void OnDone(const grpc::Status& status) override {
    if (taken_) link_->OnDone(this, refusal_->Or(FromGrpc(status)), MonotonicMicros());
    const std::shared_ptr<PeerHub> hub = hub_;
    hub->StreamEnds(std::unique_ptr<PeerStream>(this));
    hub->Wake();
  }

 private:
  std::shared_ptr<grpc::Channel> MakeChannel() {
    const crypto::PublicKey expected = hub_->options().validators->at(link_->peer()).node_key;
    auto policy = [expected](const PeerIdentity& identity) {
      if (identity.node_key == expected) return absl::OkStatus();
      return absl::PermissionDeniedError("another node key answers at this address");
    };
    auto refused = [note = refusal_](const absl::Status& why) { note->Set(why); };
    return grpc::CreateCustomChannel(
        hub_->options().peer_addresses[link_->peer().value],
        hub_->identity().MutualChannelCredentials(std::move(policy), std::move(refused)),
        PeerChannelArguments(hub_->frame_bytes_max() + kWireOverheadBytesMax));
  }

  const std::shared_ptr<PeerHub> hub_;
  PeerLink* const link_;
  const std::shared_ptr<RefusalNote> refusal_;
  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  bool taken_ = false;
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;
};

// A stream that another validator called for. Deletes itself when done.
class AcceptedStream final : public PeerStream,
                             public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  AcceptedStream(std::shared_ptr<PeerHub> hub, PeerLink* link, grpc::CallbackServerContext* context)
      : hub_(std::move(hub)), link_(link), context_(context) {
    hub_->StreamBegins();
    const absl::Status added = link_->Add(this, /*dialed=*/false, MonotonicMicros());
    taken_ = added.ok();
    if (!taken_) Finish(ToGrpc(added));
    hub_->Wake();
  }

  void Read() override { StartRead(&in_); }
  void Write(grpc::ByteBuffer bytes) override {
    out_ = std::move(bytes);
    StartWrite(&out_);
  }
  void Close(const std::optional<absl::Status>& why) override {
    const std::shared_ptr<PeerHub> hub = hub_;
    Finish(why.has_value() ? ToGrpc(*why) : grpc::Status::OK);
    hub->Wake();  // for Abort: the status queues behind a write that the peer may never read
  }
  void Abort() override { context_->TryCancel(); }
  absl::StatusOr<PeerIdentity> Identity() const override {
    return IdentityFrom(context_->auth_context().get());
  }

  void OnReadDone(bool ok) override { link_->OnRead(this, ok, in_); }
  void OnWriteDone(bool ok) override { link_->OnWritten(this, ok); }
  void OnCancel() override {
    if (taken_) link_->OnCancelled(this);
  }
  void OnDone() override {
    if (taken_) link_->OnDone(this, absl::OkStatus(), MonotonicMicros());
    const std::shared_ptr<PeerHub> hub = hub_;
    delete this;
    hub->StreamEnds();
  }

 private:
  const std::shared_ptr<PeerHub> hub_;
  PeerLink* const link_;
  grpc::CallbackServerContext* const context_;
  bool taken_ = false;
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;
};

// Answers with a reason and reads nothing.
class RefusedStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  RefusedStream(std::shared_ptr<PeerHub> hub, const absl::Status& why) : hub_(std::move(hub)) {
    hub_->StreamBegins();
    Finish(ToGrpc(why));
  }
  void OnDone() override {
    const std::shared_ptr<PeerHub> hub = hub_;
    delete this;
    hub->StreamEnds();
  }

 private:
  const std::shared_ptr<PeerHub> hub_;
};

class PeerService final : public v1::Peer::WithRawCallbackMethod_Exchange<v1::Peer::Service> {
 public:
  explicit PeerService(std::shared_ptr<PeerHub> hub) : hub_(std::move(hub)) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Exchange(
      grpc::CallbackServerContext* context) override {
    PeerLink* caller = nullptr;
    const absl::Status status = Identify(*context, &caller);
    if (status.ok()) return new AcceptedStream(hub_, caller, context);
    if (caller != nullptr) {
      caller->OnRefused(status);
    } else {
      KILN_LOG(kWarning, "peer", "connection refused",
               {{"cause", status.message()}, {"address", context->peer()}});
    }
    return new RefusedStream(hub_, status);
  }

 private:
  // Sets `caller` as soon as it is known, also when it is refused.
  absl::Status Identify(const grpc::CallbackServerContext& context, PeerLink** caller) const {
    const PeerTransportOptions& options = hub_->options();
    KILN_ASSIGN_OR_RETURN(const PeerIdentity identity, IdentityFrom(context.auth_context().get()));
    const auto index = options.validators->FindByNodeKey(identity.node_key);
    if (!index.has_value()) {
      return absl::PermissionDeniedError("the node key is not a validator's of this chain");
    }
    if (*index == options.self) {
      return absl::PermissionDeniedError("the node key is this node's own: two nodes share it");
    }
    *caller = hub_->LinkTo(*index);
    if (identity.chain_id != options.chain_id) {
      return absl::FailedPreconditionError(absl::StrCat(
          "another chain: ", identity.chain_id.Short(), ", expected ", options.chain_id.Short()));
    }
    if (options.self < *index) {
      return absl::FailedPreconditionError("the validator with the lower index calls");
    }
    return absl::OkStatus();
  }

  const std::shared_ptr<PeerHub> hub_;
};

}  // namespace

PeerHub::PeerHub(PeerTransportOptions options, PeerHandler* handler,
                 std::unique_ptr<TlsIdentity> identity)
    : options_(std::move(options)),
      frame_bytes_max_(FrameBytesMax(options_.limits)),
      identity_(std::move(identity)) {
  const PeerLinkContext context{&options_, handler, frame_bytes_max_};
  for (uint32_t i = 0; i < options_.validators->size(); ++i) {
    const ValidatorIndex index{i};
    links_.push_back(index == options_.self ? nullptr : std::make_unique<PeerLink>(context, index));
  }
}

PeerLink* PeerHub::LinkTo(ValidatorIndex peer) const {
  return peer.value < links_.size() ? links_[peer.value].get() : nullptr;
}

void PeerHub::StreamBegins() {
  absl::MutexLock lock(&mutex_);
  ++streams_;
}

void PeerHub::StreamEnds(std::unique_ptr<PeerStream> retired) {
  absl::MutexLock lock(&mutex_);
  if (retired != nullptr) retired_.push_back(std::move(retired));
  --streams_;
}

void PeerHub::DestroyRetired() {
  std::vector<std::unique_ptr<PeerStream>> retired;
  absl::MutexLock lock(&mutex_);
  retired.swap(retired_);  // destroyed when the lock is no longer held
}

void PeerHub::WaitForStreams() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &PeerHub::NoStreams));
}

void PeerHub::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

bool PeerHub::WaitUntil(uint64_t due_us) {
  const uint64_t now_us = MonotonicMicros();
  const absl::Duration wait = due_us == UINT64_MAX
                                  ? absl::InfiniteDuration()
                                  : absl::Microseconds(due_us > now_us ? due_us - now_us : 0);
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(this, &PeerHub::WokenOrStopping), wait);
  woken_ = false;
  return !stopping_;
}

void PeerHub::StopTimer() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

std::unique_ptr<grpc::Service> MakePeerService(std::shared_ptr<PeerHub> hub) {
  return std::make_unique<PeerService>(std::move(hub));
}

void DialPeer(const std::shared_ptr<PeerHub>& hub, PeerLink* link) {
  auto* stream = new DialedStream(hub, link);
  stream->Start(link->Add(stream, /*dialed=*/true, MonotonicMicros()));
}

}  // namespace kiln::network
