#include <memory>
#include <string>

#include "consensus/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

// Block's invariant, computed the slow way.
void ExpectSealed(const consensus::Block& block) {
  Expect(block.id == consensus::HashOf(block.header), "the id is the header's hash");
  Expect(block.header.justify_hash == consensus::HashOf(block.justify),
         "the justify hash is the certificate's");
  consensus::PayloadBuilder again;
  for (size_t i = 0; i < block.index->entries.size(); ++i) {
    again.Add(block.index->EnvelopeAt(*block.payload, i));
  }
  Expect(*std::move(again).Finish() == *block.payload, "the index describes the payload");
}

bool Check(absl::string_view body, absl::string_view payload) {
  const absl::StatusOr<consensus::BlockPtr> block =
      consensus::DecodeBlock(body, std::make_shared<const std::string>(payload), SampleLimits());
  if (block.ok()) ExpectSealed(**block);
  return IsCanonical(body, block, [](const consensus::BlockPtr& decoded) {
    return consensus::EncodeWithoutPayload(*decoded);
  });
}

}  // namespace

// A part without the payload, then the payload.
KILN_FUZZ_TARGET(block) {
  const absl::string_view body = TakePart(&input);
  std::string mended(body);
  MendBlock(input, &mended);
  Check(mended, input);
  return Check(body, input);
}

}  // namespace kiln::fuzz
