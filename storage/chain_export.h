// A part of a ledger as a chain file (storage/chain_file.h).
#ifndef KILN_STORAGE_CHAIN_EXPORT_H_
#define KILN_STORAGE_CHAIN_EXPORT_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kiln/types.h"
#include "storage/chain_file.h"
#include "storage/records.h"
#include "storage/store.h"

namespace kiln::storage {

// Where a chain file can end: a block that its child commits, and why.
struct ChainEnd {
  Height height;
  CommitRecord commit;
};

// The lowest end from `height` on whose certificate is in the chain itself, in the block after the
// child: then it is the same on every replica, as are the blocks. NotFound when the chain is not
// high enough yet.
absl::StatusOr<ChainEnd> FindEnd(const Store& store, Height height);
// The highest of these.
absl::StatusOr<ChainEnd> FindHighestEnd(const Store& store);
// The committed head, with the certificate that this replica has: others may have another one.
absl::StatusOr<ChainEnd> HeadEnd(const Store& store);

// Called after each height.
using ChainProgress = absl::FunctionRef<void(Height height)>;

// REQUIRES: 0 < first <= end.height.
absl::Status ExportChain(const Store& store, const Hash& chain_id, Height first,
                         const ChainEnd& end, ChainFileWriter* writer, ChainProgress progress);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_CHAIN_EXPORT_H_
