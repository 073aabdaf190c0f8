#include "network/endpoint.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "network/loopback.h"
#include "network/service_state.h"
#include "network/tls_identity.h"

namespace kiln::network {
namespace {

constexpr int kReconnectMinMs = 100;
constexpr int kConnectTimeoutMs = 3000;
constexpr int kReconnectMaxMs = 3000;
constexpr int kKeepaliveMs = 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 10 * 1000;
// Of results that are not read yet. Fixed, as the server's for what it reads (client_service.cc).
constexpr int kResultsWindowBytes = 4 << 20;

grpc::ChannelArguments ArgumentsFor(const ChainLimits& limits) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY,
                   0);  // the environment does not choose whom we talk to
  arguments.SetSslTargetNameOverride(kTlsServerName);  // identities are keys, not addresses
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);        // what is sent again is decided here
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // clients do not share connections
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMinMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kResultsWindowBytes);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(ServerMessageBytesMax(limits)));
  arguments.SetMaxSendMessageSize(static_cast<int>(ClientMessageBytesMax(limits)));
  return arguments;
}

absl::Status CheckOptions(const ClientOptions& options) {
  if (options.endpoints.empty()) return absl::InvalidArgumentError("endpoints: none given");
  if (options.attempt_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("attempt_timeout: must be positive");
  }
  for (const std::string& address : options.endpoints) {
    if (options.tls || IsLoopbackAddress(address)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("endpoints: ", address, " is not a loopback address, which plaintext is for"));
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsFor(const ClientOptions& options,
                                                         const Hash& chain_id,
                                                         const std::string& address,
                                                         const std::shared_ptr<FaultLog>& faults) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  std::vector<crypto::PublicKey> node_keys;
  for (const GenesisValidator& validator : options.genesis.validators) {
    node_keys.push_back(validator.node_key);
  }
  return ClientChannelCredentials(std::move(node_keys), chain_id,
                                  [address, faults](const absl::Status& refused) {
                                    faults->Record(address, refused.message());
                                  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Endpoints>> Endpoints::Create(
    const ClientOptions& options, const std::shared_ptr<FaultLog>& faults) {
  if (const absl::Status checked = CheckOptions(options); !checked.ok()) return checked;
  PrepareGrpc();
  const Hash chain_id = options.genesis.ChainId();
  const grpc::ChannelArguments arguments = ArgumentsFor(options.genesis.limits);
  auto endpoints = absl::WrapUnique(new Endpoints());
  for (const std::string& address : options.endpoints) {
    std::shared_ptr<grpc::Channel> channel = grpc::CreateCustomChannel(
        address, CredentialsFor(options, chain_id, address, faults), arguments);
    std::unique_ptr<v1::Kiln::Stub> stub = v1::Kiln::NewStub(channel);
    endpoints->endpoints_.push_back(
        {.address = address, .channel = std::move(channel), .stub = std::move(stub)});
  }
  return endpoints;
}

void Endpoints::Pause(size_t i, absl::Duration pause) const {
  if (pause <= absl::ZeroDuration()) return;
  if (!Connect(i, pause)) absl::SleepFor(pause);
}

bool Endpoints::Connect(size_t i, absl::Duration patience) const {
  grpc::Channel& channel = *at(i).channel;
  if (channel.GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY) return false;
  channel.WaitForConnected(absl::ToChronoTime(absl::Now() + patience));
  return true;
}

ErrorKind KindOf(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kResourceExhausted:
      return ErrorKind::kBusy;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kAlreadyExists:
      return ErrorKind::kRefusal;
    default:
      return ErrorKind::kUnreachable;
  }
}

}  // namespace kiln::network
