#include <memory>
#include <string>

#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

bool Check(absl::string_view body, absl::string_view payload) {
  const absl::StatusOr<consensus::Proposal> proposal =
      consensus::DecodeProposal(body, std::make_shared<const std::string>(payload), SampleLimits());
  if (proposal.ok()) {
    Expect(*proposal->block->payload == payload, "the payload is kept as it came");
  }
  return IsCanonical(body, proposal, [](const consensus::Proposal& decoded) {
    return consensus::EncodeWithoutPayload(decoded);
  });
}

}  // namespace

// A part without the payload, then the payload.
KILN_FUZZ_TARGET(proposal) {
  const absl::string_view body = TakePart(&input);
  std::string mended(body);
  MendBlock(input, &mended);
  Check(mended, input);
  return Check(body, input);
}

}  // namespace kiln::fuzz
