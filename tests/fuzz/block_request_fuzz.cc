#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(block_request) {
  return IsCanonical(input, consensus::DecodeBlockRequest(input));
}

}  // namespace kiln::fuzz
