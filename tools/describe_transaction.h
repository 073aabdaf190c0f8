// Transactions, replies and receipts in words and in JSON.
#ifndef KILN_TOOLS_DESCRIBE_TRANSACTION_H_
#define KILN_TOOLS_DESCRIBE_TRANSACTION_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "kiln/types.h"

namespace kiln::tools {

// One line, printable whatever the bytes: put "color" "blue", or the escaped bytes when they are no
// operation of the key-value application. Long ones are cut, with their size.
std::string DescribePayload(absl::string_view payload);
// "ok", "refused: why", or what the engine did with it.
std::string DescribeReply(const Reply& reply);

// {"payload_hex"} and, for key-value operations, {"operation", "key", "value"}.
nlohmann::ordered_json PayloadJson(absl::string_view payload);
// {"height", "index", "block_id", "code", "reply"}.
nlohmann::ordered_json ReceiptJson(const Receipt& receipt);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_DESCRIBE_TRANSACTION_H_
