#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(quorum_certificate) {
  return IsCanonical(input, consensus::DecodeQuorumCertificate(input));
}

}  // namespace kiln::fuzz
