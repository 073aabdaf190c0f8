#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(vote) {
  return IsCanonical(input, consensus::DecodeVote(input));
}

}  // namespace kiln::fuzz
