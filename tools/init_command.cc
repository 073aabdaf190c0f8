// kiln init
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "kiln/types.h"
#include "node/home.h"
#include "tools/command.h"

namespace kiln::tools {
namespace {

struct InitArguments {
  node::InitRequest request;
  std::vector<std::string> peers;  // NAME=HOST:PORT
  PassphraseSource passphrase;
  bool json = false;
};

absl::Status FillPeers(const std::vector<std::string>& texts, std::vector<PeerAddress>* peers) {
  for (const std::string& text : texts) {
    std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (parts.first.empty() || parts.second.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--peer \"", text, "\": must be NAME=HOST:PORT"));
    }
    peers->push_back({.name = std::move(parts.first), .address = std::move(parts.second)});
  }
  return absl::OkStatus();
}

nlohmann::ordered_json ValidatorJson(const InitArguments& arguments,
                                     const GenesisValidator& validator) {
  return {{"home", arguments.request.home},
          {"has_genesis", !arguments.request.genesis_file.empty()},
          {"validator",
           {{"name", validator.name},
            {"consensus_key", Hash{validator.consensus_key}.ToHex()},
            {"node_key", Hash{validator.node_key}.ToHex()},
            {"power", validator.power}}}};
}

void PrintNextSteps(const InitArguments& arguments, const GenesisValidator& validator) {
  const node::HomePaths paths(arguments.request.home);
  std::printf("Made %s with keys and %s\n", arguments.request.home.c_str(), paths.config.c_str());
  if (!arguments.request.genesis_file.empty()) {
    std::printf(
        "This is %s. Enter the missing addresses of its peers in kiln.toml, then run: "
        "kiln node --home %s\n",
        validator.name.c_str(), arguments.request.home.c_str());
    return;
  }
  std::printf(
      "Entry for \"validators\" in genesis.json (choose the power together):\n%s\n"
      "When all entries are in it, put the file there: %s\n",
      node::GenesisEntryJson(validator).c_str(), paths.genesis.c_str());
}

absl::Status Init(InitArguments& arguments) {
  KILN_RETURN_IF_ERROR(FillPeers(arguments.peers, &arguments.request.peers));
  KILN_ASSIGN_OR_RETURN(arguments.request.passphrase, ReadPassphrase(arguments.passphrase));
  KILN_ASSIGN_OR_RETURN(const GenesisValidator validator, node::InitHome(arguments.request));
  if (arguments.json) {
    PrintJson(ValidatorJson(arguments, validator));
  } else {
    PrintNextSteps(arguments, validator);
  }
  return absl::OkStatus();
}

}  // namespace

void AddInitCommand(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<InitArguments>();
  node::InitRequest& request = arguments->request;
  CLI::App* command = app.add_subcommand("init", "Make one validator's home: keys and kiln.toml");
  command->add_option("--home", request.home, "Folder to make; keys that it holds already are kept")
      ->required();
  command->add_option("--name", request.validator_name, "Name for the genesis entry")
      ->capture_default_str();
  command->add_option("--genesis", request.genesis_file,
                      "genesis.json to copy; must have this validator's keys in it");
  command->add_option("--peer", arguments->peers,
                      "Where another validator listens: NAME=HOST:PORT (repeatable)");
  command
      ->add_option("--peer-address", request.peer_listen_address,
                   "HOST:PORT to listen on for peers")
      ->capture_default_str();
  command
      ->add_option("--client-address", request.client_listen_address,
                   "HOST:PORT to listen on for clients")
      ->capture_default_str();
  AddPassphraseOptions(command, &arguments->passphrase);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Examples:\n"
      "  kiln init --home v0 --name berlin                      # prints the entry for the "
      "genesis\n"
      "  kiln keys new --home v0 --passphrase-file secret       # keys first, the rest later\n"
      "  kiln init --home v0 --genesis genesis.json --peer oslo=10.0.0.2:26600");
  SetAction(command, context, [arguments] { return Init(*arguments); });
}

}  // namespace kiln::tools
