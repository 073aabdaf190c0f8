// What a ledger stands on: the committed block below the lowest one that is in it.
#ifndef KILN_STORAGE_LEDGER_BASE_H_
#define KILN_STORAGE_LEDGER_BASE_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/executed_state.h"
#include "kiln/genesis.h"

namespace kiln::storage {

// Of the committed block below the lowest one: all that later heights refer to. Block 0 until
// blocks are pruned, or of a ledger that begins with a snapshot the snapshot's height. Blocks,
// certificates and results from lowest() on are in the ledger; whatever of lower ones is still
// there (block 0 apart) counts as deleted.
struct LedgerBase {
  consensus::Header header;
  Height commits_height;           // what its own chain commits (BlockTree::CommitsHeight)
  consensus::ExecutedState state;  // as of its height
  uint64_t total_transactions = 0;

  Height height() const { return header.height; }
  Height lowest() const { return Height{header.height.value + 1}; }
  friend bool operator==(const LedgerBase&, const LedgerBase&) = default;
};

LedgerBase GenesisBase(const Genesis& genesis);

std::string EncodeBase(const LedgerBase& base);
absl::StatusOr<LedgerBase> DecodeBase(absl::string_view bytes);
// DataLoss when its parts do not belong together, or to this chain.
absl::Status CheckBase(const LedgerBase& base, const Genesis& genesis);

// What the chain up to and including `head` commits: the rule of BlockTree::CommitsHeight, read
// from headers. Ends at the first pair of consecutive rounds, usually at once, or at the base.
// REQUIRES: `head` is the base's header or a descendant of it.
absl::StatusOr<Height> CommitsHeightOf(
    const consensus::Header& head, const LedgerBase& base,
    absl::FunctionRef<absl::StatusOr<consensus::Header>(Height)> header_at);

// For whoever reads what is not there any more: NotFound, with the lowest height that is.
absl::Status PrunedError(Height height, Height lowest);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_BASE_H_
