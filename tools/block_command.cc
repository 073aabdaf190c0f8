// kiln block: one committed block, verified.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "kiln/client.h"
#include "tools/chain_target.h"
#include "tools/command.h"
#include "tools/describe_transaction.h"

namespace kiln::tools {
namespace {

nlohmann::ordered_json BlockJson(const BlockInfo& block) {
  nlohmann::ordered_json transactions = nlohmann::ordered_json::array();
  for (size_t i = 0; i < block.transactions.size(); ++i) {
    nlohmann::ordered_json transaction = PayloadJson(block.transactions[i]);
    transaction["id"] = block.transaction_ids[i].ToHex();
    transactions.push_back(std::move(transaction));
  }
  return {{"height", block.height},
          {"round", block.round},
          {"epoch", block.epoch},
          {"id", block.id.ToHex()},
          {"parent_id", block.parent_id.ToHex()},
          {"payload_root", block.payload_root.ToHex()},
          {"executed_height", block.executed_height},
          {"state_root", block.state_root.ToHex()},
          {"time", absl::FormatTime(block.time, absl::UTCTimeZone())},
          {"proposer", block.proposer},
          {"final", true},
          {"transactions", std::move(transactions)}};
}

void PrintBlock(const BlockInfo& block) {
  std::printf("height        %s (round %s, epoch %s)\n", absl::StrCat(block.height).c_str(),
              absl::StrCat(block.round).c_str(), absl::StrCat(block.epoch).c_str());
  std::printf("id            %s\n", block.id.ToHex().c_str());
  std::printf("parent        %s\n", block.parent_id.ToHex().c_str());
  std::printf("payload root  %s\n", block.payload_root.ToHex().c_str());
  std::printf("state root    %s at height %s\n", block.state_root.ToHex().c_str(),
              absl::StrCat(block.executed_height).c_str());
  std::printf("time          %s\n", absl::FormatTime(block.time, absl::UTCTimeZone()).c_str());
  std::printf("proposer      %s\n", block.proposer.c_str());
  std::printf("final         yes: hashes and certificates verified\n");
  std::printf("transactions  %zu\n", block.transactions.size());
  for (size_t i = 0; i < block.transactions.size(); ++i) {
    std::printf("  %5zu  %s  %s\n", i, block.transaction_ids[i].Short().c_str(),
                DescribePayload(block.transactions[i]).c_str());
  }
}

absl::Status RunBlock(const ChainTarget& target, uint64_t height, bool json) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ConnectTo(target));
  const absl::StatusOr<BlockInfo> block = client->GetBlock(height);
  if (absl::IsNotFound(block.status())) {
    return absl::NotFoundError(
        absl::StrCat("no block at height ", height, " yet; `kiln status` says how high it is"));
  }
  if (!block.ok()) return block.status();
  if (json) {
    PrintJson(BlockJson(*block));
  } else {
    PrintBlock(*block);
  }
  return absl::OkStatus();
}

}  // namespace

void AddBlockCommand(CLI::App& app, CommandContext& context) {
  struct Arguments {
    ChainTarget target;
    uint64_t height = 0;
    bool json = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "block", "Show a committed block; its hashes and its finality are verified");
  command->footer("\nExample: kiln block 12 --testnet net");
  command->add_option("height", arguments->height, "Height of the block, from 1")
      ->required()
      ->type_name("HEIGHT");
  AddTargetOptions(command, &arguments->target);
  AddViaOption(command, &arguments->target);
  AddJsonOption(command, &arguments->json);
  SetAction(command, context, [arguments] {
    return RunBlock(arguments->target, arguments->height, arguments->json);
  });
}

}  // namespace kiln::tools
