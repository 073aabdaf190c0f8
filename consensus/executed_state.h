// What a header says about execution: one fixed record, hashed into Header::state_root.
#ifndef KILN_CONSENSUS_EXECUTED_STATE_H_
#define KILN_CONSENSUS_EXECUTED_STATE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::consensus {

// The channel fields are zero until the chain has channels to other chains, the snapshot's until
// there is one (SnapshotNamedAt).
struct ExecutedState {
  Height height;
  uint64_t time_us = 0;   // of the block at `height`
  Epoch epoch;            // of the block at `height`
  Hash application_root;  // hash chain over every block's writes and results
  Hash channels_root;
  uint64_t channels_count = 0;
  Hash next_validators_hash;  // the current set's when unchanged
  Height snapshot_height;
  Hash snapshot_root;  // of the snapshot of that height (storage/snapshot_stream.h)

  // The state root.
  Hash Root() const;
  friend bool operator==(const ExecutedState&, const ExecutedState&) = default;
};

std::string Encode(const ExecutedState& state);
absl::StatusOr<ExecutedState> DecodeExecutedState(absl::string_view bytes);

// The state at height 0: application root zero.
ExecutedState GenesisState(const Genesis& genesis);

// A snapshot is of a height that is a multiple of `interval_blocks`. The one that the executed
// state of `height` names: of the last such height but one, so that whoever makes it has a whole
// interval of time; 0 for none yet. Any quorum certificate over a later header then proves its
// root.
Height SnapshotNamedAt(Height height, uint64_t interval_blocks);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_EXECUTED_STATE_H_
