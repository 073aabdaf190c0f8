#include <algorithm>

#include "consensus/codec.h"
#include "consensus/finality.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {

// A proof that verifies is for a block of the chain: nobody signed for any other.
KILN_FUZZ_TARGET(finality_proof) {
  Samples& samples = CheapSamples();
  const bool decodes = IsCanonical(input, consensus::DecodeFinalityProof(input));
  const absl::StatusOr<consensus::Header> header =
      consensus::VerifyFinality(input, samples.world.verifier());
  if (!header.ok()) {
    ExpectReadable(header.status());
    return false;
  }
  Expect(decodes, "what verifies decodes");
  const uint64_t height = header->height.value;
  Expect(height < samples.ledger.chain().size() &&
             consensus::HashOf(*header) == samples.ledger.at(height)->id,
         "only blocks of the chain are proved final");
  return true;
}

}  // namespace kiln::fuzz
