#include "network/peer_transport.h"

#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "network/convert.h"
#include "network/peer_reactors.h"
#include "network/peer_settings.h"
#include "network/peer_wire.h"
#include "network/tls_identity.h"

namespace kiln::network {
namespace {

// After streams were asked to end.
constexpr absl::Duration kShutdownGrace = absl::Milliseconds(500);

absl::Status CheckOptions(const PeerTransportOptions& options) {
  KILN_CHECK(options.node_key != nullptr && options.validators != nullptr);
  if (!options.validators->Contains(options.self)) {
    return absl::InvalidArgumentError("peer transport: this node is not among the validators");
  }
  if (options.validators->at(options.self).node_key != options.node_key->public_key()) {
    return absl::InvalidArgumentError(
        "peer transport: the node key is not that of this validator in the genesis");
  }
  return absl::OkStatus();
}

std::string WithPort(const std::string& address, int port) {
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

class GrpcPeerTransport final : public PeerTransport {
 public:
  explicit GrpcPeerTransport(std::shared_ptr<PeerHub> hub) : hub_(std::move(hub)) {}
  ~GrpcPeerTransport() override { Stop(); }

  absl::Status Listen() {
    service_ = MakePeerService(hub_);
    const std::string& address = hub_->options().listen_address;
    auto refused = [](const absl::Status& why) {
      KILN_LOG(kWarning, "peer", "connection refused", {{"cause", why.message()}});
    };
    grpc::ServerBuilder builder;
    SetPeerServerLimits(hub_->frame_bytes_max() + kWireOverheadBytesMax, &builder);
    int port = 0;
    builder.AddListeningPort(address, hub_->identity().MutualServerCredentials({}, refused), &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return absl::UnavailableError(absl::StrCat("peer transport: cannot listen on ", address,
                                                 ": in use, or not this host's"));
    }
    listen_address_ = WithPort(address, port);
    timer_ = std::thread([this] { RunTimer(); });
    return absl::OkStatus();
  }

  void Send(ValidatorIndex to, FramePtr frame) override {
    PeerLink* link = hub_->LinkTo(to);
    if (link != nullptr) link->Send(std::move(frame));
  }

  void Broadcast(FramePtr frame, ValidatorIndex first) override {
    const auto& links = hub_->links();
    for (size_t i = 0; i < links.size(); ++i) {
      const auto& link = links[(first.value + i) % links.size()];
      if (link != nullptr) link->Send(frame);
    }
  }

  std::vector<PeerConnectionStatus> status() const override {
    std::vector<PeerConnectionStatus> all;
    for (const auto& link : hub_->links()) {
      all.push_back(link == nullptr ? PeerConnectionStatus{} : link->status());
    }
    return all;
  }

  std::string listen_address() const override { return listen_address_; }

  void Stop() override {
    absl::MutexLock lock(&stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    hub_->StopTimer();
    if (timer_.joinable()) timer_.join();
    for (const auto& link : hub_->links()) {
      if (link != nullptr) link->Stop();
    }
    if (server_ != nullptr) {
      server_->Shutdown(absl::ToChronoTime(WallNow() + kShutdownGrace));
      server_->Wait();
    }
    hub_->WaitForStreams();
    hub_->DestroyRetired();
    server_.reset();
  }

 private:
  // Dials, and ends streams whose time is up.
  void RunTimer() {
    uint64_t due_us = 0;
    while (hub_->WaitUntil(due_us)) {
      hub_->DestroyRetired();
      const uint64_t now_us = SystemClock()->Read().monotonic_us;
      due_us = UINT64_MAX;
      for (const auto& link : hub_->links()) {
        if (link == nullptr) continue;
        link->ExpireStreams(now_us);
        if (link->TakeDueDial(now_us)) DialPeer(hub_, link.get());
        due_us = std::min(due_us, link->NextDue());
      }
    }
  }

  const std::shared_ptr<PeerHub> hub_;
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string listen_address_;
  std::thread timer_;
  absl::Mutex stop_mutex_;
  bool stopped_ ABSL_GUARDED_BY(stop_mutex_) = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PeerTransport>> PeerTransport::Start(PeerTransportOptions options,
                                                                    PeerHandler* handler) {
  KILN_RETURN_IF_ERROR(CheckOptions(options));
  if (options.random == nullptr) options.random = SystemRandom();
  KILN_ASSIGN_OR_RETURN(std::unique_ptr<TlsIdentity> identity,
                        TlsIdentity::Create(options.node_key, options.chain_id));
  auto hub = std::make_shared<PeerHub>(std::move(options), handler, std::move(identity));
  auto transport = std::make_unique<GrpcPeerTransport>(std::move(hub));
  KILN_RETURN_IF_ERROR(transport->Listen());
  return transport;
}

}  // namespace kiln::network
