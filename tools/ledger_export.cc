// kiln ledger export: committed blocks of a stopped node as a file.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/chain_export.h"
#include "tools/command.h"
#include "tools/ledger_subcommands.h"
#include "tools/offline_home.h"
#include "tools/output_file.h"
#include "tools/progress.h"

namespace kiln::tools {
namespace {

struct ExportArguments {
  std::string home;
  std::string output;
  uint64_t from = 0;           // 0: the lowest that there is
  std::optional<uint64_t> to;  // none: as high as the chain itself proves
  bool head = false;
  bool json = false;
};

absl::StatusOr<storage::ChainEnd> ChooseEnd(const ExportArguments& arguments,
                                            const storage::Store& store) {
  if (arguments.head) return storage::HeadEnd(store);
  if (!arguments.to.has_value()) return storage::FindHighestEnd(store);
  const absl::StatusOr<storage::ChainEnd> end = storage::FindEnd(store, Height{*arguments.to});
  if (end.ok() || !absl::IsNotFound(end.status())) return end;
  return absl::NotFoundError(
      absl::StrCat(end.status().message(), ": leave --to out, or give --head for all there is"));
}

absl::Status CheckRange(uint64_t from, const std::optional<uint64_t>& to, Height lowest,
                        Height end) {
  if (from < lowest.value) return storage::PrunedError(Height{from}, lowest);
  if (to.has_value() && *to < from) {
    return absl::InvalidArgumentError(absl::StrCat("--from ", from, " is above --to ", *to));
  }
  if (from <= end.value) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--from ", from, " is above height ", end.value, ", the last that there is"));
}

void PrintExport(const ExportArguments& arguments, const storage::ChainEnd& end, uint64_t bytes,
                 Height committed) {
  if (arguments.json) {
    PrintJson({{"file", arguments.output},
               {"first_height", arguments.from},
               {"last_height", end.height.value},
               {"blocks", end.height.value - arguments.from + 1},
               {"bytes", bytes},
               {"committed_height", committed.value}});
    return;
  }
  std::printf("%s\n", absl::StrCat(arguments.output, ": blocks ", arguments.from, " to ",
                                   end.height.value, ", ", bytes, " bytes")
                          .c_str());
  if (end.height >= committed || arguments.to.has_value()) return;
  std::printf("%s\n", absl::StrCat("Heights ", end.height.value + 1, " to ", committed.value,
                                   " are committed, but their certificates are not in the chain "
                                   "yet: --head takes them along")
                          .c_str());
}

absl::Status Export(ExportArguments arguments) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, OpenOfflineStore(home));
  const Height lowest = store->base().lowest();
  if (arguments.from == 0) arguments.from = lowest.value;
  KILN_ASSIGN_OR_RETURN(const storage::ChainEnd end, ChooseEnd(arguments, *store));
  KILN_RETURN_IF_ERROR(CheckRange(arguments.from, arguments.to, lowest, end.height));
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file,
                        OutputFile::Create(arguments.output));
  const auto output = [&file](absl::string_view bytes) { return file->Write(bytes); };
  storage::ChainFileWriter writer(output);
  Progress progress("exporting", end.height.value - arguments.from + 1, StderrIsTerminal());
  KILN_RETURN_IF_ERROR(storage::ExportChain(*store, home.genesis.ChainId(), Height{arguments.from},
                                            end, &writer,
                                            [&progress](Height) { progress.Advance(); }));
  KILN_RETURN_IF_ERROR(file->Finish());
  PrintExport(arguments, end, writer.bytes(), store->committed_height());
  return absl::OkStatus();
}

}  // namespace

void AddLedgerExport(CLI::App* ledger, CommandContext& context) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command =
      ledger->add_subcommand("export", "Write committed blocks and their certificates to a file");
  AddOfflineHomeOption(command, &arguments->home);
  command->add_option("--output", arguments->output, "File to make; must not exist")->required();
  const CLI::Range heights(uint64_t{1}, UINT64_MAX);
  command
      ->add_option("--from", arguments->from,
                   "First height; the lowest that there is when left out")
      ->check(heights);
  CLI::Option* to = command->add_option(
      "--to", arguments->to, "Last height; the highest that the chain itself proves when left out");
  to->check(heights);
  command
      ->add_flag("--head", arguments->head,
                 "Up to the committed head, with the certificate that this node has for it")
      ->excludes(to);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Reads only. The file is bound to the chain, holds no secrets, and proves itself: whoever "
      "has\n"
      "the genesis can check it. Equal ranges give equal files on every validator, but for "
      "--head.\n"
      "A block that no child in the next round commits takes those above it along, up to one that\n"
      "is committed so: --to 12 may end at 13.\n\n"
      "Example: kiln ledger export --home net/validator-0 --output net.chain\n"
      "         kiln ledger export --home net/validator-0 --from 1000 --to 2000 --output "
      "part.chain");
  SetAction(command, context, [arguments] { return Export(*arguments); });
}

}  // namespace kiln::tools
