// kiln ledger rollback-application: the next start executes all blocks again.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/application_rollback.h"
#include "tools/command.h"
#include "tools/ledger_subcommands.h"
#include "tools/offline_home.h"

namespace kiln::tools {
namespace {

struct RollbackArguments {
  std::string home;
  bool yes = false;
  bool json = false;
};

void PrintRollback(const RollbackArguments& arguments, const storage::ApplicationRollback& plan,
                   uint64_t state_bytes) {
  if (arguments.json) {
    PrintJson({{"home", arguments.home},
               {"committed_height", plan.committed.value},
               {"executed_height_before", plan.executed.value},
               {"executed_height_after", 0},
               {"blocks_to_execute", plan.committed.value},
               {"state_bytes", state_bytes},
               {"written", arguments.yes}});
    return;
  }
  PrintField("ledger", absl::StrCat("height ", plan.committed.value,
                                    ": stays as it is, and so does ", "the safety record"));
  PrintField("state", absl::StrCat("of height ", plan.executed.value, ", ", state_bytes,
                                   " bytes with the results of all blocks: deleted"));
  PrintField("cost",
             absl::StrCat("the next start executes ", plan.committed.value,
                          " blocks again; until then the node answers from the state that it "
                          "has reached, and does not vote"));
  std::printf("%s\n", arguments.yes ? "Written: start the node with the corrected application"
                                    : kDryRunNote);
}

absl::Status Rollback(const RollbackArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(
      const auto database,
      OpenOffline(home, arguments.yes ? storage::Access::kReadWrite : storage::Access::kReadOnly));
  const absl::StatusOr<storage::ApplicationRollback> plan =
      storage::PlanRollback(*database, home.genesis);
  if (!plan.ok()) return Annotate(plan.status(), home.data_dir);
  uint64_t state_bytes = 0;
  for (const storage::Family family :
       {storage::Family::kApplicationState, storage::Family::kTransactionIndex}) {
    const storage::FamilySize size = database->SizeOf(family);
    state_bytes += size.table_bytes + size.blob_bytes + size.unflushed_bytes;
  }
  if (arguments.yes) {
    KILN_RETURN_IF_ERROR(storage::RollBackApplication(home.genesis, database.get()));
  }
  PrintRollback(arguments, *plan, state_bytes);
  return absl::OkStatus();
}

}  // namespace

void AddLedgerRollback(CLI::App* ledger, CommandContext& context) {
  auto arguments = std::make_shared<RollbackArguments>();
  CLI::App* command = ledger->add_subcommand(
      "rollback-application",
      "Set a stopped node's application state back to genesis, to execute all blocks again");
  AddOfflineHomeOption(command, &arguments->home);
  AddYesOption(command, &arguments->yes);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "For an application that was wrong on this machine, and for damaged state or results. The\n"
      "corrected application must give the results that a quorum has certified: a node whose\n"
      "results differ from them stops again, and names the height.\n\n"
      "Example: kiln ledger rollback-application --home net/validator-0\n"
      "         kiln ledger rollback-application --home net/validator-0 --yes");
  SetAction(command, context, [arguments] { return Rollback(*arguments); });
}

}  // namespace kiln::tools
