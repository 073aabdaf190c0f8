// The offline audit of a ledger: every hash, certificate and root that a database holds, checked
// again, and all that is damaged named.
#ifndef KILN_STORAGE_LEDGER_AUDIT_H_
#define KILN_STORAGE_LEDGER_AUDIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/signing.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "storage/store.h"

namespace kiln::storage {

class ChainVerifier;
class Database;

// Called after each height; `total` is the committed height.
using AuditProgress = absl::FunctionRef<void(Height height, Height total)>;

// What of a ledger can be damaged or missing.
enum class LedgerPart {
  kIndex,        // which block is at a height, and at which height a block is
  kBlock,        // header and certificate of a block
  kPayload,      // its transactions
  kCertificate,  // why it is final
  kResults,      // what came of executing it
  kState,        // an entry of the application's state
  kMetadata,     // what the ledger says about itself
  kSafety,       // what the validator signed
  kSnapshot,     // the state as of a height
};
absl::string_view NameOf(LedgerPart part);  // "payload"

struct Damage {
  LedgerPart part = LedgerPart::kBlock;
  std::optional<Height> height;  // none for what belongs to no height
  std::string cause;
};
// "height 3: payload: ..."
std::string DescribeDamage(const Damage& damage);

struct LedgerAudit {
  Height lowest;  // the first that is checked
  Height committed;
  Hash head_id;
  Height executed;
  Hash state_root;              // at `executed`
  uint64_t blocks_checked = 0;  // block 0 included; those found good
  uint64_t transactions = 0;    // ordered, duplicates included
  uint64_t certificates = 0;    // of blocks found good, whose signatures were verified
  uint64_t payload_bytes = 0;   // read
  uint64_t snapshots = 0;       // found good by AuditSnapshots
  std::vector<Damage> damage;   // in order of height, then what belongs to none
  absl::Status start;           // OK when a node would start from it, or why not

  bool good() const { return damage.empty() && start.ok(); }
  bool HasDamaged(LedgerPart part) const;
};

// Checks blocks from the lowest to the committed height: ids, payload roots, parent links, heights,
// rounds, times, the certificates they carry, their finality, the index, the executed heights and
// state roots that headers name against the stored results; the checksums of the application's
// state; and the safety record. What the application's state means cannot be checked without
// executing again; the chain of certified state roots is what is compared. Goes on after what is
// damaged.
absl::StatusOr<LedgerAudit> AuditLedger(const Database& database, const Genesis& genesis,
                                        const consensus::SignatureVerifier& signatures,
                                        AuditProgress progress);

// Called after each height with all that was found so far. False: no further.
using AuditGoesOn = absl::FunctionRef<bool(Height height, const LedgerAudit& so_far)>;

// The same checks of the blocks from `first` to `last` alone, as far as they are committed, and of
// what stands beside each: its certificate, its results, its place in the index. Of a ledger in
// use, too.
LedgerAudit AuditHeights(const Database& database, const Genesis& genesis, ChainVerifier* verifier,
                         Height first, Height last, AuditGoesOn goes_on);

// Reads every snapshot to its end, and compares its root with the one that later results name; what
// is wrong joins the damage. REQUIRES: `audit` of the same ledger is good.
absl::Status AuditSnapshots(const Store& store, const Genesis& genesis, LedgerAudit* audit);

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
