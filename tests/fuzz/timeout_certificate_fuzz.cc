#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(timeout_certificate) {
  return IsCanonical(input, consensus::DecodeTimeoutCertificate(input));
}

}  // namespace kiln::fuzz
