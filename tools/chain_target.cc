#include "tools/chain_target.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "kiln/genesis.h"
#include "kiln/node.h"

namespace kiln::tools {
namespace {

absl::StatusOr<ClientOptions> FromHome(const std::string& home) {
  KILN_ASSIGN_OR_RETURN(NodeOptions node, NodeOptions::FromHome(home));
  ClientOptions options;
  options.genesis = std::move(node.genesis);
  options.endpoints = {ReachableAddress(node.client_listen_address)};
  options.tls = node.client_tls;
  return options;
}

absl::StatusOr<ClientOptions> FromEndpoints(const ChainTarget& target) {
  if (target.genesis.empty()) {
    return absl::InvalidArgumentError(
        "--endpoint needs --genesis FILE, to know whose signatures to believe");
  }
  ClientOptions options;
  KILN_ASSIGN_OR_RETURN(options.genesis, Genesis::FromFile(target.genesis));
  options.endpoints = target.endpoints;
  return options;
}

absl::StatusOr<ClientOptions> ResolveChain(const ChainTarget& target) {
  if (!target.testnet.empty()) return ClientOptions::FromTestnet(target.testnet);
  if (!target.home.empty()) return FromHome(target.home);
  if (!target.endpoints.empty()) return FromEndpoints(target);
  return absl::InvalidArgumentError(
      "say which chain: --testnet DIR, --home DIR, or --endpoint HOST:PORT with --genesis FILE");
}

}  // namespace

void AddTargetOptions(CLI::App* command, ChainTarget* target) {
  CLI::Option* testnet = command->add_option("--testnet", target->testnet,
                                             "Folder that `kiln testnet` made: all its validators");
  CLI::Option* home =
      command->add_option("--home", target->home, "A validator's home on this machine: that one");
  CLI::Option* endpoint =
      command->add_option("--endpoint", target->endpoints,
                          "HOST:PORT of a validator's client service; may be given several times");
  CLI::Option* genesis = command->add_option("--genesis", target->genesis,
                                             "genesis.json of the chain; goes with --endpoint");
  endpoint->take_all();
  testnet->excludes(home)->excludes(endpoint);
  home->excludes(endpoint);
  genesis->needs(endpoint);
}

void AddViaOption(CLI::App* command, ChainTarget* target) {
  command
      ->add_option("--via", target->via,
                   "Index of the validator to ask first, counted from 0; others when it fails")
      ->check(CLI::Range(0, 1 << 20));
}

absl::StatusOr<ClientOptions> ResolveTarget(const ChainTarget& target) {
  KILN_ASSIGN_OR_RETURN(ClientOptions options, ResolveChain(target));
  if (target.via < 0) return options;
  const size_t first = static_cast<size_t>(target.via);
  if (first >= options.endpoints.size()) {
    return absl::InvalidArgumentError(absl::StrCat("--via ", first, ": there are ",
                                                   options.endpoints.size(),
                                                   " validators to ask, counted from 0"));
  }
  return StartingAt(std::move(options), first);
}

absl::StatusOr<std::unique_ptr<Client>> ConnectTo(const ChainTarget& target) {
  KILN_ASSIGN_OR_RETURN(ClientOptions options, ResolveTarget(target));
  return Client::Connect(std::move(options));
}

ClientOptions StartingAt(ClientOptions options, size_t first) {
  const auto chosen = options.endpoints.begin() + static_cast<std::ptrdiff_t>(first);
  std::rotate(options.endpoints.begin(), chosen, chosen + 1);
  return options;
}

ClientOptions OnlyAt(ClientOptions options, size_t index) {
  options.endpoints = {options.endpoints[index]};
  return options;
}

std::string ReachableAddress(absl::string_view listen_address) {
  absl::string_view port = listen_address;
  if (absl::ConsumePrefix(&port, "0.0.0.0:")) return absl::StrCat("127.0.0.1:", port);
  if (absl::ConsumePrefix(&port, "[::]:")) return absl::StrCat("[::1]:", port);
  return std::string(listen_address);
}

std::string FreshKey() {
  constexpr uint64_t kBound = std::numeric_limits<uint64_t>::max();
  Random* random = SystemRandom();
  return absl::StrFormat("%016x%016x", random->Below(kBound), random->Below(kBound));
}

}  // namespace kiln::tools
