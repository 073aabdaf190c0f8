// The database that a process sees on a simulated disk.
#ifndef KILN_SIM_SIM_DATABASE_H_
#define KILN_SIM_SIM_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sim/disk_content.h"
#include "storage/database.h"

namespace kiln::sim {

class SimDisk;

// Borrows its disk until it is closed or the disk crashes; from then on every call fails. Iterators
// must not be moved after a write. For one thread.
class SimDatabase final : public storage::Database {
 public:
  SimDatabase(SimDisk* disk, const std::string& name) : Database(name), disk_(disk) {}
  // Over a checkpoint, to read only.
  SimDatabase(std::shared_ptr<const DiskContent> checkpoint, const std::string& name)
      : Database(name), checkpoint_(std::move(checkpoint)) {}
  ~SimDatabase() override;

  std::unique_ptr<storage::WriteBatch> NewBatch(size_t bytes) const override;
  absl::StatusOr<std::string> Get(storage::Family family, absl::string_view key,
                                  const storage::Snapshot* snapshot) const override;
  std::unique_ptr<storage::Iterator> NewIterator(storage::Family family, absl::string_view end,
                                                 const storage::Snapshot* snapshot) const override;
  absl::Status Reclaim(storage::Family family, absl::string_view begin,
                       absl::string_view end) override;
  std::unique_ptr<const storage::Snapshot> TakeSnapshot() override;
  // Of what a snapshot of the state is made of, and no more: runs are many, and ledgers long.
  absl::Status MakeCheckpoint(uint64_t number) override;
  absl::StatusOr<std::vector<uint64_t>> Checkpoints() const override;
  absl::StatusOr<std::shared_ptr<storage::Database>> OpenCheckpoint(uint64_t number) const override;
  absl::Status RemoveCheckpoint(uint64_t number) override;

  // The process is no more.
  void Detach() { disk_ = nullptr; }
  // Null when it is detached.
  const DiskContent* content() const;
  // Of a disk. Null when it is detached.
  DiskContent* mutable_content() const;

 protected:
  absl::Status DoWrite(storage::WriteBatch* batch, storage::Durability durability) override;

 private:
  SimDisk* disk_ = nullptr;
  const std::shared_ptr<const DiskContent> checkpoint_;
};

// DataLoss for what a checksum below the database refuses.
absl::Status UnreadableError(storage::Family family, absl::string_view key);

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_DATABASE_H_
