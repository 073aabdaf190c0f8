// Blocks of a damaged ledger, put back from whoever can prove them.
#ifndef KILN_STORAGE_LEDGER_REPAIR_H_
#define KILN_STORAGE_LEDGER_REPAIR_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/genesis.h"
#include "storage/chain_verifier.h"
#include "storage/ledger_audit.h"

namespace kiln::storage {

class Database;

// The heights of which an index entry, block, payload or certificate is damaged, ascending: what a
// proved block mends. Results and state come from executing, metadata and safety from nobody else.
bool IsMendedByABlock(LedgerPart part);
std::vector<Height> HeightsToRepair(const LedgerAudit& audit);

// Writes the block, both its index entries and, from `finality`, the certificate: one synced batch.
// InvalidArgument when `finality` does not prove the block; FailedPrecondition when what is still
// readable of the ledger has another block there, or when its proof runs through blocks above
// `committed`, which this ledger does not have. Nothing is written then.
absl::Status PutBlockBack(const consensus::Block& block, absl::string_view finality,
                          Height committed, const Genesis& genesis, ChainVerifier* verifier,
                          Database* database);
// The same checks alone.
absl::Status CheckPutBack(const consensus::Block& block, absl::string_view finality,
                          Height committed, const Genesis& genesis, ChainVerifier* verifier,
                          const Database& database);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_REPAIR_H_
