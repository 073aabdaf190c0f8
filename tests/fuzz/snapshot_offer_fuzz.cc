#include "storage/chain_verifier.h"
#include "storage/snapshot_offer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {

// Nothing that was made up is a snapshot of the chain.
KILN_FUZZ_TARGET(snapshot_offer) {
  const auto offer = storage::DecodeSnapshotOffer(input, SampleLimits());
  if (offer.ok()) {
    Samples& samples = CheapSamples();
    static auto* const verifier =
        storage::ChainVerifier::Create(samples.world.genesis(), &samples.world.signatures())
            ->release();
    const absl::Status shown =
        storage::VerifySnapshotOffer(*offer, samples.world.genesis(), verifier).status();
    Expect(!shown.ok(), "no snapshot is certified in the samples");
    ExpectReadable(shown);
  }
  return IsCanonical(input, offer);
}

}  // namespace kiln::fuzz
