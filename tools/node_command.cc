// kiln node
#include <memory>
#include <string>

#include "node/run_node.h"
#include "tools/command.h"
#include "tools/kv_application.h"

namespace kiln::tools {

void AddNodeCommand(CLI::App& app, CommandContext& context) {
  auto request = std::make_shared<node::RunRequest>();
  auto passphrase = std::make_shared<PassphraseSource>();
  CLI::App* command = app.add_subcommand(
      "node", "Run one validator of the key-value store until SIGTERM or SIGINT");
  command->add_option("--home", request->home, "Folder made by `kiln init` or `kiln testnet`")
      ->required();
  AddPassphraseOptions(command, passphrase.get());
  command
      ->add_option("--trust", request->trust,
                   "A block that is known to be right, from a source that the validators do not "
                   "control: a chain or snapshot with another one is refused")
      ->type_name("HEIGHT:ID");
  command->add_option("--log-level", request->log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  command->add_flag("--debuggable", request->is_debuggable,
                    "Allow debuggers and core dumps, which show secret keys");
  command->footer(
      "Exit status: 0 after a graceful stop, 1 for a bad configuration, 70 when the node "
      "stopped\n"
      "itself to stay safe; the last line then says why and what to do.\n\n"
      "Example: kiln node --home net/validator-0");
  SetAction(command, context, [request, passphrase] {
    request->passphrase_file = passphrase->file;
    request->passphrase_descriptor = passphrase->descriptor;
    return node::RunHome(*request, std::make_unique<KvApplication>());
  });
}

}  // namespace kiln::tools
