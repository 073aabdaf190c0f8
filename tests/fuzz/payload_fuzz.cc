#include <memory>
#include <string>

#include "consensus/payload.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

using Index = std::shared_ptr<const consensus::PayloadIndex>;

// The payload again, envelope by envelope.
std::string Rebuild(absl::string_view payload, const consensus::PayloadIndex& index) {
  consensus::PayloadBuilder builder;
  for (const consensus::PayloadIndex::Entry& entry : index.entries) {
    const absl::string_view bytes = payload.substr(entry.offset, entry.length);
    const absl::StatusOr<consensus::Envelope> envelope =
        consensus::DecodeEnvelope(bytes, SampleLimits());
    Expect(envelope.ok(), "every entry of an indexed payload is an envelope");
    Expect(consensus::EnvelopeId(*envelope) == entry.id, "an entry's id is its envelope's");
    Expect(envelope->last_height == entry.last_height, "an entry's last height is its envelope's");
    Expect(consensus::LeafOf(entry.id, entry.last_height) == entry.leaf,
           "an entry's leaf covers its id and last height");
    builder.Add(*envelope);
  }
  return *std::move(builder).Finish();
}

}  // namespace

KILN_FUZZ_TARGET(payload) {
  const absl::StatusOr<Index> index = consensus::IndexPayload(input, SampleLimits());
  const absl::StatusOr<Index> batch = consensus::IndexBatch(input, SampleLimits());
  Expect(index.ok() == batch.ok(), "a payload is a batch and a batch is a payload");
  return IsCanonical(input, index,
                     [input](const Index& decoded) { return Rebuild(input, *decoded); });
}

}  // namespace kiln::fuzz
