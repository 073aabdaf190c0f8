// Receipts of transactions that the ledger has executed.
#ifndef KILN_NODE_RECEIPTS_H_
#define KILN_NODE_RECEIPTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/ids.h"
#include "consensus/payload.h"
#include "kiln/types.h"
#include "node/duplicate_window.h"
#include "storage/store.h"

namespace kiln::node {

// Where a transaction was executed, and the proofs of it.
struct ReceiptParts {
  Height height;
  Hash block_id;
  uint32_t index = 0;
  Reply reply;
  std::string inclusion;            // as in CommitProof
  consensus::SharedBytes finality;  // encoded, as in CommitProof
};

// The execution of each id that is in the window, in the order asked for; NotFound for the others.
// Reads each block once and builds its Merkle tree once. Thread-safe.
std::vector<absl::StatusOr<ReceiptParts>> FindRecentReceipts(const storage::Store& store,
                                                             const DuplicateWindow& window,
                                                             absl::Span<const Hash> ids);

// The newest execution of a transaction, however old: looks through the ledger's transaction index
// from the newest block down. NotFound when there is none. Thread-safe.
absl::StatusOr<ReceiptParts> FindReceipt(const storage::Store& store, const Hash& id);

// What the Merkle tree of a block is built over.
std::vector<Hash> LeavesOf(const consensus::PayloadIndex& index);

// One receipt as the public API shows it.
Receipt ToReceipt(const ReceiptParts& parts);

}  // namespace kiln::node

#endif  // KILN_NODE_RECEIPTS_H_
