// Testnets: several homes on one machine, made together.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "consensus/validator_set.h"
#include "kiln/client.h"
#include "node/address.h"
#include "node/config.h"
#include "node/files.h"
#include "node/home.h"

namespace kiln {
namespace node {
namespace {

constexpr absl::string_view kHomePrefix = "validator-";
constexpr uint16_t kLowestFreePort =
    20000;  // where free ports are looked for: below the ports that
constexpr uint16_t kHighestFreePort = 32000;  // Linux gives to outgoing connections
constexpr int kFreePortTries = 64;

std::string HomeName(size_t index) {
  return absl::StrCat(kHomePrefix, index);
}

std::string Loopback(size_t port) {
  return absl::StrCat("127.0.0.1:", port);
}

bool IsPortFree(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const absl::Cleanup closer = [descriptor] { close(descriptor); };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool AreFree(size_t base, size_t validators) {
  for (size_t i = 0; i < validators; ++i) {
    const size_t peer_port = base + i * kPortsPerValidator;
    if (!IsPortFree(static_cast<uint16_t>(peer_port))) return false;
    if (!IsPortFree(static_cast<uint16_t>(peer_port + 1))) return false;
  }
  return true;
}

absl::Status CheckRequest(const TestnetRequest& request) {
  if (request.powers.empty() || request.powers.size() > kTestnetValidatorsMax) {
    return absl::InvalidArgumentError(absl::StrCat("validators: must be from 1 to ",
                                                   kTestnetValidatorsMax, " (is ",
                                                   request.powers.size(), ")"));
  }
  const size_t ports = (request.powers.size() - 1) * kPortsPerValidator + 2;
  if (request.base_port != 0 && (request.base_port < 1024 || request.base_port + ports > 65536)) {
    return absl::InvalidArgumentError(
        absl::StrCat("base port: must be from 1024 to ", 65536 - ports, " for ",
                     request.powers.size(), " validators, or 0 (is ", request.base_port, ")"));
  }
  std::error_code error;
  if (std::filesystem::exists(request.output, error) &&
      !std::filesystem::is_empty(request.output, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat(request.output, ": exists and is not empty; nothing was changed"));
  }
  return absl::OkStatus();
}

void SetAddresses(size_t base_port, Testnet& testnet) {
  for (size_t i = 0; i < testnet.homes.size(); ++i) {
    const size_t peer_port = base_port + i * kPortsPerValidator;
    testnet.peer_addresses.push_back(Loopback(peer_port));
    testnet.client_addresses.push_back(Loopback(peer_port + 1));
  }
}

absl::Status WriteKeys(const TestnetRequest& request, const std::string& folder, Testnet& testnet) {
  for (size_t i = 0; i < request.powers.size(); ++i) {
    KILN_ASSIGN_OR_RETURN(const HomeKeys keys,
                          WriteHomeKeys(ResolvePath(folder, HomeName(i)), /*passphrase=*/""));
    testnet.genesis.validators.push_back({.name = HomeName(i),
                                          .consensus_key = keys.consensus_key,
                                          .node_key = keys.node_key,
                                          .power = request.powers[i]});
  }
  return testnet.genesis.Validate();
}

absl::Status WriteConfig(const std::string& home, size_t self, const Testnet& testnet) {
  NewConfig config{.peer_listen_address = testnet.peer_addresses[self],
                   .client_listen_address = testnet.client_addresses[self],
                   .peers = {}};
  for (size_t i = 0; i < testnet.homes.size(); ++i) {
    if (i != self) config.peers.push_back({HomeName(i), testnet.peer_addresses[i]});
  }
  const HomePaths paths(home);
  KILN_RETURN_IF_ERROR(WriteNewFile(paths.genesis, testnet.genesis.ToJson()));
  KILN_RETURN_IF_ERROR(WriteNewFile(paths.config, ConfigText(config)));
  return SyncDirectory(home);
}

absl::Status WriteHomes(const TestnetRequest& request, const std::string& folder,
                        Testnet& testnet) {
  KILN_RETURN_IF_ERROR(WriteKeys(request, folder, testnet));
  for (size_t i = 0; i < testnet.homes.size(); ++i) {
    KILN_RETURN_IF_ERROR(WriteConfig(ResolvePath(folder, HomeName(i)), i, testnet));
  }
  return SyncDirectory(folder);
}

// Puts the finished folder in its place: a testnet is there as a whole or not at all.
absl::Status Publish(const std::string& partial, const std::string& output) {
  std::error_code error;
  std::filesystem::rename(partial, output, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(output, ": cannot create: ", error.message()));
  }
  return SyncParentOf(output);
}

// `path` without slashes at its end, so that its parent is what people mean by it.
std::string WithoutTrailingSlash(const std::string& path) {
  absl::string_view stripped = path;
  while (stripped.size() > 1 && absl::ConsumeSuffix(&stripped, "/")) {
  }
  return std::string(stripped);
}

}  // namespace

absl::StatusOr<uint16_t> FindFreeBasePort(size_t validators) {
  const size_t ports = validators * kPortsPerValidator;
  if (ports == 0 || ports > kHighestFreePort - kLowestFreePort) {
    return absl::InvalidArgumentError(
        absl::StrCat("free ports: cannot look for those of ", validators, " validators"));
  }
  for (int i = 0; i < kFreePortTries; ++i) {
    const size_t base =
        kLowestFreePort + SystemRandom()->Below(kHighestFreePort - kLowestFreePort - ports);
    if (AreFree(base, validators)) return static_cast<uint16_t>(base);
  }
  return absl::UnavailableError(
      absl::StrCat("free ports: none found from ", kLowestFreePort, " to ", kHighestFreePort));
}

absl::StatusOr<Testnet> WriteTestnet(const TestnetRequest& request) {
  KILN_RETURN_IF_ERROR(CheckRequest(request));
  const std::string output = WithoutTrailingSlash(request.output);
  const std::string partial =
      absl::StrCat(output, ".partial-", absl::Hex(SystemRandom()->Below(uint64_t{1} << 48)));
  Testnet testnet;
  testnet.genesis.chain_name = request.chain_name;
  testnet.genesis.time_us = request.time_us;
  testnet.genesis.limits = request.limits;
  for (size_t i = 0; i < request.powers.size(); ++i) {
    testnet.homes.push_back(ResolvePath(output, HomeName(i)));
  }
  uint16_t base_port = request.base_port;
  if (base_port == 0) {
    KILN_ASSIGN_OR_RETURN(base_port, FindFreeBasePort(request.powers.size()));
  }
  SetAddresses(base_port, testnet);

  KILN_RETURN_IF_ERROR(MakeDirectory(partial));
  absl::Status written = WriteHomes(request, partial, testnet);
  if (written.ok()) written = Publish(partial, output);
  if (!written.ok()) {
    std::error_code ignored;  // the first error is the one to report
    std::filesystem::remove_all(partial, ignored);
    return written;
  }
  return testnet;
}

absl::StatusOr<std::vector<std::string>> FindTestnetHomes(const std::string& dir) {
  std::vector<std::string> homes;
  std::error_code error;
  for (size_t i = 0; i <= kTestnetValidatorsMax; ++i) {
    const std::string home = ResolvePath(dir, HomeName(i));
    if (!std::filesystem::exists(home, error)) break;
    if (!std::filesystem::exists(HomePaths(home).config, error)) {
      return absl::FailedPreconditionError(absl::StrCat(home, ": has no kiln.toml"));
    }
    homes.push_back(home);
  }
  if (homes.empty()) {
    return absl::NotFoundError(absl::StrCat(dir, ": no testnet here (", HomeName(0),
                                            " is missing): make one with "
                                            "`kiln testnet --output ",
                                            dir, "`"));
  }
  return homes;
}

}  // namespace node

absl::StatusOr<ClientOptions> ClientOptions::FromTestnet(const std::string& dir) {
  KILN_ASSIGN_OR_RETURN(const std::vector<std::string> homes, node::FindTestnetHomes(dir));
  ClientOptions options;
  KILN_ASSIGN_OR_RETURN(options.genesis, Genesis::FromFile(node::HomePaths(homes[0]).genesis));
  if (homes.size() != options.genesis.validators.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat(dir, ": has ", homes.size(), " homes, but the genesis has ",
                     options.genesis.validators.size(), " validators"));
  }
  for (const std::string& home : homes) {
    KILN_ASSIGN_OR_RETURN(const NodeOptions config, node::ReadConfig(home));
    KILN_ASSIGN_OR_RETURN(node::HostPort address,
                          node::ParseHostPort(config.client_listen_address));
    if (address.port == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(node::HomePaths(home).config,
                       ": client_listen_address: has port 0, so nobody can find it"));
    }
    if (node::IsWildcard(address)) address.host = "127.0.0.1";
    options.endpoints.push_back(address.ToString());
    options.tls = config.client_tls;
  }
  return options;
}

}  // namespace kiln
