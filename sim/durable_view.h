// What of a replica's disk would still be there if everything lost power now.
#ifndef KILN_SIM_DURABLE_VIEW_H_
#define KILN_SIM_DURABLE_VIEW_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/safety_record.h"
#include "kiln/types.h"

namespace kiln::sim {

// All that oracles ask of a disk. Not thread-safe.
class DurableView {
 public:
  virtual ~DurableView() = default;

  // Until it is asked again. NotFound when none was ever durable; DataLoss when what is stored is
  // damaged.
  virtual absl::StatusOr<const consensus::SafetyRecord*> Safety(uint64_t now_us) const = 0;
  // The height of the committed head.
  virtual absl::StatusOr<Height> CommittedHeight(uint64_t now_us) const = 0;
  virtual bool HasBlock(Height height, const Hash& id, uint64_t now_us) const = 0;
  virtual bool HasPayload(Height height, const Hash& id, uint64_t now_us) const = 0;
  // Whether a sync failed since the process that uses the disk started.
  virtual bool SyncFailed() const = 0;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_DURABLE_VIEW_H_
