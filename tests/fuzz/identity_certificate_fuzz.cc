#include <string>

#include "absl/time/time.h"
#include "network/tls_identity.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/identity_time.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {

// The certificate that a peer shows, in PEM. The corpus is signed by validator 0's node key, for
// the sample chain: nobody else's name comes out of any mutation.
KILN_FUZZ_TARGET(identity_certificate) {
  const absl::StatusOr<network::PeerIdentity> identity =
      network::CheckIdentityCertificate(input, kIdentityTime);
  if (!identity.ok()) {
    ExpectReadable(identity.status());
    return false;
  }
  const Genesis& genesis = CheapSamples().world.genesis();
  Expect(identity->node_key == genesis.validators[0].node_key, "only who signed is believed to be");
  Expect(identity->chain_id == genesis.ChainId(), "a certificate is for one chain");
  return true;
}

}  // namespace kiln::fuzz
