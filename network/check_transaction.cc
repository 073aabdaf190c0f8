#include "network/check_transaction.h"

#include "absl/strings/str_cat.h"
#include "consensus/payload.h"

namespace kiln::network {

absl::Status CheckTransaction(absl::string_view payload, absl::string_view key,
                              const ChainLimits& limits) {
  if (payload.empty()) return absl::InvalidArgumentError("payload: empty");
  if (payload.size() > limits.transaction_bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat(
        "payload: ", payload.size(), " bytes, the limit is ", limits.transaction_bytes_max));
  }
  if (key.size() > consensus::kTransactionKeyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("key: ", key.size(), " bytes, the limit is ",
                                                   consensus::kTransactionKeyBytesMax));
  }
  return absl::OkStatus();
}

}  // namespace kiln::network
