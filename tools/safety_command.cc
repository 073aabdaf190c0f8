// kiln safety show | export | import
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/ed25519.h"
#include "node/files.h"
#include "storage/ledger_reader.h"
#include "storage/safety_raise.h"
#include "tools/command.h"
#include "tools/describe_safety.h"
#include "tools/offline_home.h"
#include "tools/own_record.h"
#include "tools/safety_file.h"

namespace kiln::tools {
namespace {

using consensus::SafetyRecord;

struct SafetyArguments {
  std::string home;
  std::string output;
  std::string from;
  bool yes = false;
  bool json = false;
};

absl::StatusOr<SafetyRecord> ReadStored(const storage::Database& database,
                                        const OfflineHome& home) {
  return storage::LedgerReader(&database, home.genesis.limits).Safety();
}

absl::Status ShowSafety(const SafetyArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(const auto database, OpenOffline(home, storage::Access::kReadOnly));
  KILN_ASSIGN_OR_RETURN(const SafetyRecord record, ReadStored(*database, home));
  if (arguments.json) {
    PrintJson(SafetyJson(record));
  } else {
    PrintSafety(record);
  }
  return absl::OkStatus();
}

absl::Status ExportSafety(const SafetyArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(const OwnKey key, ReadOwnKey(home));
  KILN_ASSIGN_OR_RETURN(const auto database, OpenOffline(home, storage::Access::kReadOnly));
  KILN_ASSIGN_OR_RETURN(const SafetyRecord record, ReadStored(*database, home));
  KILN_RETURN_IF_ERROR(Annotate(
      storage::CheckRecordOf(key.index, record, home.genesis, consensus::Ed25519Verifier()),
      home.data_dir));
  KILN_RETURN_IF_ERROR(
      node::WriteNewFile(arguments.output, SafetyFileText({.chain_id = home.genesis.ChainId(),
                                                           .consensus_key = key.consensus_key,
                                                           .record = record})));
  KILN_RETURN_IF_ERROR(node::SyncParentOf(arguments.output));
  if (arguments.json) {
    nlohmann::ordered_json json = SafetyJson(record);
    json["file"] = arguments.output;
    PrintJson(json);
    return absl::OkStatus();
  }
  std::printf("%s: signed up to round %llu. It is out of date as soon as the node runs again\n",
              arguments.output.c_str(),
              static_cast<unsigned long long>(record.last_voted_round.value));
  return absl::OkStatus();
}

// A file may be older than what the key signed last, and only a record that is there can be raised:
// in the place of one that is lost it could let the validator sign twice.
absl::StatusOr<SafetyRecord> StoredToRaise(const storage::Database& database,
                                           const OfflineHome& home) {
  absl::StatusOr<SafetyRecord> stored = ReadStored(database, home);
  if (stored.ok()) return stored;
  return absl::FailedPreconditionError(absl::StrCat(
      home.data_dir, ": there is no record to raise (", stored.status().message(),
      "): a file cannot take its place, because the key may have signed later; restore the folder "
      "from a copy of this validator's newest state, or run `kiln recover`"));
}

void PrintImport(const SafetyArguments& arguments, const SafetyRecord& stored,
                 const SafetyRecord& raised) {
  const bool changes = stored != raised;
  if (arguments.json) {
    PrintJson({{"changes", changes},
               {"written", changes && arguments.yes},
               {"before", SafetyJson(stored)},
               {"after", SafetyJson(raised)}});
    return;
  }
  std::printf("Before\n");
  PrintSafety(stored);
  if (!changes) {
    std::printf("\nThe record knows all that is in the file: it stays as it is\n");
    return;
  }
  std::printf("\nAfter\n");
  PrintSafety(raised);
  std::printf("\n%s\n", arguments.yes ? "Written" : kDryRunNote);
}

absl::Status ImportSafety(const SafetyArguments& arguments) {
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(const OwnKey key, ReadOwnKey(home));
  KILN_ASSIGN_OR_RETURN(const SafetyRecord by, ReadOwnRecord(arguments.from, home, key));
  KILN_ASSIGN_OR_RETURN(
      const auto database,
      OpenOffline(home, arguments.yes ? storage::Access::kReadWrite : storage::Access::kReadOnly));
  KILN_ASSIGN_OR_RETURN(const SafetyRecord stored, StoredToRaise(*database, home));
  KILN_ASSIGN_OR_RETURN(const SafetyRecord raised, storage::RaiseSafetyRecord(stored, by));
  if (stored != raised) {
    KILN_RETURN_IF_ERROR(storage::CheckReplacement(*database, home.genesis, key.index, raised));
    if (arguments.yes) {
      KILN_RETURN_IF_ERROR(storage::ReplaceSafetyRecord(database.get(), raised));
    }
  }
  PrintImport(arguments, stored, raised);
  return absl::OkStatus();
}

}  // namespace

void AddSafetyCommand(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<SafetyArguments>();
  CLI::App* safety = app.add_subcommand(
      "safety", "What a stopped node's validator signed: show it, carry it to another folder");
  safety->require_subcommand(1);

  CLI::App* show = safety->add_subcommand("show", "Print the safety record");
  AddOfflineHomeOption(show, &arguments->home);
  AddJsonOption(show, &arguments->json);
  show->footer("Example: kiln safety show --home net/validator-0 --json");
  SetAction(show, context, [arguments] { return ShowSafety(*arguments); });

  CLI::App* save = safety->add_subcommand(
      "export", "Write the safety record to a file, bound to chain and consensus key");
  AddOfflineHomeOption(save, &arguments->home);
  save->add_option("--output", arguments->output, "File to make; must not exist")->required();
  AddJsonOption(save, &arguments->json);
  save->footer(
      "The file holds no secrets. It is good until the node runs again: what it signs after that\n"
      "is not in it.\n\n"
      "Example: kiln safety export --home net/validator-0 --output validator-0.safety");
  SetAction(save, context, [arguments] { return ExportSafety(*arguments); });

  CLI::App* import = safety->add_subcommand(
      "import", "Raise the safety record by what a file knows; it is never lowered");
  AddOfflineHomeOption(import, &arguments->home);
  import->add_option("--from", arguments->from, "File that `kiln safety export` wrote")->required();
  AddYesOption(import, &arguments->yes);
  AddJsonOption(import, &arguments->json);
  import->footer(
      "Refused: a file of another chain or key, a home without a record, and a file whose last\n"
      "vote is for a block that the ledger neither has nor has decided without.\n\n"
      "Example: kiln safety import --home net/validator-0 --from validator-0.safety --yes");
  SetAction(import, context, [arguments] { return ImportSafety(*arguments); });
}

}  // namespace kiln::tools
