// A snapshot that is being fetched: its offer, and those of its chunks that have come.
#ifndef KILN_STORAGE_SNAPSHOT_STAGE_H_
#define KILN_STORAGE_SNAPSHOT_STAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/genesis.h"

namespace kiln::storage {

class Database;

// Lies in the database of the ledger that it will take the place of, and survives the process.
// Whoever stages something has verified it. For one thread at a time.
class SnapshotStage {
 public:
  explicit SnapshotStage(Database* database) : database_(database) {}

  // The encoded offer that was staged; NotFound when there is none.
  absl::StatusOr<std::string> Offer() const;
  // Forgets what was staged before. Durable when it returns OK.
  absl::Status Begin(absl::string_view offer);

  // Forgets it, without a sync.
  absl::Status Clear();

  struct Chunk {
    std::string proof;  // that it is one of the snapshot's (crypto/merkle.h)
    std::string bytes;
  };
  // Not synced: what a crash loses is fetched again.
  absl::Status Put(uint32_t index, const Chunk& chunk);
  absl::StatusOr<Chunk> Get(uint32_t index) const;
  absl::Status Drop(uint32_t index);
  // Of those that are here, ascending.
  absl::StatusOr<std::vector<uint32_t>> Chunks() const;

 private:
  Database* const database_;
};

// When all of a snapshot above the ledger's head is staged: checks every chunk once more and makes
// a ledger that begins with it out of this one, in one synced write at the end. The safety record
// stays, and learns the highest certificate. What lies below the new lowest height counts as
// deleted. A chunk that is damaged is dropped, and nothing else happens: it is fetched again.
// Returns whether the ledger has become another one.
absl::StatusOr<bool> InstallStaged(Database* database, const Genesis& genesis);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SNAPSHOT_STAGE_H_
