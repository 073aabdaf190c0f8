// kiln ledger import: blocks from a file into a stopped node's folder.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/signing.h"
#include "crypto/ed25519.h"
#include "storage/chain_import.h"
#include "storage/ledger_store.h"
#include "tools/command.h"
#include "tools/ledger_subcommands.h"
#include "tools/offline_home.h"
#include "tools/own_record.h"
#include "tools/progress.h"

namespace kiln::tools {
namespace {

struct ImportArguments {
  std::string home;
  std::string file;
  bool yes = false;
  bool json = false;
};

// None for a home without a key, from which nobody can sign.
absl::StatusOr<std::optional<ValidatorIndex>> OwnIndex(const OfflineHome& home) {
  std::error_code error;
  if (!std::filesystem::exists(home.consensus_key_file, error) && !error) {
    return std::optional<ValidatorIndex>();
  }
  KILN_ASSIGN_OR_RETURN(const OwnKey key, ReadOwnKey(home));
  return std::optional<ValidatorIndex>(key.index);
}

// Null when there is no ledger yet and none is to be made.
absl::StatusOr<std::unique_ptr<storage::Store>> OpenTarget(const OfflineHome& home, bool write) {
  if (write) {
    KILN_ASSIGN_OR_RETURN(
        std::shared_ptr<storage::RocksDb> database,
        storage::OpenRocksDbDatabase(home.data_dir, storage::Access::kReadWrite, nullptr));
    return storage::OpenStore(std::move(database), home.genesis, /*read_only=*/false);
  }
  absl::StatusOr<std::unique_ptr<storage::Store>> store = OpenOfflineStore(home);
  if (absl::IsNotFound(store.status())) return nullptr;
  return store;
}

absl::StatusOr<storage::ImportedChain> RunImport(const ImportArguments& arguments,
                                                 const OfflineHome& home,
                                                 const std::optional<ValidatorIndex>& self,
                                                 bool write) {
  std::ifstream input(arguments.file, std::ios::binary);
  if (!input) {
    return absl::NotFoundError(absl::StrCat(arguments.file, ": ", std::strerror(errno)));
  }
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, OpenTarget(home, write));
  const consensus::Ed25519Verifier signatures;
  std::unique_ptr<Progress> progress;
  Height reached;
  const auto show = [&](Height height, Height last) {
    if (progress == nullptr) {
      reached = Height{0};
      progress = std::make_unique<Progress>(write ? "writing" : "checking", last.value,
                                            StderrIsTerminal());
    }
    progress->Advance(height.value - reached.value);
    reached = height;
  };
  absl::StatusOr<storage::ImportedChain> imported = storage::ImportChain({.genesis = &home.genesis,
                                                                          .signatures = &signatures,
                                                                          .self = self,
                                                                          .store = store.get(),
                                                                          .write = write},
                                                                         &input, show);
  if (!imported.ok()) return Annotate(imported.status(), arguments.file);
  return imported;
}

void PrintImport(const ImportArguments& arguments, const storage::ImportedChain& imported) {
  const bool changes = imported.blocks_added > 0;
  if (arguments.json) {
    PrintJson({{"file", arguments.file},
               {"first_height", imported.file.first.value},
               {"last_height", imported.file.last.value},
               {"committed_height_before", imported.before.value},
               {"committed_height_after", imported.after.value},
               {"blocks_added", imported.blocks_added},
               {"transactions_added", imported.transactions_added},
               {"written", changes && arguments.yes}});
    return;
  }
  PrintField("file", absl::StrCat("blocks ", imported.file.first.value, " to ",
                                  imported.file.last.value, ", all certified and in order"));
  PrintField("ledger", absl::StrCat("height ", imported.before.value, " before, ",
                                    imported.after.value, " after"));
  PrintField("added", absl::StrCat(imported.blocks_added, " blocks, ", imported.transactions_added,
                                   " transactions"));
  if (!changes) {
    std::printf("The ledger has all of it: nothing was changed\n");
    return;
  }
  std::printf("%s\n", arguments.yes ? "Written: the node executes these blocks when it starts"
                                    : kDryRunNote);
}

// All of the file is checked before anything is written, and each block once more when it is.
absl::Status Import(const ImportArguments& arguments) {
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(const std::optional<ValidatorIndex> self, OwnIndex(home));
  KILN_ASSIGN_OR_RETURN(storage::ImportedChain imported,
                        RunImport(arguments, home, self, /*write=*/false));
  if (arguments.yes && imported.blocks_added > 0) {
    KILN_ASSIGN_OR_RETURN(imported, RunImport(arguments, home, self, /*write=*/true));
  }
  PrintImport(arguments, imported);
  return absl::OkStatus();
}

}  // namespace

void AddLedgerImport(CLI::App* ledger, CommandContext& context) {
  auto arguments = std::make_shared<ImportArguments>();
  CLI::App* command = ledger->add_subcommand(
      "import", "Append the blocks of a file to a stopped node's ledger, or begin one with them");
  command->add_option("file", arguments->file, "File that `kiln ledger export` wrote")
      ->required()
      ->type_name("FILE");
  AddOfflineHomeOption(command, &arguments->home);
  AddYesOption(command, &arguments->yes);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Every hash, link and certificate in the file is checked against the genesis before "
      "anything\n"
      "is written. Only what is above the committed height is added; what is there must be the\n"
      "same. The safety record learns the highest certificate; nothing in it is lowered.\n"
      "Refused: a file of another chain, one that begins above the ledger's end, and blocks with\n"
      "signatures of this home's key that its safety record does not know: such a folder is not\n"
      "the newest of its validator, and would let it sign twice.\n\n"
      "Example: kiln ledger import net.chain --home net/validator-3\n"
      "         kiln ledger import net.chain --home net/validator-3 --yes");
  SetAction(command, context, [arguments] { return Import(*arguments); });
}

}  // namespace kiln::tools
