#include <string>

#include "consensus/validator_set.h"
#include "kiln/genesis.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(genesis_json) {
  const absl::StatusOr<Genesis> genesis = Genesis::FromJson(input);
  if (!genesis.ok()) {
    ExpectReadable(genesis.status());
    return false;
  }
  Expect(genesis->Validate().ok(), "a genesis that was read is valid");
  Expect(consensus::ValidatorSet::FromGenesis(*genesis).ok(), "a genesis has a validator set");
  const std::string json = genesis->ToJson();
  const absl::StatusOr<Genesis> again = Genesis::FromJson(json);
  Expect(again.ok(), "what was written is read");
  Expect(again->ToJson() == json, "what was read is written the same");
  Expect(again->ChainId() == genesis->ChainId(), "the chain id survives writing");
  return true;
}

}  // namespace kiln::fuzz
