#include <string>

#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(safety_record) {
  const std::string mended = WithChecksum(input);
  if (mended != input) IsCanonical(mended, consensus::DecodeSafetyRecord(mended));
  return IsCanonical(input, consensus::DecodeSafetyRecord(input));
}

}  // namespace kiln::fuzz
