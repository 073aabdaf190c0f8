#include "sim/finality_oracle.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "consensus/codec.h"
#include "consensus/finality.h"

namespace kiln::sim {

FinalityOracle::FinalityOracle(Observed* observed)
    : observed_(observed),
      verifier_(observed->genesis(), observed->context().validators, observed->context().leaders,
                Epoch{1}, observed->context().signatures) {}

void FinalityOracle::OnCommitted(uint32_t replica, Height height, const storage::Store& store) {
  if (height.value < next_sample_) return;
  Check(replica, next_sample_, store);
  next_sample_ = (height.value / kSampleEvery + 1) * kSampleEvery;
}

void FinalityOracle::OnEnd(uint32_t replica, const storage::Store& store) {
  const uint64_t newest = std::min(store.committed_height().value, observed_->highest_committed());
  for (uint64_t back = 0; back < 2 && back < newest; ++back) Check(replica, newest - back, store);
}

void FinalityOracle::Check(uint32_t replica, uint64_t height, const storage::Store& store) {
  const absl::StatusOr<std::string> proof = store.FinalityAt(Height{height});
  if (!proof.ok()) {
    if (observed_->HasFault(replica, {"D3", "D4", "D5", "D6", "D8"})) return;
    return observed_->Violated(
        "S9", replica,
        absl::StrCat("cannot prove height ", height, ": ", proof.status().ToString()));
  }
  if (!Accepts(*proof, height)) {
    return observed_->Violated("S9", replica,
                               absl::StrCat("gives a proof of height ", height, " that is wrong"));
  }
  for (int i = 0; i < kChangesPerProof; ++i) {
    // A large odd step goes through all positions and bits, near and far.
    const uint64_t step = ++changes_ * 0x9E3779B97F4A7C15;
    std::string changed = *proof;
    changed[step % changed.size()] ^= static_cast<char>(1 << (step >> 61));
    if (!Accepts(changed, height)) continue;
    return observed_->Violated("S9", replica,
                               absl::StrCat("a proof of height ", height, " is accepted with byte ",
                                            step % changed.size(), " changed"));
  }
}

bool FinalityOracle::Accepts(const std::string& proof, uint64_t height) {
  const absl::StatusOr<consensus::Header> header = consensus::VerifyFinality(proof, verifier_);
  return header.ok() && consensus::HashOf(*header) == observed_->ChainAt(height);
}

}  // namespace kiln::sim
