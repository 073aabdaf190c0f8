// kiln ledger verify, and the list of the others
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/ed25519.h"
#include "kiln/genesis.h"
#include "storage/ledger_audit.h"
#include "storage/ledger_store.h"
#include "tools/command.h"
#include "tools/describe_damage.h"
#include "tools/ledger_repair.h"
#include "tools/ledger_subcommands.h"
#include "tools/offline_home.h"

namespace kiln::tools {
namespace {

struct VerifyArguments {
  std::string home;
  std::vector<std::string> against;
  bool repair = false;
  std::vector<std::string> from;
  bool json = false;
};

// One home's ledger, open and audited.
struct VerifiedLedger {
  std::string home;
  Hash chain_id;
  std::unique_ptr<storage::Store> store;  // null when it is bad
  storage::LedgerAudit audit;
};

absl::StatusOr<VerifiedLedger> OpenAndAudit(const std::string& home) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome offline, ReadOfflineHome(home));
  KILN_ASSIGN_OR_RETURN(const std::shared_ptr<storage::RocksDb> database,
                        OpenOffline(offline, storage::Access::kReadOnly));
  VerifiedLedger ledger{
      .home = home, .chain_id = offline.genesis.ChainId(), .store = nullptr, .audit = {}};
  KILN_ASSIGN_OR_RETURN(ledger.audit, AuditWithProgress(home, *database, offline.genesis));
  if (!ledger.audit.good()) return ledger;
  // What was deleted or overwritten is in a table still, and a start may have to read past it.
  if (const absl::Status tables = database->CheckTables(); absl::IsDataLoss(tables)) {
    return absl::DataLossError(
        absl::StrCat(tables.message(),
                     ": nothing that counts is in it, but it must go: kiln ledger "
                     "repair --home ",
                     home, " --from HOST:PORT makes the folder anew, and asks nobody"));
  }
  KILN_ASSIGN_OR_RETURN(ledger.store,
                        storage::OpenStore(database, offline.genesis, /*read_only=*/true));
  KILN_RETURN_IF_ERROR(storage::AuditSnapshots(*ledger.store, offline.genesis, &ledger.audit));
  return ledger;
}

absl::Status DescribeDifference(const storage::LedgerComparison& comparison,
                                const VerifiedLedger& a, const VerifiedLedger& b) {
  if (comparison.first_block_difference.has_value()) {
    return absl::DataLossError(absl::StrCat(a.home, " and ", b.home,
                                            " hold different blocks from height ",
                                            comparison.first_block_difference->value, " on"));
  }
  return absl::DataLossError(absl::StrCat(a.home, " and ", b.home,
                                          " hold the same blocks, but different state from height ",
                                          comparison.first_state_difference->value, " on"));
}

absl::Status CompareWithFirst(const VerifiedLedger& first, const VerifiedLedger& other) {
  if (first.chain_id != other.chain_id) {
    return absl::FailedPreconditionError(
        absl::StrCat(first.home, " and ", other.home, " are of different chains (",
                     first.chain_id.Short(), " and ", other.chain_id.Short(), ")"));
  }
  const absl::StatusOr<storage::LedgerComparison> comparison =
      storage::CompareLedgers(*first.store, *other.store);
  if (!comparison.ok()) return Annotate(comparison.status(), other.home);
  if (comparison->same()) return absl::OkStatus();
  return DescribeDifference(*comparison, first, other);
}

nlohmann::ordered_json LedgerJson(const VerifiedLedger& ledger) {
  return {{"home", ledger.home},
          {"chain_id", ledger.chain_id.ToHex()},
          {"lowest_height", ledger.audit.lowest.value},
          {"height", ledger.audit.committed.value},
          {"transactions", ledger.audit.transactions},
          {"head", ledger.audit.head_id.ToHex()},
          {"executed_height", ledger.audit.executed.value},
          {"state_root", ledger.audit.state_root.ToHex()},
          {"blocks_checked", ledger.audit.blocks_checked},
          {"certificates_checked", ledger.audit.certificates},
          {"snapshots_checked", ledger.audit.snapshots},
          {"starts", ledger.audit.start.ok()},
          {"damage", DamageJson(ledger.audit)}};
}

void PrintLedger(const VerifiedLedger& ledger) {
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%s: %llu blocks, %llu certificates and %llu snapshots checked\n",
              ledger.home.c_str(), number(ledger.audit.blocks_checked),
              number(ledger.audit.certificates), number(ledger.audit.snapshots));
  if (ledger.audit.lowest.value > 1) {
    std::printf("  pruned       below height %llu\n", number(ledger.audit.lowest.value));
  }
  std::printf("  height       %llu\n", number(ledger.audit.committed.value));
  std::printf("  transactions %llu\n", number(ledger.audit.transactions));
  std::printf("  head         %s\n", ledger.audit.head_id.ToHex().c_str());
  std::printf("  state root   %s at height %llu\n", ledger.audit.state_root.ToHex().c_str(),
              number(ledger.audit.executed.value));
  PrintDamage(ledger.audit);
}

std::string GoodVerdict(const std::vector<VerifiedLedger>& ledgers) {
  uint64_t height = ledgers.front().audit.committed.value;
  uint64_t executed = ledgers.front().audit.executed.value;
  uint64_t lowest = 1;
  for (const VerifiedLedger& ledger : ledgers) {
    height = std::min(height, ledger.audit.committed.value);
    executed = std::min(executed, ledger.audit.executed.value);
    lowest = std::max(lowest, ledger.audit.lowest.value);
  }
  const std::string from = lowest == 1 ? "" : absl::StrCat("from height ", lowest, " ");
  if (ledgers.size() == 1) {
    return absl::StrCat("Good: every block ", from, "up to height ", height,
                        " is whole, certified and in order");
  }
  return absl::StrCat("Good: all ", ledgers.size(), " ledgers hold the same blocks ", from,
                      "up to height ", height, " and the same state up to height ", executed);
}

// Audits one ledger after the other, so that the first that is bad is named and the rest is
// skipped.
absl::Status AuditAll(const VerifyArguments& arguments, std::vector<VerifiedLedger>& ledgers) {
  std::vector<std::string> homes = arguments.against;
  homes.insert(homes.begin(), arguments.home);
  for (const std::string& home : homes) {
    absl::StatusOr<VerifiedLedger> ledger = OpenAndAudit(home);
    if (!ledger.ok()) return Annotate(ledger.status(), home);
    if (!arguments.json) PrintLedger(*ledger);
    ledgers.push_back(*std::move(ledger));
    const absl::Status verdict = AuditVerdict(ledgers.back().audit, home);
    if (!verdict.ok()) return Annotate(verdict, home);
    KILN_RETURN_IF_ERROR(CompareWithFirst(ledgers.front(), ledgers.back()));
  }
  return absl::OkStatus();
}

absl::Status Verify(const VerifyArguments& arguments) {
  if (arguments.repair) {
    return RunLedgerRepair(
        {.home = arguments.home, .from = arguments.from, .yes = true, .json = arguments.json});
  }
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  std::vector<VerifiedLedger> ledgers;
  const absl::Status verified = AuditAll(arguments, ledgers);
  const std::string verdict =
      verified.ok() ? GoodVerdict(ledgers) : absl::StrCat("Bad: ", verified.message());
  if (!arguments.json) {
    if (verified.ok()) std::printf("%s\n", verdict.c_str());
    return verified;
  }
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const VerifiedLedger& ledger : ledgers) list.push_back(LedgerJson(ledger));
  PrintJson({{"good", verified.ok()}, {"verdict", verdict}, {"ledgers", std::move(list)}});
  return verified;
}

}  // namespace

void AddLedgerCommand(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* ledger = app.add_subcommand("ledger", "Look at and check the ledgers of stopped nodes");
  ledger->require_subcommand(1);
  CLI::App* verify = ledger->add_subcommand(
      "verify", "Check every hash, certificate and state root of a stopped node's ledger");
  AddOfflineHomeOption(verify, &arguments->home);
  CLI::Option* against = verify->add_option(
      "--against", arguments->against, "Folders of other validators, to be checked and compared");
  CLI::Option* repair = verify->add_flag(
      "--repair", arguments->repair,
      "Put back what is damaged, as `kiln ledger repair --yes` does: writes to the ledger");
  CLI::Option* from = AddRepairSourceOption(verify, &arguments->from);
  repair->needs(from)->excludes(against);
  from->needs(repair);
  AddJsonOption(verify, &arguments->json);
  verify->footer(
      "Reads only, unless --repair is given, and does not stop at the first damage: every block,\n"
      "certificate, index entry and result that is damaged or missing is named with its height.\n"
      "Exit status: 0 when everything holds, 1 when anything is damaged or differs.\n\n"
      "Example: kiln ledger verify --home net/validator-0 --against net/validator-1 "
      "net/validator-2\n"
      "         kiln ledger verify --home net/validator-0 --repair --from 127.0.0.1:26611");
  SetAction(verify, context, [arguments] { return Verify(*arguments); });
  AddLedgerInspect(ledger, context);
  AddLedgerExport(ledger, context);
  AddLedgerImport(ledger, context);
  AddLedgerRepair(ledger, context);
  AddLedgerPrune(ledger, context);
  AddLedgerCompact(ledger, context);
  AddLedgerRollback(ledger, context);
}

}  // namespace kiln::tools
