// What the subcommands of `kiln` share: how they end, how they print, how they ask for JSON.
#ifndef KILN_TOOLS_COMMAND_H_
#define KILN_TOOLS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln::tools {

// A subcommand's exit statuses: 0 for success only, kFailStopExitStatus from `kiln node`, else 1.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;

// One invocation of the command line. Used by the main thread alone.
class CommandContext {
 public:
  int exit_status() const { return exit_status_; }
  void set_exit_status(int exit_status) { exit_status_ = exit_status; }

  // Prints "kiln <subcommand>: <message>" on stderr, in one line, and makes the exit status 1.
  void Fail(absl::string_view subcommand, absl::string_view message);

 private:
  int exit_status_ = kExitOk;
};

// Makes `action` what `command` does. A status other than OK is printed by CommandContext::Fail
// under the full name of the command ("kv put"); its code is not shown, its message must say what
// to do.
void SetAction(CLI::App* command, CommandContext& context, std::function<absl::Status()> action);

// Adds --json to a command that prints data.
void AddJsonOption(CLI::App* command, bool* json);
// One JSON document and a newline on stdout. Keys keep the order in which they were set.
void PrintJson(const nlohmann::ordered_json& document);
// A line on stdout: the name, padded to a column, and the value.
void PrintField(const char* name, const std::string& value);

// Whether a person watches: progress bars and colours are for terminals only.
bool StdoutIsTerminal();
bool StderrIsTerminal();

// Where a passphrase comes from: a file or a descriptor, never the command line or the environment.
struct PassphraseSource {
  std::string file;
  int descriptor = -1;
};
// Adds --passphrase-file and --passphrase-fd, of which one may be given.
void AddPassphraseOptions(CLI::App* command, PassphraseSource* source);
// Empty when no source was given.
absl::StatusOr<std::string> ReadPassphrase(const PassphraseSource& source);

// "v0.1.0" and how it was built, as `kiln version` prints it.
nlohmann::ordered_json BuildInformation();

// One function per subcommand, in the file of its name. `app` and `context` outlive the parsing.
void AddTestnetCommand(CLI::App& app, CommandContext& context);
void AddInitCommand(CLI::App& app, CommandContext& context);
void AddKeysCommand(CLI::App& app, CommandContext& context);
void AddNodeCommand(CLI::App& app, CommandContext& context);
void AddStatusCommand(CLI::App& app, CommandContext& context);
void AddKvCommand(CLI::App& app, CommandContext& context);
void AddBlockCommand(CLI::App& app, CommandContext& context);
void AddTxCommand(CLI::App& app, CommandContext& context);
void AddLedgerCommand(CLI::App& app, CommandContext& context);
void AddSnapshotCommand(CLI::App& app, CommandContext& context);
void AddSafetyCommand(CLI::App& app, CommandContext& context);
void AddRecoverCommand(CLI::App& app, CommandContext& context);
void AddBenchCommand(CLI::App& app, CommandContext& context);
void AddSimCommand(CLI::App& app, CommandContext& context);
void AddVersionCommand(CLI::App& app, CommandContext& context);

// Everything but the process: parses `argv`, runs the subcommand, returns the exit status.
int RunCommandLine(int argc, const char* const* argv);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_COMMAND_H_
