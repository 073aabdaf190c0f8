// Which chain a command talks to, and through which of its validators.
#ifndef KILN_TOOLS_CHAIN_TARGET_H_
#define KILN_TOOLS_CHAIN_TARGET_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/client.h"

namespace kiln::tools {

// What the user typed: a testnet's folder, a validator's home, or endpoints with a genesis. Nothing
// that a validator says is believed without the genesis, so there is no way to leave it out.
struct ChainTarget {
  std::string testnet;
  std::string home;
  std::vector<std::string> endpoints;  // host:port
  std::string genesis;
  int via = -1;  // index into the endpoints of the one to ask first; -1: as they come
};

// Adds --testnet, --home, --endpoint and --genesis.
void AddTargetOptions(CLI::App* command, ChainTarget* target);
// Adds --via.
void AddViaOption(CLI::App* command, ChainTarget* target);

// What kiln::Client needs to know. InvalidArgument says which option is missing or wrong.
absl::StatusOr<ClientOptions> ResolveTarget(const ChainTarget& target);
absl::StatusOr<std::unique_ptr<Client>> ConnectTo(const ChainTarget& target);

// The same chain, with the endpoint at `first` in front and the others behind it, in their order.
// REQUIRES: first < options.endpoints.size().
ClientOptions StartingAt(ClientOptions options, size_t first);
// The same chain through one endpoint only: an answer is that validator's, or there is none.
// REQUIRES: index < options.endpoints.size().
ClientOptions OnlyAt(ClientOptions options, size_t index);

// Where a client on this machine reaches a service that listens on `listen_address`: a wildcard
// address becomes loopback.
std::string ReachableAddress(absl::string_view listen_address);

// 32 hexadecimal digits that nobody has used: tells apart two intentional submissions of one
// payload.
std::string FreshKey();

}  // namespace kiln::tools

#endif  // KILN_TOOLS_CHAIN_TARGET_H_
