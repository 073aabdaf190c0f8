// The bytes of a snapshot: all that a validator needs to go on from one height, in one canonical
// order, cut into chunks. The one place that says what a snapshot root is the root of.
#ifndef KILN_STORAGE_SNAPSHOT_STREAM_H_
#define KILN_STORAGE_SNAPSHOT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "crypto/merkle.h"
#include "storage/store.h"

namespace kiln::storage {

// Every chunk but the last has this size. A chunk may end within an entry, so that none is larger
// than a peer's frame, whatever the application writes.
inline constexpr size_t kSnapshotChunkBytes = 256 << 10;

// What the first byte of an entry's key says. Entries are in order of their keys.
inline constexpr char kSnapshotHead = 'e';  // alone: executed state, u64 transactions since genesis
inline constexpr char kSnapshotState = 'u';  // and a key of the application's: its value
inline constexpr char kSnapshotWindow =
    'w';  // and a big-endian height: prefixes of the ids executed

// The lowest height whose ids are in the duplicate window once `height` is executed.
Height SnapshotWindowBegin(Height height, uint64_t window_blocks);

// Where a chunk begins: how many bytes of that entry belong to chunks before it.
struct SnapshotPlace {
  std::string key;
  uint64_t skipped = 0;
};

// The stream: an entry is its key and its value, each with a u32 length in front
// (crypto/encoding.h). The state as of a height, then one entry for each of the last heights of the
// duplicate window up to that one. Keeps one entry and one chunk in memory. For one thread.
class SnapshotStream {
 public:
  // Over the store's snapshot of `height`. `store` outlives it. Errors as Store::OpenSnapshot.
  static absl::StatusOr<std::unique_ptr<SnapshotStream>> Open(const Store* store, Height height,
                                                              uint64_t window_blocks);

  // REQUIRES: `place` was a place() of a stream of this height.
  absl::Status Seek(const SnapshotPlace& place);
  // The next chunk; empty at the end.
  absl::StatusOr<std::string> NextChunk();
  // Where the next chunk begins; no key at the end.
  SnapshotPlace place() const { return {.key = key_, .skipped = used_}; }

 private:
  SnapshotStream(const Store* store, std::unique_ptr<StateCursor> state, Height height,
                 uint64_t window_blocks);

  // Puts the entry at hand in place of the one before.
  void Take(std::string key, absl::string_view value);
  absl::Status TakeHead();
  absl::Status TakeState(absl::StatusOr<bool> is_on_key);
  absl::Status TakeWindow(Height height);
  absl::Status TakeNext();
  void End() { key_.clear(), entry_.clear(), used_ = 0; }

  const Store* const store_;
  const std::unique_ptr<StateCursor> state_;
  const Height height_;
  const Height window_begin_;
  std::string key_;
  std::string entry_;
  uint64_t used_ = 0;  // bytes of the entry that chunks have; below its size
};

// A snapshot's chunks: their hashes, and where each begins. Immutable. Its size is that of one key
// and a hash or two for each chunk.
struct SnapshotIndex {
  Height height;
  crypto::MerkleTree chunks;
  std::vector<SnapshotPlace> places;

  const Hash& root() const { return chunks.root(); }
};

// Reads all of the stream. Cancelled when `is_stopping` says so.
absl::StatusOr<std::shared_ptr<const SnapshotIndex>> IndexSnapshot(
    const Store& store, Height height, uint64_t window_blocks,
    absl::FunctionRef<bool()> is_stopping);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SNAPSHOT_STREAM_H_
