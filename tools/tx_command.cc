// kiln tx: one transaction and where it is in the ledger, verified.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "kiln/client.h"
#include "tools/chain_target.h"
#include "tools/command.h"
#include "tools/describe_transaction.h"

namespace kiln::tools {
namespace {

nlohmann::ordered_json TransactionJson(const TransactionInfo& info) {
  nlohmann::ordered_json json = {{"id", info.id.ToHex()},
                                 {"key_hex", absl::BytesToHexString(info.transaction.key)}};
  json.update(PayloadJson(info.transaction.payload));
  json.update(ReceiptJson(info.receipt));
  return json;
}

void PrintTransaction(const TransactionInfo& info) {
  std::printf("id        %s\n", info.id.ToHex().c_str());
  std::printf("key       %s\n", absl::CHexEscape(info.transaction.key).c_str());
  std::printf("payload   %s\n", DescribePayload(info.transaction.payload).c_str());
  std::printf("block     %s\n", info.receipt.proof.block_id.ToHex().c_str());
  std::printf("position  height %s, index %u\n", absl::StrCat(info.receipt.height).c_str(),
              info.receipt.index);
  std::printf("reply     %s\n", DescribeReply(info.receipt.reply).c_str());
  std::printf("final     yes: inclusion and certificates verified\n");
}

absl::Status RunTx(const ChainTarget& target, const std::string& hash, bool json) {
  KILN_ASSIGN_OR_RETURN(const Hash id, Hash::FromHex(hash));
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ConnectTo(target));
  const absl::StatusOr<TransactionInfo> info = client->GetTransaction(id);
  if (absl::IsNotFound(info.status())) {
    return absl::NotFoundError("no such transaction among those the validators remember");
  }
  if (!info.ok()) return info.status();
  if (json) {
    PrintJson(TransactionJson(*info));
  } else {
    PrintTransaction(*info);
  }
  return absl::OkStatus();
}

}  // namespace

void AddTxCommand(CLI::App& app, CommandContext& context) {
  struct Arguments {
    ChainTarget target;
    std::string hash;
    bool json = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "tx", "Show a transaction and its place in the ledger; the proof is verified");
  command->footer("\nExample: kiln tx 5f0c...e1 --testnet net");
  command->add_option("hash", arguments->hash, "The transaction's id, 64 hexadecimal digits")
      ->required()
      ->type_name("HASH");
  AddTargetOptions(command, &arguments->target);
  AddViaOption(command, &arguments->target);
  AddJsonOption(command, &arguments->json);
  SetAction(command, context,
            [arguments] { return RunTx(arguments->target, arguments->hash, arguments->json); });
}

}  // namespace kiln::tools
