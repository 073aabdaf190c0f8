// kiln ledger inspect: what a stopped node's folder holds.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "storage/ledger_summary.h"
#include "tools/command.h"
#include "tools/describe_safety.h"
#include "tools/ledger_subcommands.h"
#include "tools/offline_home.h"
#include "tools/text_table.h"

namespace kiln::tools {
namespace {

using storage::LedgerSummary;

struct InspectArguments {
  std::string home;
  std::optional<uint64_t> height;  // none: the whole ledger
  bool json = false;
};

std::string TimeText(uint64_t time_us) {
  return absl::FormatTime(absl::FromUnixMicros(static_cast<int64_t>(time_us)), absl::UTCTimeZone());
}

// --- The whole ledger

uint64_t StoredBlocks(const LedgerSummary& summary) {
  if (!summary.committed.has_value() || !summary.lowest.has_value()) return 0;
  if (*summary.lowest > summary.committed->height) return 0;
  return summary.committed->height.value - summary.lowest->value + 1;
}

nlohmann::ordered_json SizesJson(const LedgerSummary& summary) {
  nlohmann::ordered_json families = nlohmann::ordered_json::array();
  for (size_t i = 0; i < storage::kFamilyCount; ++i) {
    const storage::FamilySize& size = summary.sizes[i];
    families.push_back({{"family", std::string(storage::kFamilyNames[i])},
                        {"keys", size.keys},
                        {"table_bytes", size.table_bytes},
                        {"blob_bytes", size.blob_bytes},
                        {"unflushed_bytes", size.unflushed_bytes}});
  }
  return families;
}

nlohmann::ordered_json SummaryJson(const OfflineHome& home, const LedgerSummary& summary) {
  nlohmann::ordered_json json = {{"home", home.home}, {"data_dir", home.data_dir}};
  json["starts"] = summary.start.ok();
  json["refusal"] = std::string(summary.start.message());
  if (summary.format.has_value()) json["format"] = *summary.format;
  if (summary.chain_id.has_value()) json["chain_id"] = summary.chain_id->ToHex();
  if (summary.committed.has_value()) {
    json["committed_height"] = summary.committed->height.value;
    json["committed_id"] = summary.committed->id.ToHex();
  }
  if (summary.executed.has_value()) {
    json["executed_height"] = summary.executed->height.value;
    json["state_root"] = summary.executed->Root().ToHex();
  }
  if (summary.lowest.has_value()) json["lowest_height"] = summary.lowest->value;
  json["committed_blocks"] = StoredBlocks(summary);
  if (summary.transactions.has_value()) json["transactions_executed"] = *summary.transactions;
  json["uncommitted"] = nlohmann::ordered_json::array();
  for (const storage::HeadRecord& block : summary.uncommitted) {
    json["uncommitted"].push_back({{"height", block.height.value}, {"id", block.id.ToHex()}});
  }
  if (summary.safety.has_value()) json["safety"] = SafetyJson(*summary.safety);
  json["families"] = SizesJson(summary);
  json["problems"] = summary.problems;
  return json;
}

void PrintSizes(const LedgerSummary& summary) {
  TextTable table({"family", "keys", "table bytes", "blob bytes", "unflushed bytes"});
  for (size_t i = 0; i < storage::kFamilyCount; ++i) {
    const storage::FamilySize& size = summary.sizes[i];
    table.Add({std::string(storage::kFamilyNames[i]), absl::StrCat(size.keys),
               absl::StrCat(size.table_bytes), absl::StrCat(size.blob_bytes),
               absl::StrCat(size.unflushed_bytes)});
  }
  std::printf("\n%s", table.Render().c_str());
}

void PrintChain(const LedgerSummary& summary) {
  if (summary.format.has_value()) PrintField("format", absl::StrCat(*summary.format));
  if (summary.chain_id.has_value()) PrintField("chain", summary.chain_id->ToHex());
  if (summary.committed.has_value()) {
    PrintField("committed", absl::StrCat("height ", summary.committed->height.value, ", block ",
                                         summary.committed->id.ToHex()));
  }
  if (summary.executed.has_value()) {
    PrintField("executed", absl::StrCat("height ", summary.executed->height.value, ", state root ",
                                        summary.executed->Root().ToHex()));
  }
  if (summary.lowest.has_value()) {
    PrintField("blocks", absl::StrCat(StoredBlocks(summary), " committed, from height ",
                                      summary.lowest->value, " on"));
  }
  for (const storage::HeadRecord& block : summary.uncommitted) {
    PrintField("uncommitted",
               absl::StrCat("height ", block.height.value, ", block ", block.id.ToHex()));
  }
  if (summary.transactions.has_value()) {
    PrintField("transactions", absl::StrCat(*summary.transactions, " executed"));
  }
}

void PrintSummary(const LedgerSummary& summary) {
  PrintChain(summary);
  if (summary.safety.has_value()) {
    std::printf("\nSafety record\n");
    PrintSafety(*summary.safety);
  }
  PrintSizes(summary);
  std::printf("\n");
  for (const std::string& problem : summary.problems) PrintField("damaged", problem);
  if (summary.start.ok()) PrintField("start", "a node starts from this");
}

// --- One height

nlohmann::ordered_json HeightJson(const storage::HeightSummary& summary) {
  const consensus::Header& header = summary.block->header;
  nlohmann::ordered_json json = {{"height", header.height.value},
                                 {"id", summary.block->id.ToHex()},
                                 {"epoch", header.epoch.value},
                                 {"round", header.round.value},
                                 {"parent_id", header.parent_id.ToHex()},
                                 {"parent_round", header.parent_round.value},
                                 {"justify_hash", header.justify_hash.ToHex()},
                                 {"payload_root", header.payload_root.ToHex()},
                                 {"executed_height", header.executed_height.value},
                                 {"state_root", header.state_root.ToHex()},
                                 {"time", TimeText(header.time_us)},
                                 {"proposer", header.proposer.value},
                                 {"payload_bytes", summary.block->payload->size()},
                                 {"transactions", summary.block->index->entries.size()}};
  json["certificate"] = {{"round", summary.block->justify.round.value},
                         {"block", summary.block->justify.block_id.ToHex()},
                         {"signers", summary.block->justify.signers.Count()}};
  json["final_by_height"] = summary.final_by.value;
  if (!summary.results.has_value()) return json;
  const storage::BlockResults& results = *summary.results;
  json["results"] = {{"state_root", results.state.Root().ToHex()},
                     {"application_root", results.state.application_root.ToHex()},
                     {"total_transactions", results.total_transactions}};
  json["results"]["reply_codes"] = nlohmann::ordered_json::array();
  for (const Reply& reply : results.replies) json["results"]["reply_codes"].push_back(reply.code);
  return json;
}

// How many of the replies were OK, "3 of 4".
std::string AcceptedText(const storage::BlockResults& results) {
  size_t accepted = 0;
  for (const Reply& reply : results.replies) accepted += reply.ok() ? 1 : 0;
  return absl::StrCat(accepted, " of ", results.replies.size());
}

void PrintHeight(const storage::HeightSummary& summary) {
  const consensus::Header& header = summary.block->header;
  PrintField("height", absl::StrCat(header.height.value, " (round ", header.round.value, ", epoch ",
                                    header.epoch.value, ")"));
  PrintField("id", summary.block->id.ToHex());
  PrintField("parent",
             absl::StrCat(header.parent_id.ToHex(), " (round ", header.parent_round.value, ")"));
  PrintField("payload", absl::StrCat(summary.block->index->entries.size(), " transactions, ",
                                     summary.block->payload->size(), " bytes, root ",
                                     header.payload_root.ToHex()));
  PrintField("names state",
             absl::StrCat(header.state_root.ToHex(), " at height ", header.executed_height.value));
  PrintField("time", TimeText(header.time_us));
  PrintField("proposer", absl::StrCat("validator ", header.proposer.value, " of the genesis"));
  PrintField("certificate", absl::StrCat("round ", summary.block->justify.round.value, ", ",
                                         summary.block->justify.signers.Count(), " signers"));
  PrintField("final by", absl::StrCat("the certificate of height ", summary.final_by.value));
  if (!summary.results.has_value()) return PrintField("results", "none: not executed yet");
  PrintField("results", absl::StrCat(AcceptedText(*summary.results), " accepted, state root ",
                                     summary.results->state.Root().ToHex()));
}

absl::Status InspectHeight(const OfflineHome& home, Height height, bool as_json) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, OpenOfflineStore(home));
  KILN_ASSIGN_OR_RETURN(const storage::HeightSummary summary,
                        storage::SummarizeHeight(*store, height));
  if (as_json) {
    PrintJson(HeightJson(summary));
  } else {
    PrintHeight(summary);
  }
  return absl::OkStatus();
}

absl::Status Inspect(const InspectArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  if (arguments.height.has_value()) {
    return InspectHeight(home, Height{*arguments.height}, arguments.json);
  }
  KILN_ASSIGN_OR_RETURN(const std::shared_ptr<storage::RocksDb> database,
                        OpenOffline(home, storage::Access::kReadOnly));
  const LedgerSummary summary = storage::Summarize(*database, home.genesis);
  if (arguments.json) {
    PrintJson(SummaryJson(home, summary));
  } else {
    PrintSummary(summary);
  }
  return Annotate(summary.start, "a node does not start from this");
}

}  // namespace

void AddLedgerInspect(CLI::App* ledger, CommandContext& context) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* inspect = ledger->add_subcommand(
      "inspect", "Show what a stopped node's folder holds, and whether a node starts from it");
  AddOfflineHomeOption(inspect, &arguments->home);
  inspect->add_option("--height", arguments->height,
                      "Show the block of this height, its certificate and its results instead");
  AddJsonOption(inspect, &arguments->json);
  inspect->footer(
      "Reads only. Exit status 1 when a node would not start from the folder; what can be read\n"
      "is shown all the same. Keys are RocksDB's estimate.\n\n"
      "Example: kiln ledger inspect --home net/validator-0 --height 12");
  SetAction(inspect, context, [arguments] { return Inspect(*arguments); });
}

}  // namespace kiln::tools
