// S9: what convinces somebody who knows the genesis alone.
#ifndef KILN_SIM_FINALITY_ORACLE_H_
#define KILN_SIM_FINALITY_ORACLE_H_

#include <cstdint>

#include "consensus/verifier.h"
#include "kiln/types.h"
#include "sim/observed.h"
#include "storage/store.h"

namespace kiln::sim {

// "From genesis and the exported proof alone, a light verifier accepts every committed block, and
// rejects it after any single-byte change." Looks at the first height, at every 64th when it is
// first committed, and at the last ones of every replica at the end; changes a few bytes of each
// proof, other ones each time. Not thread-safe.
class FinalityOracle {
 public:
  explicit FinalityOracle(Observed* observed);

  void OnCommitted(uint32_t replica, Height height, const storage::Store& store);
  void OnEnd(uint32_t replica, const storage::Store& store);

 private:
  static constexpr uint64_t kSampleEvery = 64;
  static constexpr int kChangesPerProof = 4;

  void Check(uint32_t replica, uint64_t height, const storage::Store& store);
  // Whether the proof shows that the canonical block of the height is final.
  bool Accepts(const std::string& proof, uint64_t height);

  Observed* const observed_;
  consensus::MessageVerifier verifier_;
  uint64_t next_sample_ = 1;
  uint64_t changes_ = 0;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_FINALITY_ORACLE_H_
