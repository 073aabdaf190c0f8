#include "bench/transactions.h"

#include <utility>

#include "base/check.h"
#include "tools/load_payload.h"

namespace kiln::bench {

std::vector<std::string> MakeTransactions(uint64_t first, size_t count, size_t payload_bytes) {
  const tools::LoadPayload load(/*run=*/1, payload_bytes);
  std::vector<std::string> transactions;
  transactions.reserve(count);
  for (uint64_t i = 0; i < count; ++i) transactions.push_back(load.Make(first + i).payload);
  return transactions;
}

consensus::SharedBytes MakePayload(uint64_t first, size_t count, size_t payload_bytes,
                                   uint64_t last_height) {
  consensus::PayloadBuilder builder;
  for (const std::string& transaction : MakeTransactions(first, count, payload_bytes)) {
    builder.Add(consensus::Envelope{.last_height = last_height, .payload = transaction});
  }
  return std::move(builder).Finish();
}

std::shared_ptr<const consensus::PayloadIndex> Index(const consensus::SharedBytes& payload) {
  auto index = consensus::IndexPayload(*payload, ChainLimits{});
  KILN_CHECK_OK(index.status());
  return *std::move(index);
}

}  // namespace kiln::bench
