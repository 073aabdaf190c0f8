#include "node/application_root.h"

#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln::node {
namespace {

Hash DigestOfWrites(absl::Span<const storage::StateWrite> writes) {
  crypto::Encoder encoder;
  encoder.U64(writes.size());
  for (const storage::StateWrite& write : writes) {
    encoder.Bytes(write.key).U8(write.value.has_value() ? 1 : 0);
    if (write.value.has_value()) encoder.Bytes(*write.value);
  }
  return crypto::HashBytes(kDomainStateWrites, encoder.view());
}

Hash DigestOfResults(absl::Span<const Reply> replies, absl::Span<const Event> events) {
  crypto::Encoder encoder;
  encoder.U64(replies.size());
  for (const Reply& reply : replies) encoder.U32(reply.code).Bytes(reply.bytes);
  encoder.U64(events.size());
  for (const Event& event : events) encoder.Bytes(event.type).Bytes(event.data);
  return crypto::HashBytes(kDomainBlockResults, encoder.view());
}

}  // namespace

Hash ApplicationRoot(const Hash& previous, Height height,
                     absl::Span<const storage::StateWrite> writes, absl::Span<const Reply> replies,
                     absl::Span<const Event> events) {
  crypto::Encoder encoder;
  encoder.Digest(previous)
      .U64(height.value)
      .Digest(DigestOfWrites(writes))
      .Digest(DigestOfResults(replies, events));
  return crypto::HashBytes(crypto::kDomainApplicationRoot, encoder.view());
}

}  // namespace kiln::node
