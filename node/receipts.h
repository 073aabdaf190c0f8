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

// The newest execution of each id at or above `lowest`, in the order asked for; NotFound when there
// is none. Reads each block once and builds its Merkle tree once. Thread-safe.
std::vector<absl::StatusOr<ReceiptParts>> FindReceipts(const storage::Store& store,
                                                       absl::Span<const Hash> ids, Height lowest);

// What the Merkle tree of a block is built over.
std::vector<Hash> LeavesOf(const consensus::PayloadIndex& index);

// One receipt as the public API shows it.
Receipt ToReceipt(const ReceiptParts& parts);

}  // namespace kiln::node

#endif  // KILN_NODE_RECEIPTS_H_
