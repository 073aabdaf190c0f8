// The hash chain over what every block did to the application's state.
#ifndef KILN_NODE_APPLICATION_ROOT_H_
#define KILN_NODE_APPLICATION_ROOT_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/ids.h"
#include "kiln/types.h"
#include "storage/store.h"

namespace kiln::node {

inline constexpr absl::string_view kDomainStateWrites = "kiln/v1/state-writes";
inline constexpr absl::string_view kDomainBlockResults = "kiln/v1/block-results";

// Digest of: previous root, u64 height, digest of the writes, digest of the results.
//   writes  = u64 count, per key in ascending order: key, u8 1 and the value, or u8 0 when deleted
//   results = u64 count, per transaction: u32 code, reply; u64 count, per event: type, data
// (keys, values and so on with their u32 length). REQUIRES: `writes` ascend by key.
Hash ApplicationRoot(const Hash& previous, Height height,
                     absl::Span<const storage::StateWrite> writes, absl::Span<const Reply> replies,
                     absl::Span<const Event> events);

}  // namespace kiln::node

#endif  // KILN_NODE_APPLICATION_ROOT_H_
