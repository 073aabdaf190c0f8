#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(standing) {
  return IsCanonical(input, consensus::DecodeStanding(input));
}

}  // namespace kiln::fuzz
