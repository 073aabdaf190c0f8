// A node's options, as its peer transport takes them.
#ifndef KILN_NODE_PEER_OPTIONS_H_
#define KILN_NODE_PEER_OPTIONS_H_

#include <string>
#include <vector>

#include "consensus/validator_set.h"
#include "kiln/node.h"
#include "network/peer_transport.h"
#include "node/node_options.h"

namespace kiln::node {

// Where each validator listens, by index; empty where that is not known.
std::vector<std::string> PeerAddresses(const NodeOptions& options,
                                       const consensus::ValidatorSet& validators);

// `keys` and `validators` must outlive the transport.
network::PeerTransportOptions MakePeerOptions(const NodeOptions& options, const NodeKeys& keys,
                                              const consensus::ValidatorSet& validators);

}  // namespace kiln::node

#endif  // KILN_NODE_PEER_OPTIONS_H_
