#include "tools/describe_transaction.h"

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tools/kv_application.h"

namespace kiln::tools {
namespace {

constexpr size_t kShownBytesMax = 64;  // of a key or a value, in text

std::string Quoted(absl::string_view bytes) {
  const std::string shown =
      absl::StrCat("\"", absl::CHexEscape(bytes.substr(0, kShownBytesMax)), "\"");
  if (bytes.size() <= kShownBytesMax) return shown;
  return absl::StrCat(shown, "... (", bytes.size(), " bytes)");
}

}  // namespace

std::string DescribePayload(absl::string_view payload) {
  const absl::StatusOr<KvOperation> operation = DecodeKvOperation(payload);
  if (!operation.ok()) return Quoted(payload);
  if (!operation->is_put) return absl::StrCat("delete ", Quoted(operation->key));
  return absl::StrCat("put ", Quoted(operation->key), " ", Quoted(operation->value));
}

std::string DescribeReply(const Reply& reply) {
  switch (reply.code) {
    case Reply::kOk:
      return reply.bytes.empty() ? "ok" : absl::StrCat("ok: ", Quoted(reply.bytes));
    case Reply::kRefused:
      return absl::StrCat("refused: ", absl::CHexEscape(reply.bytes));
    case Reply::kDuplicate:
      return "set aside: executed before";
    case Reply::kExpired:
      return "set aside: ordered after its last height";
    default:
      return absl::StrCat("code ", reply.code, ": ", Quoted(reply.bytes));
  }
}

nlohmann::ordered_json PayloadJson(absl::string_view payload) {
  nlohmann::ordered_json json = {{"payload_hex", absl::BytesToHexString(payload)}};
  const absl::StatusOr<KvOperation> operation = DecodeKvOperation(payload);
  if (!operation.ok()) return json;
  json["operation"] = operation->is_put ? "put" : "delete";
  json["key"] = std::string(operation->key);
  if (operation->is_put) json["value"] = std::string(operation->value);
  return json;
}

nlohmann::ordered_json ReceiptJson(const Receipt& receipt) {
  return {{"height", receipt.height},
          {"index", receipt.index},
          {"block_id", receipt.proof.block_id.ToHex()},
          {"code", receipt.reply.code},
          {"reply", receipt.reply.bytes}};
}

}  // namespace kiln::tools
