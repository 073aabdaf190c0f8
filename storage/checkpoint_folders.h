// The folders of a database's checkpoints: DIR/snapshots/NUMBER.
#ifndef KILN_STORAGE_CHECKPOINT_FOLDERS_H_
#define KILN_STORAGE_CHECKPOINT_FOLDERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kiln::storage {

// A folder whose name is a number is a whole checkpoint. One that is being made or removed has
// another name, and is gone after the next start. Thread-safe; for one process.
class CheckpointFolders {
 public:
  explicit CheckpointFolders(const std::string& database_dir);

  std::string PathOf(uint64_t number) const;
  // Ascending.
  absl::StatusOr<std::vector<uint64_t>> Numbers() const;

  // The folder of folders is there and durable.
  absl::Status Prepare() const;
  // A new one is durable by its name, too.
  absl::Status Sync() const;
  absl::Status Remove(uint64_t number) const;
  absl::Status RemoveLeftovers() const;
  // Takes over those of another database on the same file system, as hard links; durable when it
  // returns. None may be here yet.
  absl::Status LinkFrom(const CheckpointFolders& other) const;

 private:
  const std::string dir_;
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_CHECKPOINT_FOLDERS_H_
