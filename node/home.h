// Home folders: what one validator keeps on its machine, and whole testnets of them.
#ifndef KILN_NODE_HOME_H_
#define KILN_NODE_HOME_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/genesis.h"
#include "kiln/node.h"

namespace kiln::node {

// A home:
//   kiln.toml  genesis.json  keys/consensus.key  keys/node.key  data/  admin.sock (while the node
//   runs)
// A testnet is a folder with validator-0/ ... validator-(N-1)/, each a home.
struct HomePaths {
  explicit HomePaths(const std::string& home);
  std::string config;
  std::string genesis;
  std::string keys_dir;
  std::string consensus_key;
  std::string node_key;
  std::string data_dir;
  std::string admin_socket;
};

// A testnet's validator i listens on loopback, for peers on base + 10 i and for clients on the port
// after.
inline constexpr uint16_t kBasePortDefault = 26600;
inline constexpr uint16_t kPortsPerValidator = 10;
inline constexpr size_t kTestnetValidatorsMax = 256;

struct TestnetRequest {
  std::string output;                     // must not exist, or be empty
  std::vector<uint64_t> powers;           // one for each validator
  uint16_t base_port = kBasePortDefault;  // 0: free ports are looked for
  std::string chain_name = "testnet";
  uint64_t time_us = 0;  // of block 0
  ChainLimits limits;
};

// What WriteTestnet made.
struct Testnet {
  Genesis genesis;
  std::vector<std::string> homes;
  std::vector<std::string> peer_addresses;
  std::vector<std::string> client_addresses;
};

// Makes keys, genesis and one home for each validator, synced to disk. AlreadyExists rather than
// overwrite.
absl::StatusOr<Testnet> WriteTestnet(const TestnetRequest& request);

// The homes of a testnet, by index. NotFound when `dir` holds none; FailedPrecondition when one is
// missing.
absl::StatusOr<std::vector<std::string>> FindTestnetHomes(const std::string& dir);

struct InitRequest {
  std::string home;                          // must not hold a home already
  std::string validator_name = "validator";  // ignored when the genesis names the keys' owner
  std::string genesis_file;                  // copied into the home; empty for none yet
  std::string passphrase;                    // empty: keys are kept unencrypted, mode 0600
  std::vector<PeerAddress> peers;            // where the other validators listen, as far as known
  std::string peer_listen_address = "0.0.0.0:26600";
  std::string client_listen_address = "127.0.0.1:26601";
};

// The new validator as it has to be entered in a genesis; power is 1 until somebody decides
// otherwise.
absl::StatusOr<GenesisValidator> InitHome(const InitRequest& request);

// The public halves of a home's keys, readable without a passphrase.
struct HomeKeys {
  std::array<uint8_t, 32> consensus_key{};
  std::array<uint8_t, 32> node_key{};
  bool encrypted = false;
};
absl::StatusOr<HomeKeys> ReadHomeKeys(const std::string& home);
// Makes both key files of a home that has none. AlreadyExists rather than overwrite.
absl::StatusOr<HomeKeys> WriteHomeKeys(const std::string& home, absl::string_view passphrase);

// One validator as an entry of genesis.json's "validators".
std::string GenesisEntryJson(const GenesisValidator& validator);

// The passphrase is the first line, at most 1,024 bytes. PermissionDenied for a file that others
// can read.
absl::StatusOr<std::string> ReadPassphraseFile(const std::string& path);
absl::StatusOr<std::string> ReadPassphraseDescriptor(int descriptor);

// The lowest port of a run of ports for `validators` validators that nothing listens on now.
// Another program may take one before it is used; whoever starts the nodes tries again then.
absl::StatusOr<uint16_t> FindFreeBasePort(size_t validators);

}  // namespace kiln::node

#endif  // KILN_NODE_HOME_H_
