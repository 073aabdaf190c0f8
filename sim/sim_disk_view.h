// What the simulated disk shows to oracles.
#ifndef KILN_SIM_SIM_DISK_VIEW_H_
#define KILN_SIM_SIM_DISK_VIEW_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "consensus/safety_record.h"
#include "kiln/types.h"
#include "sim/durable_view.h"

namespace kiln::sim {

class SimDisk;

// Borrows the disk. Not thread-safe.
class SimDiskView final : public DurableView {
 public:
  explicit SimDiskView(SimDisk* disk);

  absl::StatusOr<const consensus::SafetyRecord*> Safety(uint64_t now_us) const override;
  absl::StatusOr<Height> CommittedHeight(uint64_t now_us) const override;
  bool HasBlock(Height height, const Hash& id, uint64_t now_us) const override;
  bool HasPayload(Height height, const Hash& id, uint64_t now_us) const override;
  bool SyncFailed() const override;

  // The process that uses the disk ended: what failed, failed for it.
  void ForgetFailures();

 private:
  SimDisk* const disk_;
  uint64_t failures_before_;
  // The record that was read last, and the bytes it was read from: most reads find the same.
  mutable std::string sealed_;
  mutable consensus::SafetyRecord record_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_DISK_VIEW_H_
