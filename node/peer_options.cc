#include "node/peer_options.h"

#include <optional>

#include "base/random.h"

namespace kiln::node {

std::vector<std::string> PeerAddresses(const NodeOptions& options,
                                       const consensus::ValidatorSet& validators) {
  std::vector<std::string> addresses(validators.size());
  for (const PeerAddress& peer : options.peers) {
    const std::optional<ValidatorIndex> index = validators.FindByName(peer.name);
    if (index.has_value()) addresses[index->value] = peer.address;
  }
  return addresses;
}

network::PeerTransportOptions MakePeerOptions(const NodeOptions& options, const NodeKeys& keys,
                                              const consensus::ValidatorSet& validators) {
  network::PeerTransportOptions peers;
  peers.node_key = &keys.node;
  peers.chain_id = options.genesis.ChainId();
  peers.self = keys.self;
  peers.validators = &validators;
  peers.limits = options.genesis.limits;
  peers.listen_address = options.peer_listen_address;
  peers.peer_addresses = PeerAddresses(options, validators);
  peers.random = SystemRandom();
  return peers;
}

}  // namespace kiln::node
