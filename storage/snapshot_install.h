// A ledger that begins with a snapshot, made out of its chunks.
#ifndef KILN_STORAGE_SNAPSHOT_INSTALL_H_
#define KILN_STORAGE_SNAPSHOT_INSTALL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/safety_record.h"
#include "kiln/genesis.h"
#include "storage/ledger_base.h"
#include "storage/schema.h"
#include "storage/snapshot_proof.h"

namespace kiln::storage {

class Database;
class WriteBatch;

// Takes a snapshot's stream (storage/snapshot_stream.h) apart and writes it into a database: an
// empty one, or that of a ledger that ends below it. What is there stays as it is until Finish has
// returned OK: in an empty one there is no ledger before, and every start refuses what an
// interrupted installation leaves. Begin, Add for each chunk in order, then Finish; the first error
// ends it. Not thread-safe.
class SnapshotInstaller {
 public:
  // Both outlive it.
  SnapshotInstaller(Database* database, const Genesis* genesis, ProvedSnapshot snapshot);
  ~SnapshotInstaller();

  absl::Status Begin();
  // The next chunk. REQUIRES: it is one of those that hash to the proved root. InvalidArgument when
  // the stream is no snapshot of that height.
  absl::Status Add(absl::string_view chunk);
  // `above` are the blocks of ProvedSnapshot::above, whole; `safety` is what the ledger's owner
  // has signed and seen. One synced write makes all of it a ledger.
  absl::Status Finish(const std::vector<consensus::BlockPtr>& above,
                      const consensus::SafetyRecord& safety);

 private:
  // Off the front of `rest`. False when the entry is not whole yet.
  absl::StatusOr<bool> TakeEntry(absl::string_view* rest);
  absl::Status Take(absl::string_view key, absl::string_view value);
  absl::Status TakeHead(absl::string_view value);
  absl::Status TakeWindow(absl::string_view key, absl::string_view value);
  absl::Status Flush(size_t bytes_min);
  absl::Status DropRivals(const std::vector<consensus::BlockPtr>& above);
  absl::Status Wrong(absl::string_view what) const;

  Database* const database_;
  const Genesis* const genesis_;
  const ProvedSnapshot snapshot_;
  std::unique_ptr<WriteBatch> batch_;
  std::string buffer_;    // of the entry that is not whole yet
  std::string last_key_;  // of the newest entry
  LedgerBase base_;
  Height window_next_;
  StateSpace space_ = StateSpace::kFirst;  // that is written
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SNAPSHOT_INSTALL_H_
