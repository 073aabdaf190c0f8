// kiln keys show | new
#include <cstdio>
#include <memory>
#include <string>

#include "base/status_macros.h"
#include "kiln/types.h"
#include "node/home.h"
#include "tools/command.h"

namespace kiln::tools {
namespace {

struct KeysArguments {
  std::string home;
  PassphraseSource passphrase;
  bool json = false;
};

// Public halves only.
void PrintKeys(const KeysArguments& arguments, const node::HomeKeys& keys) {
  const std::string consensus_key = Hash{keys.consensus_key}.ToHex();
  const std::string node_key = Hash{keys.node_key}.ToHex();
  if (arguments.json) {
    PrintJson({{"home", arguments.home},
               {"consensus_key", consensus_key},
               {"node_key", node_key},
               {"encrypted", keys.encrypted}});
    return;
  }
  std::printf("consensus_key %s\nnode_key      %s\nencrypted     %s\n", consensus_key.c_str(),
              node_key.c_str(), keys.encrypted ? "yes" : "no");
}

absl::Status ShowKeys(const KeysArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const node::HomeKeys keys, node::ReadHomeKeys(arguments.home));
  PrintKeys(arguments, keys);
  return absl::OkStatus();
}

absl::Status NewKeys(const KeysArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const std::string passphrase, ReadPassphrase(arguments.passphrase));
  KILN_ASSIGN_OR_RETURN(const node::HomeKeys keys, node::WriteHomeKeys(arguments.home, passphrase));
  PrintKeys(arguments, keys);
  return absl::OkStatus();
}

}  // namespace

void AddKeysCommand(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<KeysArguments>();
  CLI::App* keys = app.add_subcommand("keys", "A home's keys: make them, show their public halves");
  keys->require_subcommand(1);

  CLI::App* show = keys->add_subcommand("show", "Print the public keys of a home");
  show->add_option("--home", arguments->home, "The validator's folder")->required();
  AddJsonOption(show, &arguments->json);
  show->footer("Example: kiln keys show --home net/validator-0 --json");
  SetAction(show, context, [arguments] { return ShowKeys(*arguments); });

  CLI::App* make = keys->add_subcommand("new", "Make a consensus key and a node key in a home");
  make->add_option("--home", arguments->home, "The validator's folder; made when missing")
      ->required();
  AddPassphraseOptions(make, &arguments->passphrase);
  AddJsonOption(make, &arguments->json);
  make->footer(
      "Keys are never overwritten. With a passphrase they are encrypted; every start asks for "
      "it.\n\n"
      "Example: kiln keys new --home v0 --passphrase-file secret");
  SetAction(make, context, [arguments] { return NewKeys(*arguments); });
}

}  // namespace kiln::tools
