// What all validators of a chain start from.
#ifndef KILN_GENESIS_H_
#define KILN_GENESIS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/types.h"

namespace kiln {

// One validator: who signs (consensus_key), who speaks on the network (node_key), and how much it
// counts. Two keys, because a consensus key must never sign transport bytes.
struct GenesisValidator {
  std::string name;                         // readable, 1 to 64 characters, unique
  std::array<uint8_t, 32> consensus_key{};  // Ed25519
  std::array<uint8_t, 32> node_key{};       // Ed25519
  uint64_t power = 0;                       // at least 1
};

// What every validator must agree on because blocks are judged by it.
struct ChainLimits {
  uint64_t block_bytes_max = 1 << 20;  // payload of one block: 64 KiB to 8 MiB
  uint64_t transaction_bytes_max = 64
                                   << 10;  // payload of one transaction: 1 B to block_bytes_max / 2
  uint64_t block_transactions_max = 16384;  // per block: 1 to 65,536
  uint64_t duplicate_window_blocks = 4096;  // heights a transaction is remembered for: 16 to 65,536
  uint64_t execution_lag_max = 8;      // heights a header's execution may trail commits: 4 to 64
  uint64_t clock_skew_max_ms = 10000;  // how far a block's time may be ahead: 100 to 60,000
  uint64_t snapshot_interval_blocks = 10000;  // heights between snapshots: 16 to 1,000,000
};

// Validated when parsed: names and keys unique, powers positive, their sum at most INT64_MAX / 8.
struct Genesis {
  std::string chain_name;  // readable, 1 to 64 characters
  uint64_t time_us = 0;    // microseconds since the Unix epoch; time of block 0
  std::vector<GenesisValidator>
      validators;  // 1 to 1,024, in this order; the index is the validator's id
  ChainLimits limits;

  // Hash of a canonical encoding of all of the above: the same on every machine.
  Hash ChainId() const;
  // InvalidArgument names the field and the allowed range.
  absl::Status Validate() const;
  // JSON, as in genesis.json. Unknown keys are errors.
  static absl::StatusOr<Genesis> FromJson(absl::string_view json);
  static absl::StatusOr<Genesis> FromFile(const std::string& path);
  std::string ToJson() const;
};

}  // namespace kiln

#endif  // KILN_GENESIS_H_
