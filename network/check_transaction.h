// What is wrong with a transaction whatever the chain's state.
#ifndef KILN_NETWORK_CHECK_TRANSACTION_H_
#define KILN_NETWORK_CHECK_TRANSACTION_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::network {

// InvalidArgument names the part and the limit.
absl::Status CheckTransaction(absl::string_view payload, absl::string_view key,
                              const ChainLimits& limits);
inline absl::Status CheckTransaction(const Transaction& transaction, const ChainLimits& limits) {
  return CheckTransaction(transaction.payload, transaction.key, limits);
}

}  // namespace kiln::network

#endif  // KILN_NETWORK_CHECK_TRANSACTION_H_
