#include "consensus/executed_state.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(executed_state) {
  return IsCanonical(input, consensus::DecodeExecutedState(input));
}

}  // namespace kiln::fuzz
