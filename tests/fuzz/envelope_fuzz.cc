#include <string>

#include "consensus/payload.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(envelope) {
  return IsCanonical(input, consensus::DecodeEnvelope(input, SampleLimits()),
                     [](const consensus::Envelope& envelope) {
                       std::string bytes;
                       consensus::AppendEnvelope(envelope, &bytes);
                       return bytes;
                     });
}

}  // namespace kiln::fuzz
