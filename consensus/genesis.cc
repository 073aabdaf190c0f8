#include "kiln/genesis.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/validator_set.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln {
namespace {

constexpr size_t kChainNameBytesMax = 64;
constexpr uint64_t kTimeMaxUs = INT64_MAX;  // what absl::FromUnixMicros takes

absl::Status CheckRange(absl::string_view field, uint64_t value, uint64_t min, uint64_t max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, " is outside the allowed range ", min, " to ", max));
}

absl::Status CheckChainName(absl::string_view name) {
  KILN_RETURN_IF_ERROR(CheckRange("chain_name: length", name.size(), 1, kChainNameBytesMax));
  for (const char c : name) {
    if (c < ' ' || c > '~') {
      return absl::InvalidArgumentError("chain_name: only printable ASCII characters are allowed");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLimits(const ChainLimits& limits) {
  KILN_RETURN_IF_ERROR(
      CheckRange("limits.block_bytes_max", limits.block_bytes_max, 64 << 10, 8 << 20));
  KILN_RETURN_IF_ERROR(CheckRange("limits.transaction_bytes_max", limits.transaction_bytes_max, 1,
                                  limits.block_bytes_max / 2));
  KILN_RETURN_IF_ERROR(
      CheckRange("limits.block_transactions_max", limits.block_transactions_max, 1, 65536));
  KILN_RETURN_IF_ERROR(
      CheckRange("limits.duplicate_window_blocks", limits.duplicate_window_blocks, 16, 65536));
  KILN_RETURN_IF_ERROR(CheckRange("limits.execution_lag_max", limits.execution_lag_max, 4, 64));
  KILN_RETURN_IF_ERROR(
      CheckRange("limits.clock_skew_max_ms", limits.clock_skew_max_ms, 100, 60000));
  return CheckRange("limits.snapshot_interval_blocks", limits.snapshot_interval_blocks, 16,
                    1'000'000);
}

}  // namespace

Hash Genesis::ChainId() const {
  crypto::Encoder encoder;
  encoder.Bytes(chain_name).U64(time_us).U32(static_cast<uint32_t>(validators.size()));
  for (const GenesisValidator& validator : validators) {
    encoder.Bytes(validator.name)
        .Array(validator.consensus_key)
        .Array(validator.node_key)
        .U64(validator.power);
  }
  encoder.U64(limits.block_bytes_max)
      .U64(limits.transaction_bytes_max)
      .U64(limits.block_transactions_max)
      .U64(limits.duplicate_window_blocks)
      .U64(limits.execution_lag_max)
      .U64(limits.clock_skew_max_ms)
      .U64(limits.snapshot_interval_blocks);
  return crypto::HashBytes(crypto::kDomainGenesis, encoder.view());
}

absl::Status Genesis::Validate() const {
  KILN_RETURN_IF_ERROR(CheckChainName(chain_name));
  KILN_RETURN_IF_ERROR(CheckRange("time_us", time_us, 0, kTimeMaxUs));
  KILN_RETURN_IF_ERROR(CheckLimits(limits));
  return consensus::ValidatorSet::FromGenesis(*this).status();
}

}  // namespace kiln
