// kiln kv: writes to and reads from the key-value application.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "kiln/client.h"
#include "tools/chain_target.h"
#include "tools/command.h"
#include "tools/describe_transaction.h"
#include "tools/kv_application.h"
#include "tools/kv_import.h"

namespace kiln::tools {
namespace {

struct KvArguments {
  ChainTarget target;
  std::string key;
  std::string value;
  std::string file;
  bool linearizable = false;
  double timeout_seconds = 30;
  size_t in_flight = 256;
  bool json = false;

  absl::Duration timeout() const { return absl::Seconds(timeout_seconds); }
};

absl::Status Write(const KvArguments& arguments, const std::string& payload) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ConnectTo(arguments.target));
  const Transaction transaction = {payload, FreshKey()};
  KILN_ASSIGN_OR_RETURN(const Receipt receipt, client->Submit(transaction, arguments.timeout()));
  if (arguments.json) {
    nlohmann::ordered_json json = {{"id", TransactionId(transaction).ToHex()}};
    json.update(ReceiptJson(receipt));
    PrintJson(json);
  } else {
    std::printf("%s: height %s, index %u, transaction %s\n",
                receipt.reply.ok() ? "final" : "ordered", absl::StrCat(receipt.height).c_str(),
                receipt.index, TransactionId(transaction).ToHex().c_str());
  }
  if (receipt.reply.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(DescribeReply(receipt.reply));
}

absl::Status RunPut(const KvArguments& arguments) {
  KILN_RETURN_IF_ERROR(CheckKvKey(arguments.key));
  return Write(arguments, EncodeKvPut(arguments.key, arguments.value));
}

absl::Status RunDelete(const KvArguments& arguments) {
  KILN_RETURN_IF_ERROR(CheckKvKey(arguments.key));
  return Write(arguments, EncodeKvDelete(arguments.key));
}

absl::Status RunGet(const KvArguments& arguments) {
  KILN_RETURN_IF_ERROR(CheckKvKey(arguments.key));
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ConnectTo(arguments.target));
  const Read level = arguments.linearizable ? Read::kLinearizable : Read::kLocal;
  const absl::StatusOr<Answer> answer = client->Query(arguments.key, level, arguments.timeout());
  if (absl::IsNotFound(answer.status())) {
    return absl::NotFoundError(absl::StrCat("no value under \"", arguments.key, "\""));
  }
  if (!answer.ok()) return answer.status();
  if (arguments.json) {
    PrintJson({{"key", arguments.key}, {"value", answer->value}, {"height", answer->height}});
  } else {
    std::fwrite(answer->value.data(), 1, answer->value.size(), stdout);
    std::fputc('\n', stdout);
  }
  return absl::OkStatus();
}

void PrintImport(const ImportSummary& summary, bool json) {
  const double per_second =
      summary.seconds > 0 ? static_cast<double>(summary.committed) / summary.seconds : 0;
  if (json) {
    PrintJson({{"committed", summary.committed},
               {"errors", summary.errors},
               {"first_error", summary.first_error},
               {"seconds", summary.seconds},
               {"per_second", per_second},
               {"first_height", summary.first_height},
               {"last_height", summary.last_height}});
    return;
  }
  std::printf("%s\n",
              absl::StrFormat("imported %d records in %.2f s (%.0f per second), heights %d to %d, "
                              "errors %d",
                              summary.committed, summary.seconds, per_second, summary.first_height,
                              summary.last_height, summary.errors)
                  .c_str());
}

absl::Status RunImport(const KvArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const std::string text, ReadImport(arguments.file, std::cin));
  absl::StatusOr<std::vector<Record>> records = ParseRecords(text);
  if (!records.ok()) return Annotate(records.status(), arguments.file);
  ImportRequest request;
  KILN_ASSIGN_OR_RETURN(request.chain, ResolveTarget(arguments.target));
  request.spread = arguments.target.via < 0;
  request.in_flight_max = arguments.in_flight;
  request.timeout = arguments.timeout();
  request.is_terminal = StderrIsTerminal();
  KILN_ASSIGN_OR_RETURN(const ImportSummary summary, ImportRecords(request, *records));
  PrintImport(summary, arguments.json);
  if (summary.errors == 0) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat(summary.errors, " of ", records->size(),
                   " records were not imported; the first because: ", summary.first_error));
}

// What put, get, delete and import share; each has arguments of its own.
std::shared_ptr<KvArguments> AddSharedOptions(CLI::App* command, double timeout_seconds) {
  const auto arguments = std::make_shared<KvArguments>();
  arguments->timeout_seconds = timeout_seconds;
  AddTargetOptions(command, &arguments->target);
  AddViaOption(command, &arguments->target);
  command->add_option("--timeout", arguments->timeout_seconds, "Seconds to wait for the outcome")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  AddJsonOption(command, &arguments->json);
  return arguments;
}

void AddPut(CLI::App* kv, CommandContext& context) {
  CLI::App* command = kv->add_subcommand(
      "put", "Write VALUE under KEY; returns when it is final and its proof is verified");
  const auto arguments = AddSharedOptions(command, 30);
  command->add_option("key", arguments->key, "1 to 4096 bytes")->required()->type_name("KEY");
  command->add_option("value", arguments->value, "Any text")->required()->type_name("VALUE");
  SetAction(command, context, [arguments] { return RunPut(*arguments); });
}

void AddDelete(CLI::App* kv, CommandContext& context) {
  CLI::App* command = kv->add_subcommand(
      "delete", "Remove KEY and its value; returns when that is final and its proof is verified");
  const auto arguments = AddSharedOptions(command, 30);
  command->add_option("key", arguments->key, "1 to 4096 bytes")->required()->type_name("KEY");
  SetAction(command, context, [arguments] { return RunDelete(*arguments); });
}

void AddGet(CLI::App* kv, CommandContext& context) {
  CLI::App* command = kv->add_subcommand(
      "get", "Print the value under KEY, as one validator knows it; exits with 1 when absent");
  const auto arguments = AddSharedOptions(command, 30);
  command->add_option("key", arguments->key, "1 to 4096 bytes")->required()->type_name("KEY");
  command->add_flag("--linearizable", arguments->linearizable,
                    "Order a barrier first: the answer reflects all that was acknowledged before");
  SetAction(command, context, [arguments] { return RunGet(*arguments); });
}

void AddImport(CLI::App* kv, CommandContext& context) {
  CLI::App* command = kv->add_subcommand(
      "import", "Write the records of FILE, spread over the validators, or through --via first");
  const auto arguments = AddSharedOptions(command, 600);
  command->add_option("file", arguments->file, "Lines KEY VALUE or KEY<tab>VALUE; - for stdin")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--in-flight", arguments->in_flight, "Records sent and not yet final, at most")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  SetAction(command, context, [arguments] { return RunImport(*arguments); });
}

}  // namespace

void AddKvCommand(CLI::App& app, CommandContext& context) {
  CLI::App* kv = app.add_subcommand("kv", "Write to and read from the key-value store");
  kv->footer(
      "\nExamples:\n"
      "  kiln kv put color blue --testnet net\n"
      "  kiln kv get color --testnet net --linearizable\n"
      "  dpkg-query -W | kiln kv import - --testnet net");
  kv->require_subcommand(1);
  AddPut(kv, context);
  AddGet(kv, context);
  AddDelete(kv, context);
  AddImport(kv, context);
}

}  // namespace kiln::tools
