// kiln ledger prune: a stopped node's ledger without its oldest blocks.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/ledger_store.h"
#include "storage/pruning.h"
#include "tools/command.h"
#include "tools/folder_bytes.h"
#include "tools/ledger_subcommands.h"
#include "tools/offline_home.h"

namespace kiln::tools {
namespace {

constexpr size_t kHeightsPerStep = 4096;

struct PruneArguments {
  std::string home;
  uint64_t keep = 0;
  bool yes = false;
  bool json = false;
};

struct PruneOutcome {
  Height lowest_before;
  Height lowest_after;
  Height committed;
  uint64_t bytes_before = 0;
  uint64_t bytes_after = 0;
};

void PrintPrune(const PruneArguments& arguments, const PruneOutcome& outcome) {
  const uint64_t blocks = outcome.lowest_after.value - outcome.lowest_before.value;
  const uint64_t kept = outcome.committed.value - outcome.lowest_after.value + 1;
  if (arguments.json) {
    nlohmann::ordered_json json = {{"home", arguments.home},
                                   {"committed_height", outcome.committed.value},
                                   {"lowest_height_before", outcome.lowest_before.value},
                                   {"lowest_height_after", outcome.lowest_after.value},
                                   {"blocks_pruned", blocks},
                                   {"blocks_kept", kept},
                                   {"bytes_before", outcome.bytes_before}};
    if (arguments.yes) json["bytes_after"] = outcome.bytes_after;
    json["written"] = arguments.yes;
    PrintJson(json);
    return;
  }
  PrintField("blocks", absl::StrCat("from height ", outcome.lowest_before.value, " to ",
                                    outcome.committed.value));
  if (blocks == 0) {
    PrintField("pruned", "none: as many are asked for, or the snapshots need them");
  } else {
    PrintField("pruned", absl::StrCat(blocks, ", heights ", outcome.lowest_before.value, " to ",
                                      outcome.lowest_after.value - 1));
  }
  if (kept > arguments.keep) {
    PrintField("kept", absl::StrCat(kept, ", ", kept - arguments.keep,
                                    " more than asked for: the snapshots need them"));
  } else {
    PrintField("kept", absl::StrCat(kept));
  }
  PrintField("before", absl::StrCat(outcome.bytes_before, " bytes"));
  if (arguments.yes) {
    PrintField("after", absl::StrCat(outcome.bytes_after, " bytes"));
  } else {
    std::printf("%s\n", kDryRunNote);
  }
}

absl::Status DoPrune(const storage::PrunePlan& plan, storage::Store* store) {
  if (plan.lowest > store->base().lowest()) KILN_RETURN_IF_ERROR(store->Prune(plan));
  bool has_more = true;  // a node that was killed may have left some
  while (has_more) {
    KILN_ASSIGN_OR_RETURN(has_more, store->DeletePruned(plan, kHeightsPerStep));
  }
  return absl::OkStatus();
}

absl::Status Prune(const PruneArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(
      std::shared_ptr<storage::RocksDb> database,
      OpenOffline(home, arguments.yes ? storage::Access::kReadWrite : storage::Access::kReadOnly));
  PruneOutcome outcome;
  KILN_ASSIGN_OR_RETURN(outcome.bytes_before, LedgerBytesIn(home.data_dir));
  {
    KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store,
                          storage::OpenStore(std::move(database), home.genesis, !arguments.yes));
    KILN_ASSIGN_OR_RETURN(const storage::PrunePlan plan,
                          storage::PlanPrune(*store, home.genesis.limits, arguments.keep));
    outcome.lowest_before = store->base().lowest();
    outcome.lowest_after = plan.lowest;
    outcome.committed = store->committed_height();
    if (arguments.yes) {
      KILN_RETURN_IF_ERROR(Annotate(DoPrune(plan, store.get()), home.data_dir));
    }
  }  // closing removes the files that are no longer needed
  KILN_ASSIGN_OR_RETURN(outcome.bytes_after, LedgerBytesIn(home.data_dir));
  PrintPrune(arguments, outcome);
  return absl::OkStatus();
}

}  // namespace

void AddLedgerPrune(CLI::App* ledger, CommandContext& context) {
  auto arguments = std::make_shared<PruneArguments>();
  CLI::App* command =
      ledger->add_subcommand("prune", "Delete the oldest blocks of a stopped node's ledger");
  AddOfflineHomeOption(command, &arguments->home);
  command->add_option("--keep", arguments->keep, "How many of the newest blocks stay at least")
      ->required()
      ->check(CLI::Range(uint64_t{1}, static_cast<uint64_t>(INT64_MAX)));
  AddYesOption(command, &arguments->yes);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Blocks, certificates, results and index entries go; the state and the safety record stay "
      "as\n"
      "they are. What the snapshots need stays, however little is asked for, and so does all when\n"
      "no snapshot is certified yet: nobody could join from this validator then. What is pruned\n"
      "cannot be had back from this folder. A running node does the same with retention_blocks in\n"
      "kiln.toml. Space that a snapshot shares comes back when that snapshot is dropped.\n\n"
      "Example: kiln ledger prune --home net/validator-0 --keep 100000\n"
      "         kiln ledger prune --home net/validator-0 --keep 100000 --yes");
  SetAction(command, context, [arguments] { return Prune(*arguments); });
}

}  // namespace kiln::tools
