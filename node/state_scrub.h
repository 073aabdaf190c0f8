// The background check of the application's state and of the snapshots of it.
#ifndef KILN_NODE_STATE_SCRUB_H_
#define KILN_NODE_STATE_SCRUB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kiln/genesis.h"
#include "node/snapshots.h"
#include "storage/database.h"
#include "storage/ledger_audit.h"
#include "storage/snapshot_stream.h"
#include "storage/store.h"

namespace kiln::node {

// Reads every entry of the state, and then the chunks of every snapshot that is kept, a little at a
// time, while blocks are executed. An entry has a checksum, a chunk the hash that the snapshot had
// when its root was worked out. The state cannot be mended while it is in use, so damage there is
// an error; a rotten snapshot is dropped, for others take its place. Not thread-safe; reads no
// clock.
class StateScrub {
 public:
  // What is borrowed outlives it.
  struct Environment {
    const storage::Store* store = nullptr;
    const storage::Database* database = nullptr;        // of that store
    Snapshots* snapshots = nullptr;                     // null: none are read
    std::function<void(const storage::Damage&)> found;  // a rotten snapshot; may be null
  };
  struct Progress {
    uint64_t bytes = 0;    // read by this step
    bool is_over = false;  // all was read once; the next step begins anew
  };

  StateScrub(const ChainLimits& limits, Environment environment)
      : limits_(limits), environment_(std::move(environment)) {}

  // About a chunk. DataLoss names an entry of the state that is not what was written.
  absl::StatusOr<Progress> Step();

 private:
  static constexpr uint64_t kStepBytes = storage::kSnapshotChunkBytes;

  absl::StatusOr<Progress> ReadState();
  absl::StatusOr<Progress> ReadSnapshots();
  // The next chunk of the snapshot at hand; empty at its end. NotFound: it was dropped meanwhile.
  absl::StatusOr<std::string> ReadChunk(Height height);
  void TakeRotten(Height height, const absl::Status& why);

  const ChainLimits limits_;
  const Environment environment_;
  std::string next_key_;                             // of the state; empty: from the start
  bool is_state_read_ = false;                       // in this pass
  Height read_;                                      // the snapshots up to here
  std::unique_ptr<storage::SnapshotStream> stream_;  // of the one after; null: not begun
  uint32_t chunk_ = 0;                               // the next of it
};

}  // namespace kiln::node

#endif  // KILN_NODE_STATE_SCRUB_H_
