// kiln ledger compact: the same ledger in fewer bytes.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/command.h"
#include "tools/folder_bytes.h"
#include "tools/ledger_subcommands.h"
#include "tools/offline_home.h"

namespace kiln::tools {
namespace {

struct CompactArguments {
  std::string home;
  bool yes = false;
  bool json = false;
};

void PrintCompaction(const CompactArguments& arguments, uint64_t before, uint64_t after) {
  if (arguments.json) {
    nlohmann::ordered_json json = {{"home", arguments.home}, {"bytes_before", before}};
    if (arguments.yes) json["bytes_after"] = after;
    json["written"] = arguments.yes;
    PrintJson(json);
    return;
  }
  PrintField("before", absl::StrCat(before, " bytes"));
  if (arguments.yes) {
    PrintField("after", absl::StrCat(after, " bytes"));
  } else {
    PrintField("needs", absl::StrCat("up to ", before, " bytes of free space while it runs"));
    std::printf("%s\n", kDryRunNote);
  }
}

absl::Status Compact(const CompactArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(
      auto database,
      OpenOffline(home, arguments.yes ? storage::Access::kReadWrite : storage::Access::kReadOnly));
  KILN_ASSIGN_OR_RETURN(const uint64_t before, LedgerBytesIn(home.data_dir));
  if (arguments.yes) {
    KILN_RETURN_IF_ERROR(Annotate(database->Compact(), home.data_dir));
    database.reset();  // removes the files that are no longer needed
  }
  KILN_ASSIGN_OR_RETURN(const uint64_t after, LedgerBytesIn(home.data_dir));
  PrintCompaction(arguments, before, after);
  return absl::OkStatus();
}

}  // namespace

void AddLedgerCompact(CLI::App* ledger, CommandContext& context) {
  auto arguments = std::make_shared<CompactArguments>();
  CLI::App* command = ledger->add_subcommand(
      "compact", "Write a stopped node's tables anew, without what was deleted or overwritten");
  AddOfflineHomeOption(command, &arguments->home);
  AddYesOption(command, &arguments->yes);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Nothing of the ledger, the state or the safety record changes. A running node does the "
      "same\n"
      "bit by bit; this is for a folder that has to become small now. It reads every table, so it\n"
      "fails where one is damaged, and then changes nothing of that family.\n\n"
      "Example: kiln ledger compact --home net/validator-0 --yes");
  SetAction(command, context, [arguments] { return Compact(*arguments); });
}

}  // namespace kiln::tools
