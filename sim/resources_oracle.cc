#include "sim/resources_oracle.h"

#include "absl/strings/str_cat.h"
#include "kiln/types.h"
#include "network/frames.h"

namespace kiln::sim {
namespace {

// Block id, u64 above height, u32 count: no request for blocks is shorter.
constexpr uint64_t kRequestBytesMin = Hash::kBytes + 8 + 4;

}  // namespace

ResourcesOracle::ResourcesOracle(Observed* observed)
    : observed_(observed), answer_bytes_max_(network::FrameBytesMax(observed->genesis().limits)) {}

void ResourcesOracle::OnQueue(uint32_t replica, absl::string_view name, uint64_t length,
                              uint64_t length_max) {
  if (length <= length_max) return;
  observed_->Violated(
      "R1", replica,
      absl::StrCat("holds ", length, " in its ", name, ", which has room for ", length_max));
}

void ResourcesOracle::OnTraffic(uint32_t replica, ValidatorIndex peer, uint64_t bytes_received,
                                uint64_t bytes_sent) {
  const uint64_t answers_max = bytes_received / kRequestBytesMin;
  if (bytes_sent <= answers_max * answer_bytes_max_) return;
  observed_->Violated("R4", replica,
                      absl::StrCat("answered validator ", peer.value, " with ", bytes_sent,
                                   " bytes for ", bytes_received));
}

}  // namespace kiln::sim
