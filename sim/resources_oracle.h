// R1 and R4: what an honest replica may use up, and what it may be made to send.
#ifndef KILN_SIM_RESOURCES_ORACLE_H_
#define KILN_SIM_RESOURCES_ORACLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "sim/observed.h"

namespace kiln::sim {

// R1: "Each queue <= its named limit at all times."
// R4: "Bytes sent <= k x bytes received per peer", of answers to what the peer asked for. A request
// for blocks names at most as many as fit one frame, so k is a frame's bytes for a request's.
class ResourcesOracle {
 public:
  explicit ResourcesOracle(Observed* observed);

  void OnQueue(uint32_t replica, absl::string_view name, uint64_t length, uint64_t length_max);
  void OnTraffic(uint32_t replica, ValidatorIndex peer, uint64_t bytes_received,
                 uint64_t bytes_sent);

 private:
  Observed* const observed_;
  const uint64_t answer_bytes_max_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_RESOURCES_ORACLE_H_
