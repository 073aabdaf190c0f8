// The offline audit of a ledger: every hash, certificate and root that a store holds, checked
// again.
#ifndef KILN_STORAGE_LEDGER_AUDIT_H_
#define KILN_STORAGE_LEDGER_AUDIT_H_

#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/signing.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "storage/store.h"

namespace kiln::storage {

// Called after each height; `total` is the committed height.
using AuditProgress = absl::FunctionRef<void(Height height, Height total)>;

struct LedgerAudit {
  Height committed;
  Hash head_id;
  Height executed;
  Hash state_root;              // at `executed`
  uint64_t blocks_checked = 0;  // block 0 included
  uint64_t transactions = 0;    // ordered, duplicates included
  uint64_t certificates = 0;    // whose signatures were verified
};

// Checks blocks 1 to the committed height: ids, payload roots, parent links, heights, rounds,
// times, the certificates they carry, their finality, the executed heights and state roots that
// headers name against the stored results, and the safety record. The application's state itself
// cannot be checked without executing again; the chain of certified state roots is what is
// compared. DataLoss names height and block.
absl::StatusOr<LedgerAudit> AuditLedger(const Store& store, const Genesis& genesis,
                                        const consensus::SignatureVerifier& signatures,
                                        AuditProgress progress);

// What two ledgers have in common.
struct LedgerComparison {
  Height blocks_equal_to;  // the lower of the committed heights when there is no difference
  Height states_equal_to;  // likewise of the executed heights
  // The lowest height at which both have a block, or a state root, but not the same one.
  std::optional<Height> first_block_difference;
  std::optional<Height> first_state_difference;

  bool same() const {
    return !first_block_difference.has_value() && !first_state_difference.has_value();
  }
};

// Errors are those of reading; a difference is not one.
absl::StatusOr<LedgerComparison> CompareLedgers(const Store& a, const Store& b);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_AUDIT_H_
