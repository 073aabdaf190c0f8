#include "network/client_service.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "network/admin_socket.h"
#include "network/convert.h"
#include "network/kiln_service.h"
#include "network/loopback.h"
#include "network/service_state.h"
#include "network/tls_identity.h"

namespace kiln::network {
namespace {

constexpr int kHeaderBytesMax = 8 << 10;
constexpr int kStreamsPerConnectionMax = 64;
constexpr int kHandshakeMs = 5000;
constexpr int kIdleMs = 5 * 60 * 1000;
constexpr int kConnectionAgeMs = 30 * 60 * 1000;  // certificates are looked at again, load is shed
constexpr int kConnectionAgeGraceMs = 10 * 1000;
constexpr int kKeepaliveMs = 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 10 * 1000;
constexpr int kPingIntervalMinMs = 30 * 1000;
constexpr int kPingStrikesMax = 2;
// What a client may send on one stream before it is read. It is fixed: gRPC's probing for a better
// one costs a ping and its answer for nearly every message.
constexpr int kSubmitWindowBytes = 1 << 20;
constexpr size_t kMemoryBytesMax = 256 << 20;
constexpr int kAdminMessageBytesMax = 64 << 10;

using Builder = grpc::ServerBuilder;

// What any client may cost before it has said anything worth answering.
void LimitConnections(Builder& builder) {
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kHeaderBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a port in use is an error
}

void LimitTime(Builder& builder) {
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kConnectionAgeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionAgeGraceMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingIntervalMinMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikesMax);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kSubmitWindowBytes);
}

void LimitMemory(Builder& builder, const ChainLimits& limits) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(ClientMessageBytesMax(limits)));
  builder.SetMaxSendMessageSize(static_cast<int>(ServerMessageBytesMax(limits)));
  grpc::ResourceQuota quota("clients");
  quota.Resize(kMemoryBytesMax);
  builder.SetResourceQuota(quota);
}

// host of "host:port" with the port in use.
std::string WithPort(const std::string& address, int port) {
  return absl::StrCat(absl::string_view(address).substr(0, address.rfind(':')), ":", port);
}

class GrpcClientServer final : public ClientServer {
 public:
  GrpcClientServer(const ClientServerOptions& options, ClientHandler* handler)
      : state_(std::make_shared<ServiceState>(handler, options)),
        kiln_(MakeKilnService(state_)),
        health_(MakeHealthService(handler)),
        admin_(MakeAdminService(handler)) {}
  ~GrpcClientServer() override { Stop(absl::ZeroDuration()); }

  absl::Status Listen(const ClientServerOptions& options) {
    KILN_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials,
                          CredentialsFor(options));
    Builder builder;
    LimitConnections(builder);
    LimitTime(builder);
    LimitMemory(builder, options.limits);
    int port = 0;
    builder.AddListeningPort(options.listen_address, credentials, &port);
    builder.RegisterService(kiln_.get());
    builder.RegisterService(health_.get());
    client_server_ = builder.BuildAndStart();
    if (client_server_ == nullptr || port == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen for clients on ", options.listen_address));
    }
    listen_address_ = WithPort(options.listen_address, port);
    return absl::OkStatus();
  }

  absl::Status ListenForOperator(const std::string& path) {
    KILN_ASSIGN_OR_RETURN(admin_socket_, AdminSocket::Prepare(path));
    Builder builder;
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kHeaderBytesMax);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    builder.SetMaxReceiveMessageSize(kAdminMessageBytesMax);
    // Who may connect is decided by the mode of the socket.
    builder.AddListeningPort(absl::StrCat("unix:", admin_socket_->bind_path()),
                             grpc::InsecureServerCredentials());
    builder.RegisterService(admin_.get());
    admin_server_ = builder.BuildAndStart();
    if (admin_server_ == nullptr) {
      return absl::UnavailableError(absl::StrCat("admin socket ", path, ": cannot listen on it"));
    }
    return admin_socket_->Publish();
  }

  std::string listen_address() const override { return listen_address_; }

  void Stop(absl::Duration drain) override {
    absl::MutexLock lock(&stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    state_->submit_streams.StopAll();
    state_->block_streams.StopAll();
    state_->unary_calls.StopAll();
    const auto deadline = absl::ToChronoTime(WallNow() + drain);
    if (client_server_ != nullptr) client_server_->Shutdown(deadline);
    if (admin_server_ != nullptr) admin_server_->Shutdown(deadline);
    state_->submit_streams.AwaitNone();
    state_->block_streams.AwaitNone();
    state_->unary_calls.AwaitNone();
  }

 private:
  absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> CredentialsFor(
      const ClientServerOptions& options) {
    if (options.tls) {
      if (options.node_key == nullptr) return absl::InvalidArgumentError("TLS needs a node key");
      KILN_ASSIGN_OR_RETURN(identity_, TlsIdentity::Create(options.node_key, options.chain_id));
      return identity_->ServerCredentials();
    }
    if (!IsLoopbackAddress(options.listen_address)) {
      return absl::InvalidArgumentError(
          absl::StrCat("client port without TLS: ", options.listen_address,
                       " is not a loopback address; use TLS or listen on 127.0.0.1"));
    }
    return grpc::InsecureServerCredentials();
  }

  const std::shared_ptr<ServiceState> state_;
  const std::unique_ptr<grpc::Service> kiln_;
  const std::unique_ptr<grpc::Service> health_;
  const std::unique_ptr<grpc::Service> admin_;
  std::unique_ptr<TlsIdentity> identity_;
  std::unique_ptr<AdminSocket> admin_socket_;
  std::string listen_address_;
  std::unique_ptr<grpc::Server> client_server_;
  std::unique_ptr<grpc::Server> admin_server_;
  absl::Mutex stop_mutex_;
  bool stopped_ ABSL_GUARDED_BY(stop_mutex_) = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ClientServer>> ClientServer::Start(ClientServerOptions options,
                                                                  ClientHandler* handler) {
  PrepareGrpc();
  auto server = std::make_unique<GrpcClientServer>(options, handler);
  KILN_RETURN_IF_ERROR(server->Listen(options));
  if (!options.admin_socket.empty()) {
    KILN_RETURN_IF_ERROR(server->ListenForOperator(options.admin_socket));
  }
  return server;
}

absl::StatusOr<Receipt> TakeReceipt(SubmitOutcomes outcomes) {
  if (!outcomes.status.ok()) return outcomes.status;
  if (outcomes.entries.empty()) return absl::InternalError("no outcome");
  SubmitOutcomes::Entry& entry = outcomes.entries.front();
  Receipt receipt;
  receipt.height = outcomes.height.value;
  receipt.index = entry.index;
  receipt.reply = std::move(entry.reply);
  receipt.proof.block_id = outcomes.block_id;
  receipt.proof.inclusion = std::move(entry.inclusion);
  if (outcomes.finality != nullptr) receipt.proof.finality = *outcomes.finality;
  return receipt;
}

std::string BatchOfOne(absl::string_view key, absl::string_view payload) {
  consensus::PayloadBuilder builder;
  builder.Add(consensus::Envelope{.last_height = 0, .key = key, .payload = payload});
  return *std::move(builder).Finish();
}

}  // namespace kiln::network
