#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(timeout) {
  return IsCanonical(input, consensus::DecodeTimeout(input));
}

}  // namespace kiln::fuzz
