#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(header) {
  return IsCanonical(input, consensus::DecodeHeader(input));
}

}  // namespace kiln::fuzz
