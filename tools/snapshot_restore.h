// A home's ledger made of a snapshot file.
#ifndef KILN_TOOLS_SNAPSHOT_RESTORE_H_
#define KILN_TOOLS_SNAPSHOT_RESTORE_H_

#include <cstdint>
#include <istream>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kiln/node.h"
#include "kiln/types.h"
#include "tools/offline_home.h"

namespace kiln::tools {

struct RestoredSnapshot {
  Height height;
  Hash root;
  Height committed;  // of the ledger
  uint32_t chunks = 0;
};

// Checks all of the file against the home's genesis and, when `write` is set, makes it the home's
// ledger: beside the data folder, which it then replaces. FailedPrecondition: the home has blocks,
// the file is of another chain or not of the `trusted` block's, or the home's key has signed what
// its safety record does not know; InvalidArgument or DataLoss: the file is damaged, or nobody
// certified it.
absl::StatusOr<RestoredSnapshot> RestoreSnapshot(const OfflineHome& home, const std::string& name,
                                                 std::istream* input,
                                                 const std::optional<TrustedBlock>& trusted,
                                                 bool write);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_SNAPSHOT_RESTORE_H_
