// kiln ledger repair: puts damaged blocks back, from a validator that proves them.
#include "tools/ledger_repair.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/signing.h"
#include "crypto/ed25519.h"
#include "network/proved_block.h"
#include "storage/application_rollback.h"
#include "storage/chain_verifier.h"
#include "storage/checkpoint_folders.h"
#include "storage/ledger_rebuild.h"
#include "storage/ledger_repair.h"
#include "tools/command.h"
#include "tools/describe_damage.h"
#include "tools/folder_swap.h"
#include "tools/ledger_subcommands.h"
#include "tools/offline_home.h"
#include "tools/progress.h"

namespace kiln::tools {
namespace {

using storage::CheckpointFolders;
using storage::LedgerAudit;
using storage::LedgerPart;
using storage::RocksDb;

// One repair: what it found, and what it did. Not thread-safe.
class Repair {
 public:
  Repair(const RepairArguments& arguments, OfflineHome home)
      : arguments_(arguments), home_(std::move(home)) {}

  // Looks, fetches and checks; writes only if asked to.
  absl::Status Run();
  void Print() const;
  void PrintAfter() const;
  void PrintAsJson() const;
  absl::Status Verdict() const;

 private:
  absl::Status Look();
  absl::Status MendInPlace();
  absl::Status MendInACopy();
  absl::Status CopyAndMend(RocksDb* copy);
  absl::Status FetchInto(RocksDb* database);
  bool HasDamagedGenesis() const {
    return std::any_of(
        before_.damage.begin(), before_.damage.end(),
        [](const storage::Damage& damage) { return damage.height == std::optional(Height{0}); });
  }
  std::string CopyDir() const { return home_.data_dir + ".repaired"; }
  std::string DamagedDir() const { return home_.data_dir + ".damaged"; }

  const RepairArguments& arguments_;
  const OfflineHome home_;
  std::shared_ptr<RocksDb> database_;
  LedgerAudit before_;
  absl::Status tables_;  // DataLoss when a file of the database cannot be read to its end
  std::vector<Height> heights_;
  bool is_hopeless_ = false;  // nothing here mends it
  bool needs_copy_ = false;   // into a new folder
  std::optional<LedgerAudit> after_;
};

absl::Status Repair::Run() {
  KILN_RETURN_IF_ERROR(Look());
  if (is_hopeless_) return absl::OkStatus();
  if (!arguments_.yes || (before_.good() && !needs_copy_)) return FetchInto(nullptr);
  const absl::Status mended = needs_copy_ ? MendInACopy() : MendInPlace();
  database_.reset();
  return mended;
}

absl::Status Repair::Look() {
  KILN_ASSIGN_OR_RETURN(database_, OpenOffline(home_, storage::Access::kReadOnly));
  KILN_ASSIGN_OR_RETURN(before_, AuditWithProgress(home_.home, *database_, home_.genesis));
  heights_ = storage::HeightsToRepair(before_);
  tables_ = database_->CheckTables();
  // What was signed nobody else knows; a state whose first blocks are gone cannot be made again.
  is_hopeless_ = before_.HasDamaged(LedgerPart::kSafety) ||
                 (before_.lowest.value > 1 && (before_.HasDamaged(LedgerPart::kState) ||
                                               before_.HasDamaged(LedgerPart::kResults)));
  needs_copy_ = !tables_.ok() || before_.HasDamaged(LedgerPart::kMetadata) || HasDamagedGenesis();
  return absl::OkStatus();
}

// Each height is fetched and checked against the ledger; and written into `database`, unless that
// is null.
absl::Status Repair::FetchInto(RocksDb* database) {
  if (heights_.empty()) return absl::OkStatus();
  ClientOptions options;
  options.genesis = home_.genesis;
  options.endpoints = arguments_.from;
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<network::BlockSource> source,
                        network::BlockSource::Create(options));
  const consensus::Ed25519Verifier signatures;
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ChainVerifier> verifier,
                        storage::ChainVerifier::Create(home_.genesis, &signatures));
  Progress progress("fetching", heights_.size(), StderrIsTerminal());
  for (const Height height : heights_) {
    const std::string where = absl::StrCat("height ", height.value);
    const absl::StatusOr<network::ProvedBlock> proved = source->Get(height.value);
    if (!proved.ok()) return Annotate(proved.status(), where);
    const absl::Status done =
        database != nullptr
            ? storage::PutBlockBack(*proved->block, proved->finality, before_.committed,
                                    home_.genesis, verifier.get(), database)
            : storage::CheckPutBack(*proved->block, proved->finality, before_.committed,
                                    home_.genesis, verifier.get(), *database_);
    if (!done.ok()) return Annotate(done, where);
    progress.Advance();
  }
  return absl::OkStatus();
}

absl::Status Repair::MendInPlace() {
  database_.reset();
  KILN_ASSIGN_OR_RETURN(database_, OpenOffline(home_, storage::Access::kReadWrite));
  KILN_RETURN_IF_ERROR(FetchInto(database_.get()));
  KILN_ASSIGN_OR_RETURN(after_, AuditWithProgress(home_.home, *database_, home_.genesis));
  return absl::OkStatus();
}

// A file that cannot be read stays so, whatever is written over its values: sooner or later the
// database has to read it. So the folder is made anew.
absl::Status Repair::MendInACopy() {
  for (const std::string& dir : {CopyDir(), DamagedDir()}) {
    std::error_code error;
    if (!std::filesystem::exists(dir, error) && !error) continue;
    return absl::AlreadyExistsError(
        absl::StrCat(dir, ": is in the way, from an earlier repair: remove or rename it first"));
  }
  KILN_ASSIGN_OR_RETURN(
      std::shared_ptr<RocksDb> copy,
      storage::OpenRocksDbDatabase(CopyDir(), storage::Access::kReadWrite, /*env=*/nullptr));
  absl::Status copied = CopyAndMend(copy.get());
  copy.reset();
  if (copied.ok()) {
    copied = CheckpointFolders(CopyDir()).LinkFrom(CheckpointFolders(home_.data_dir));
  }
  std::error_code error;
  if (!copied.ok() || !after_->good()) {
    std::filesystem::remove_all(CopyDir(), error);
    return copied;
  }
  KILN_RETURN_IF_ERROR(ExchangeFolders(home_.data_dir, CopyDir()));
  std::filesystem::rename(CopyDir(), DamagedDir(), error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("repaired, but the damaged folder is still ", CopyDir(), ": ", error.message()));
}

absl::Status Repair::CopyAndMend(RocksDb* copy) {
  KILN_RETURN_IF_ERROR(storage::CopyReadable(*database_, home_.genesis, copy));
  KILN_RETURN_IF_ERROR(FetchInto(copy));
  if (before_.HasDamaged(LedgerPart::kResults) || before_.HasDamaged(LedgerPart::kState) ||
      before_.HasDamaged(LedgerPart::kMetadata)) {
    KILN_RETURN_IF_ERROR(storage::RollBackApplication(home_.genesis, copy));
  }
  KILN_ASSIGN_OR_RETURN(after_, AuditWithProgress(home_.home, *copy, home_.genesis));
  return absl::OkStatus();
}

absl::Status Repair::Verdict() const {
  if (after_.has_value()) return AuditVerdict(*after_, arguments_.home);
  const bool can_mend = !is_hopeless_ && (!heights_.empty() || needs_copy_);
  return can_mend ? absl::OkStatus() : AuditVerdict(before_, arguments_.home);
}

void Repair::PrintAsJson() const {
  nlohmann::ordered_json heights = nlohmann::ordered_json::array();
  for (const Height height : heights_) heights.push_back(height.value);
  const LedgerAudit& after = after_.has_value() ? *after_ : before_;
  PrintJson({{"home", arguments_.home},
             {"damage", DamageJson(before_)},
             {"damaged_table", std::string(tables_.message())},
             {"heights", std::move(heights)},
             {"written", after_.has_value() && (!needs_copy_ || after_->good())},
             {"damage_left", DamageJson(after)},
             {"executed_height", after.executed.value},
             {"good", after.good()}});
}

void Repair::Print() const {
  std::printf("%s: %zu damaged\n", arguments_.home.c_str(), before_.damage.size());
  PrintDamage(before_);
  if (is_hopeless_) return;
  if (!heights_.empty()) {
    std::printf("%zu blocks fetched, each proved by its certificates\n", heights_.size());
  }
  if (needs_copy_) {
    std::printf("The folder is made anew%s\n",
                tables_.ok() ? "" : absl::StrCat(": ", tables_.message()).c_str());
  }
  if (after_.has_value()) return PrintAfter();
  if (heights_.empty() && !needs_copy_) {
    std::printf("There is no block to put back\n");
  } else {
    std::printf("%s\n", kDryRunNote);
  }
}

void Repair::PrintAfter() const {
  const bool is_written = !needs_copy_ || after_->good();
  std::printf("%s, and verified again: %zu damaged\n", is_written ? "Written" : "Copied",
              after_->damage.size());
  PrintDamage(*after_);
  if (!is_written) {
    std::printf("The copy is not whole either and was removed: nothing was changed\n");
    return;
  }
  if (after_->executed < before_.executed || (needs_copy_ && after_->executed.value == 0)) {
    std::printf("The next start executes blocks 1 to %llu again\n",
                static_cast<unsigned long long>(after_->committed.value));
  }
  if (needs_copy_) std::printf("The damaged folder is kept as %s\n", DamagedDir().c_str());
}

}  // namespace

absl::Status RunLedgerRepair(const RepairArguments& arguments) {
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  KILN_ASSIGN_OR_RETURN(OfflineHome home, ReadOfflineHome(arguments.home));
  Repair repair(arguments, std::move(home));
  KILN_RETURN_IF_ERROR(repair.Run());
  if (arguments.json) {
    repair.PrintAsJson();
  } else {
    repair.Print();
  }
  return repair.Verdict();
}

CLI::Option* AddRepairSourceOption(CLI::App* command, std::vector<std::string>* from) {
  return command
      ->add_option("--from", *from,
                   "HOST:PORT of a validator's client service; may be given several times")
      ->type_name("HOST:PORT");
}

void AddLedgerRepair(CLI::App* ledger, CommandContext& context) {
  auto arguments = std::make_shared<RepairArguments>();
  CLI::App* command = ledger->add_subcommand(
      "repair", "Fetch damaged blocks of a stopped node from a validator and put them back");
  AddOfflineHomeOption(command, &arguments->home);
  AddRepairSourceOption(command, &arguments->from)->required();
  AddYesOption(command, &arguments->yes);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Mends index entries, blocks, payloads and certificates: all that `kiln ledger verify` "
      "names\n"
      "with a height, but for results. Nobody is believed: each block comes with a proof that is\n"
      "checked against the genesis. Where a whole table cannot be read, what is left is copied "
      "into\n"
      "a new folder, which takes the old one's place; results and state are then made again by\n"
      "executing all blocks. A damaged safety record is mended by nothing.\n"
      "Verifies everything again at the end; exit status 1 when something is still damaged.\n\n"
      "Example: kiln ledger repair --home net/validator-0 --from 127.0.0.1:26611\n"
      "         kiln ledger repair --home net/validator-0 --from 127.0.0.1:26611 --yes");
  SetAction(command, context, [arguments] { return RunLedgerRepair(*arguments); });
}

}  // namespace kiln::tools
