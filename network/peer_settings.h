// gRPC's settings for connections between validators: limits on everything a peer can make grow.
#ifndef KILN_NETWORK_PEER_SETTINGS_H_
#define KILN_NETWORK_PEER_SETTINGS_H_

#include <cstddef>

namespace grpc {
class ChannelArguments;
class ServerBuilder;
}  // namespace grpc

namespace kiln::network {

// `message_bytes_max`: of one frame, as it travels.
grpc::ChannelArguments PeerChannelArguments(size_t message_bytes_max);
void SetPeerServerLimits(size_t message_bytes_max, grpc::ServerBuilder* builder);

}  // namespace kiln::network

#endif  // KILN_NETWORK_PEER_SETTINGS_H_
