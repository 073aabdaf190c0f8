#include "node/home.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/validator_set.h"
#include "crypto/key_file.h"
#include "kiln/client.h"
#include "node/address.h"
#include "node/config.h"
#include "node/files.h"

namespace kiln {
namespace node {
namespace {

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

absl::StatusOr<crypto::PublicKey> WriteKey(const std::string& path, crypto::KeyPurpose purpose,
                                           absl::string_view passphrase) {
  const crypto::SecretKey key = crypto::SecretKey::Generate();
  KILN_RETURN_IF_ERROR(crypto::WriteKeyFile(path, purpose, key, passphrase));
  return key.public_key();
}

absl::StatusOr<crypto::KeyFileInfo> ReadKeyInfo(const std::string& path,
                                                crypto::KeyPurpose purpose) {
  KILN_ASSIGN_OR_RETURN(const crypto::KeyFileInfo info, crypto::ReadKeyFileInfo(path));
  if (info.purpose == purpose) return info;
  return absl::InvalidArgumentError(
      absl::StrCat(path, purpose == crypto::KeyPurpose::kConsensus
                             ? ": is a node key, a consensus key belongs here"
                             : ": is a consensus key, a node key belongs here"));
}

// The keys that the home has, or new ones when it has none.
absl::StatusOr<HomeKeys> KeepOrWriteKeys(const std::string& home, const std::string& passphrase) {
  const HomePaths paths(home);
  if (Exists(paths.consensus_key) || Exists(paths.node_key)) return ReadHomeKeys(home);
  return WriteHomeKeys(home, passphrase);
}

// Whose keys these are.
absl::StatusOr<std::string> FindOwner(const Genesis& genesis, const HomeKeys& keys) {
  for (const GenesisValidator& validator : genesis.validators) {
    const bool has_consensus_key = validator.consensus_key == keys.consensus_key;
    const bool has_node_key = validator.node_key == keys.node_key;
    if (has_consensus_key && has_node_key) return validator.name;
    if (has_consensus_key || has_node_key) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the genesis has only this home's ", has_consensus_key ? "consensus" : "node",
          " key with ", validator.name, ": enter both as `kiln keys show` prints them"));
    }
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the keys of this home belong to no validator of the genesis of \"", genesis.chain_name,
      "\": have their entry added (`kiln keys show` prints it), then run this again"));
}

// All other validators, with the addresses that are known.
absl::StatusOr<std::vector<PeerAddress>> ListPeers(const Genesis& genesis, const std::string& self,
                                                   const std::vector<PeerAddress>& known) {
  std::vector<PeerAddress> peers;
  for (const GenesisValidator& validator : genesis.validators) {
    if (validator.name != self) peers.push_back({.name = validator.name, .address = ""});
  }
  for (const PeerAddress& given : known) {
    bool is_found = false;
    for (PeerAddress& peer : peers) {
      if (peer.name != given.name) continue;
      peer.address = given.address;
      is_found = true;
    }
    if (!is_found) {
      return absl::InvalidArgumentError(
          absl::StrCat("peer \"", given.name, "\" is not another validator of the genesis"));
    }
  }
  return peers;
}

absl::Status CheckInitAddresses(const InitRequest& request) {
  const absl::StatusOr<HostPort> peer = ParseHostPort(request.peer_listen_address);
  if (!peer.ok()) return Annotate(peer.status(), "peer address");
  const absl::StatusOr<HostPort> client = ParseHostPort(request.client_listen_address);
  if (!client.ok()) return Annotate(client.status(), "client address");
  for (const PeerAddress& given : request.peers) {
    const absl::StatusOr<HostPort> address = ParseHostPort(given.address);
    if (!address.ok()) return Annotate(address.status(), absl::StrCat("peer ", given.name));
  }
  return absl::OkStatus();
}

}  // namespace

HomePaths::HomePaths(const std::string& home)
    : config(ResolvePath(home, "kiln.toml")),
      genesis(ResolvePath(home, "genesis.json")),
      keys_dir(ResolvePath(home, "keys")),
      consensus_key(ResolvePath(home, "keys/consensus.key")),
      node_key(ResolvePath(home, "keys/node.key")),
      data_dir(ResolvePath(home, "data")),
      admin_socket(ResolvePath(home, "admin.sock")) {}

absl::StatusOr<HomeKeys> ReadHomeKeys(const std::string& home) {
  const HomePaths paths(home);
  KILN_ASSIGN_OR_RETURN(const crypto::KeyFileInfo consensus,
                        ReadKeyInfo(paths.consensus_key, crypto::KeyPurpose::kConsensus));
  KILN_ASSIGN_OR_RETURN(const crypto::KeyFileInfo node,
                        ReadKeyInfo(paths.node_key, crypto::KeyPurpose::kNode));
  return HomeKeys{.consensus_key = consensus.public_key,
                  .node_key = node.public_key,
                  .encrypted = consensus.encrypted && node.encrypted};
}

absl::StatusOr<HomeKeys> WriteHomeKeys(const std::string& home, absl::string_view passphrase) {
  const HomePaths paths(home);
  for (const std::string& path : {paths.consensus_key, paths.node_key}) {
    if (Exists(path)) {
      return absl::AlreadyExistsError(
          absl::StrCat(path, ": exists already; keys are never overwritten"));
    }
  }
  KILN_RETURN_IF_ERROR(MakeDirectory(home));
  KILN_RETURN_IF_ERROR(MakeDirectory(paths.keys_dir));
  HomeKeys keys{.encrypted = !passphrase.empty()};
  KILN_ASSIGN_OR_RETURN(keys.consensus_key,
                        WriteKey(paths.consensus_key, crypto::KeyPurpose::kConsensus, passphrase));
  KILN_ASSIGN_OR_RETURN(keys.node_key,
                        WriteKey(paths.node_key, crypto::KeyPurpose::kNode, passphrase));
  KILN_RETURN_IF_ERROR(SyncDirectory(home));
  return keys;
}

absl::StatusOr<GenesisValidator> InitHome(const InitRequest& request) {
  const HomePaths paths(request.home);
  if (Exists(paths.config)) {
    return absl::AlreadyExistsError(
        absl::StrCat(paths.config, ": exists already; nothing was changed"));
  }
  KILN_RETURN_IF_ERROR(CheckInitAddresses(request));
  NewConfig config{.peer_listen_address = request.peer_listen_address,
                   .client_listen_address = request.client_listen_address,
                   .peers = request.peers};
  Genesis genesis;
  if (!request.genesis_file.empty()) {
    KILN_ASSIGN_OR_RETURN(genesis, Genesis::FromFile(request.genesis_file));
  }
  KILN_ASSIGN_OR_RETURN(const HomeKeys keys, KeepOrWriteKeys(request.home, request.passphrase));
  GenesisValidator self{.name = request.validator_name,
                        .consensus_key = keys.consensus_key,
                        .node_key = keys.node_key,
                        .power = 1};
  if (!request.genesis_file.empty()) {
    KILN_ASSIGN_OR_RETURN(self.name, FindOwner(genesis, keys));
    KILN_ASSIGN_OR_RETURN(config.peers, ListPeers(genesis, self.name, request.peers));
    if (!Exists(paths.genesis)) KILN_RETURN_IF_ERROR(WriteNewFile(paths.genesis, genesis.ToJson()));
    KILN_ASSIGN_OR_RETURN(const Genesis copied, Genesis::FromFile(paths.genesis));
    if (copied.ChainId() != genesis.ChainId()) {
      return absl::FailedPreconditionError(
          absl::StrCat(paths.genesis, ": is the genesis of another chain; use another home"));
    }
    for (const GenesisValidator& validator : genesis.validators) {
      if (validator.name == self.name) self.power = validator.power;
    }
  }
  KILN_RETURN_IF_ERROR(WriteNewFile(paths.config, ConfigText(config)));
  KILN_RETURN_IF_ERROR(SyncDirectory(request.home));
  return self;
}

}  // namespace node
}  // namespace kiln
