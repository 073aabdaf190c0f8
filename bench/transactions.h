// Payloads for benchmarks: key-value writes, as `kiln bench` sends them.
#ifndef KILN_BENCH_TRANSACTIONS_H_
#define KILN_BENCH_TRANSACTIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "consensus/payload.h"
#include "kiln/genesis.h"

namespace kiln::bench {

inline constexpr size_t kPayloadBytes = 128;  // of a transaction, unless a benchmark says else
inline constexpr size_t kBlockTransactions = 1000;  // of a block, likewise

// Envelopes of writes with the sequence numbers [first, first + count), which executes at heights
// up to `last_height`.
consensus::SharedBytes MakePayload(uint64_t first, size_t count, size_t payload_bytes,
                                   uint64_t last_height = 1000);
// The transactions alone.
std::vector<std::string> MakeTransactions(uint64_t first, size_t count, size_t payload_bytes);

// REQUIRES: the payload is within the default limits.
std::shared_ptr<const consensus::PayloadIndex> Index(const consensus::SharedBytes& payload);

}  // namespace kiln::bench

#endif  // KILN_BENCH_TRANSACTIONS_H_
