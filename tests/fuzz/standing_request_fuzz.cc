#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(standing_request) {
  return IsCanonical(input, consensus::DecodeStandingRequest(input));
}

}  // namespace kiln::fuzz
