#include "node/node_options.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/validator_set.h"
#include "crypto/key_file.h"
#include "node/address.h"

namespace kiln::node {
namespace {

absl::Status CheckWhole(absl::string_view name, uint64_t value, WholeRange range) {
  if (range.Contains(value)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": must be from ", range.min, " to ", range.max, " (is ", value, ")"));
}

absl::Status CheckDuration(absl::string_view name, absl::Duration value, WholeRange range_ms) {
  const absl::Duration min = absl::Milliseconds(range_ms.min);
  const absl::Duration max = absl::Milliseconds(range_ms.max);
  if (value >= min && value <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": must be from ", absl::FormatDuration(min),
                                                 " to ", absl::FormatDuration(max), " (is ",
                                                 absl::FormatDuration(value), ")"));
}

absl::Status CheckTimes(const NodeOptions& options) {
  KILN_RETURN_IF_ERROR(
      CheckDuration("round_timeout_min", options.round_timeout_min, kRoundTimeoutMinMs));
  KILN_RETURN_IF_ERROR(
      CheckDuration("round_timeout_max", options.round_timeout_max, kRoundTimeoutMaxMs));
  if (options.round_timeout_max < options.round_timeout_min) {
    return absl::InvalidArgumentError(
        absl::StrCat("round_timeout_max: must be at least round_timeout_min, which is ",
                     absl::FormatDuration(options.round_timeout_min), " (is ",
                     absl::FormatDuration(options.round_timeout_max), ")"));
  }
  KILN_RETURN_IF_ERROR(
      CheckDuration("heartbeat_interval", options.heartbeat_interval, kHeartbeatIntervalMs));
  return CheckDuration("doppelganger_wait", options.doppelganger_wait, kDoppelgangerWaitMs);
}

absl::Status CheckSizes(const NodeOptions& options) {
  KILN_RETURN_IF_ERROR(CheckWhole("mempool_bytes_max", options.mempool_bytes_max, kMempoolBytes));
  KILN_RETURN_IF_ERROR(CheckWhole("mempool_transactions_max", options.mempool_transactions_max,
                                  kMempoolTransactions));
  KILN_RETURN_IF_ERROR(
      CheckWhole("disk_free_bytes_min", options.disk_free_bytes_min, kDiskFreeBytes));
  KILN_RETURN_IF_ERROR(
      CheckWhole("scrub_bytes_per_second", options.scrub_bytes_per_second, kScrubBytesPerSecond));
  KILN_RETURN_IF_ERROR(CheckWhole("snapshots_kept", options.snapshots_kept, kSnapshotsKept));
  KILN_RETURN_IF_ERROR(CheckWhole("retention_blocks", options.retention_blocks, kRetentionBlocks));
  KILN_RETURN_IF_ERROR(CheckWhole("snapshot_catch_up_blocks", options.snapshot_catch_up_blocks,
                                  kSnapshotCatchUpBlocks));
  if (options.archive && options.retention_blocks > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("archive: true keeps every block, and retention_blocks is ",
                     options.retention_blocks, ": set it to 0"));
  }
  if (options.verify_threads < 0 ||
      !kVerifyThreads.Contains(static_cast<uint64_t>(options.verify_threads))) {
    return absl::InvalidArgumentError(absl::StrCat("verify_threads: must be from ",
                                                   kVerifyThreads.min, " to ", kVerifyThreads.max,
                                                   " (is ", options.verify_threads, ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckListenAddresses(const NodeOptions& options) {
  const absl::StatusOr<HostPort> peer = ParseHostPort(options.peer_listen_address);
  if (!peer.ok()) return Annotate(peer.status(), "peer_listen_address");
  const absl::StatusOr<HostPort> client = ParseHostPort(options.client_listen_address);
  if (!client.ok()) return Annotate(client.status(), "client_listen_address");
  if (!options.client_tls && !IsLoopback(*client)) {
    return absl::InvalidArgumentError(
        absl::StrCat("client_tls: false is allowed on loopback addresses only, and "
                     "client_listen_address is ",
                     client->ToString()));
  }
  if (peer->port != 0 && peer->ToString() == client->ToString()) {
    return absl::InvalidArgumentError(absl::StrCat("client_listen_address: ", client->ToString(),
                                                   " is the peer_listen_address already"));
  }
  return absl::OkStatus();
}

absl::Status CheckPeer(const PeerAddress& peer, const consensus::ValidatorSet& validators) {
  if (!validators.FindByName(peer.name).has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("peers: \"", peer.name, "\" is not a validator of the genesis"));
  }
  const absl::StatusOr<HostPort> address = ParseHostPort(peer.address);
  if (!address.ok()) return Annotate(address.status(), absl::StrCat("peers: ", peer.name));
  if (address->port == 0 || IsWildcard(*address)) {
    return absl::InvalidArgumentError(absl::StrCat("peers: ", peer.name, ": ", peer.address,
                                                   " is not an address that one can connect to"));
  }
  return absl::OkStatus();
}

absl::Status CheckPeers(const NodeOptions& options) {
  KILN_ASSIGN_OR_RETURN(const consensus::ValidatorSet validators,
                        consensus::ValidatorSet::FromGenesis(options.genesis));
  absl::btree_set<absl::string_view> names;
  for (const PeerAddress& peer : options.peers) {
    KILN_RETURN_IF_ERROR(CheckPeer(peer, validators));
    if (!names.insert(peer.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("peers: \"", peer.name, "\" is given twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPaths(const NodeOptions& options) {
  if (options.data_dir.empty()) return absl::InvalidArgumentError("data_dir: is empty");
  if (options.consensus_key_file.empty()) {
    return absl::InvalidArgumentError("consensus_key_file: is empty");
  }
  if (options.node_key_file.empty()) return absl::InvalidArgumentError("node_key_file: is empty");
  if (options.admin_socket.size() > kAdminSocketPathBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "admin_socket: the path has ", options.admin_socket.size(), " bytes, at most ",
        kAdminSocketPathBytesMax, " are possible: choose a shorter one, or \"\" for none (is ",
        options.admin_socket, ")"));
  }
  return absl::OkStatus();
}

absl::Status KeyOfNobody(const std::string& file, const crypto::PublicKey& key,
                         const Genesis& genesis) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": the key ", Hash{key}.ToHex(),
                                                 " belongs to no validator of the genesis of \"",
                                                 genesis.chain_name, "\""));
}

// Who the keys say that this node is.
absl::StatusOr<ValidatorIndex> FindSelf(const NodeOptions& options,
                                        const crypto::PublicKey& consensus_key,
                                        const crypto::PublicKey& node_key) {
  KILN_ASSIGN_OR_RETURN(const consensus::ValidatorSet validators,
                        consensus::ValidatorSet::FromGenesis(options.genesis));
  const std::optional<ValidatorIndex> signer = validators.FindByConsensusKey(consensus_key);
  const std::optional<ValidatorIndex> speaker = validators.FindByNodeKey(node_key);
  if (!signer.has_value()) {
    return KeyOfNobody(options.consensus_key_file, consensus_key, options.genesis);
  }
  if (!speaker.has_value()) return KeyOfNobody(options.node_key_file, node_key, options.genesis);
  const std::string& name = validators.at(*signer).name;
  if (*signer != *speaker) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.consensus_key_file, ": the consensus key is that of ", name,
                     ", but the node key is that of ", validators.at(*speaker).name));
  }
  for (const PeerAddress& peer : options.peers) {
    if (peer.name == name) {
      return absl::InvalidArgumentError(
          absl::StrCat("peers: \"", name, "\" is this node itself, by its keys"));
    }
  }
  return *signer;
}

}  // namespace

absl::Status ValidateNodeOptions(const NodeOptions& options) {
  if (const absl::Status genesis = options.genesis.Validate(); !genesis.ok()) {
    return Annotate(genesis, "genesis");
  }
  KILN_RETURN_IF_ERROR(CheckPaths(options));
  KILN_RETURN_IF_ERROR(CheckListenAddresses(options));
  KILN_RETURN_IF_ERROR(CheckPeers(options));
  KILN_RETURN_IF_ERROR(CheckTimes(options));
  return CheckSizes(options);
}

absl::StatusOr<NodeKeys> LoadNodeKeys(const NodeOptions& options) {
  KILN_ASSIGN_OR_RETURN(
      crypto::SecretKey consensus_key,
      crypto::ReadKeyFile(options.consensus_key_file, crypto::KeyPurpose::kConsensus,
                          options.key_passphrase));
  KILN_ASSIGN_OR_RETURN(crypto::SecretKey node_key,
                        crypto::ReadKeyFile(options.node_key_file, crypto::KeyPurpose::kNode,
                                            options.key_passphrase));
  KILN_ASSIGN_OR_RETURN(const ValidatorIndex self,
                        FindSelf(options, consensus_key.public_key(), node_key.public_key()));
  return NodeKeys{std::move(consensus_key), std::move(node_key), self};
}

}  // namespace kiln::node
