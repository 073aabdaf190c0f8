#include <string>

#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(blocks) {
  std::string mended(input);
  MendBlocks(&mended);
  IsCanonical(mended, consensus::DecodeBlocks(mended, SampleLimits()));
  return IsCanonical(input, consensus::DecodeBlocks(input, SampleLimits()));
}

}  // namespace kiln::fuzz
