#include "network/peer_settings.h"

#include <grpc/grpc.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/time/time.h"
#include "network/tls_identity.h"

namespace kiln::network {
namespace {

// A dead peer or a half-open connection is noticed within the sum of these two.
constexpr absl::Duration kKeepaliveTime = absl::Seconds(10);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(5);
// Below kKeepaliveTime, or honest peers would be sent away for pinging too often.
constexpr absl::Duration kPingIntervalMin = absl::Seconds(5);
constexpr int kPingStrikesMax = 2;

constexpr int kStreamsPerConnectionMax = 16;
constexpr int kMetadataBytesMax = 8 << 10;
constexpr absl::Duration kHandshakeTimeout = absl::Seconds(5);
// Peers have a stream at all times: who has none is sent away.
constexpr absl::Duration kConnectionIdleMax = absl::Seconds(30);
// Connections end with the certificate that they were made with.
constexpr absl::Duration kConnectionAgeMax = absl::Hours(12);
constexpr absl::Duration kConnectionAgeGrace = absl::Seconds(30);
constexpr size_t kServerMemoryBytesMax = size_t{512} << 20;
// What a peer may send before it is read. It is fixed, because gRPC's probing for a better one
// costs a ping and its answer for nearly every message.
constexpr int kPeerWindowBytes = 4 << 20;

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

grpc::ChannelArguments PeerChannelArguments(size_t message_bytes_max) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(message_bytes_max));
  arguments.SetMaxSendMessageSize(static_cast<int>(message_bytes_max));
  arguments.SetSslTargetNameOverride(kTlsServerName);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveTime));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kPeerWindowBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // One connection for one stream: nothing is shared with earlier attempts or other transports.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

void SetPeerServerLimits(size_t message_bytes_max, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(message_bytes_max));
  builder->SetMaxSendMessageSize(static_cast<int>(message_bytes_max));
  const auto set = [builder](const char* name, int value) {
    builder->AddChannelArgument(name, value);
  };
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
  set(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(kHandshakeTimeout));
  set(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(kConnectionIdleMax));
  set(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(kConnectionAgeMax));
  set(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Milliseconds(kConnectionAgeGrace));
  set(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveTime));
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  set(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  set(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  set(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kPeerWindowBytes);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, Milliseconds(kPingIntervalMin));
  set(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikesMax);
  set(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  set(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a port in use is an error, not a second server

  grpc::ResourceQuota quota("kiln-peers");
  quota.Resize(kServerMemoryBytesMax);
  builder->SetResourceQuota(quota);
}

}  // namespace kiln::network
