#include "tools/command.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace kiln::tools {
namespace {

constexpr char kDescription[] =
    "Kiln: a Byzantine fault tolerant replicated ledger.\n"
    "Four validators on this machine in three commands:\n"
    "  kiln testnet --validators 4 --output DIR\n"
    "  kiln node --home DIR/validator-0        (and 1, 2, 3, each in a terminal of its own)\n"
    "  kiln kv put color blue --testnet DIR";

// The words of a subcommand below `kiln`: "kv put".
std::string FullName(const CLI::App* command) {
  std::string name = command->get_name();
  for (const CLI::App* above = command->get_parent();
       above != nullptr && above->get_parent() != nullptr; above = above->get_parent()) {
    name = absl::StrCat(above->get_name(), " ", name);
  }
  return name;
}

// The innermost subcommand that was recognised.
const CLI::App* Innermost(const CLI::App* app) {
  const std::vector<CLI::App*> chosen = app->get_subcommands();
  return chosen.empty() ? app : Innermost(chosen.front());
}

void ReportParseError(const CLI::App& app, const CLI::ParseError& error, CommandContext& context) {
  const CLI::App* command = Innermost(&app);
  const std::string name = command == &app ? "" : FullName(command);
  const std::string help = absl::StrCat("kiln ", name, name.empty() ? "" : " ", "--help");
  context.Fail(name, absl::StrCat(error.what(), " (see: ", help, ")"));
}

}  // namespace

void CommandContext::Fail(absl::string_view subcommand, absl::string_view message) {
  const std::string line = absl::StrReplaceAll(message, {{"\n", "; "}});
  const std::string prefix = subcommand.empty() ? "kiln" : absl::StrCat("kiln ", subcommand);
  std::fprintf(stderr, "%s: %s\n", prefix.c_str(), line.c_str());
  exit_status_ = kExitFailed;
}

void SetAction(CLI::App* command, CommandContext& context, std::function<absl::Status()> action) {
  command->callback([command, &context, action = std::move(action)] {
    const absl::Status status = action();
    if (!status.ok()) context.Fail(FullName(command), status.message());
  });
}

void AddJsonOption(CLI::App* command, bool* json) {
  command->add_flag("--json", *json, "Print one JSON document instead of text");
}

void PrintJson(const nlohmann::ordered_json& document) {
  // Bytes that are not UTF-8 (names from a file) are replaced rather than thrown about.
  const std::string text =
      document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

void PrintField(const char* name, const std::string& value) {
  std::printf("%-15s%s\n", name, value.c_str());
}

bool StdoutIsTerminal() {
  return isatty(STDOUT_FILENO) == 1;
}
bool StderrIsTerminal() {
  return isatty(STDERR_FILENO) == 1;
}

void AddPassphraseOptions(CLI::App* command, PassphraseSource* source) {
  CLI::Option* file = command->add_option("--passphrase-file", source->file,
                                          "File whose first line is the passphrase of the keys");
  CLI::Option* descriptor =
      command->add_option("--passphrase-fd", source->descriptor,
                          "Open file descriptor to read the passphrase of the keys from");
  descriptor->check(CLI::Range(0, 1 << 20))->excludes(file);
}

int RunCommandLine(int argc, const char* const* argv) {
  CommandContext context;
  CLI::App app(kDescription, "kiln");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  AddTestnetCommand(app, context);
  AddInitCommand(app, context);
  AddKeysCommand(app, context);
  AddNodeCommand(app, context);
  AddStatusCommand(app, context);
  AddKvCommand(app, context);
  AddBlockCommand(app, context);
  AddTxCommand(app, context);
  AddLedgerCommand(app, context);
  AddSnapshotCommand(app, context);
  AddSafetyCommand(app, context);
  AddRecoverCommand(app, context);
  AddBenchCommand(app, context);
  AddSimCommand(app, context);
  AddVersionCommand(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {  // --help: CLI11 asks for its text to be printed
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    ReportParseError(app, error, context);
  }
  return context.exit_status();
}

}  // namespace kiln::tools
