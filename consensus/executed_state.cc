#include "consensus/executed_state.h"

#include <utility>

#include "base/status_macros.h"
#include "consensus/validator_set_hash.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln::consensus {
namespace {

constexpr size_t kEncodedBytes = 5 * sizeof(uint64_t) + 4 * Hash::kBytes;

}  // namespace

Hash ExecutedState::Root() const {
  return crypto::HashBytes(crypto::kDomainExecutedState, Encode(*this));
}

std::string Encode(const ExecutedState& state) {
  crypto::Encoder encoder;
  encoder.Reserve(kEncodedBytes);
  encoder.U64(state.height.value)
      .U64(state.time_us)
      .U64(state.epoch.value)
      .Digest(state.application_root)
      .Digest(state.channels_root)
      .U64(state.channels_count)
      .Digest(state.next_validators_hash)
      .U64(state.snapshot_height.value)
      .Digest(state.snapshot_root);
  return std::move(encoder).Take();
}

absl::StatusOr<ExecutedState> DecodeExecutedState(absl::string_view bytes) {
  crypto::Decoder decoder("executed state", bytes);
  ExecutedState state;
  state.height = {decoder.U64()};
  state.time_us = decoder.U64();
  state.epoch = {decoder.U64()};
  state.application_root = decoder.Digest();
  state.channels_root = decoder.Digest();
  state.channels_count = decoder.U64();
  state.next_validators_hash = decoder.Digest();
  state.snapshot_height = {decoder.U64()};
  state.snapshot_root = decoder.Digest();
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return state;
}

ExecutedState GenesisState(const Genesis& genesis) {
  return {.time_us = genesis.time_us,
          .epoch = {1},
          .next_validators_hash = HashOfValidators(absl::MakeConstSpan(genesis.validators))};
}

Height SnapshotNamedAt(Height height, uint64_t interval_blocks) {
  const uint64_t intervals = height.value / interval_blocks;
  return intervals < 2 ? Height{0} : Height{(intervals - 1) * interval_blocks};
}

}  // namespace kiln::consensus
