#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(certificates) {
  return IsCanonical(input, consensus::DecodeCertificates(input));
}

}  // namespace kiln::fuzz
