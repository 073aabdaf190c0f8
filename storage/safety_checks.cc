#include "storage/safety_checks.h"

#include "absl/strings/str_cat.h"
#include "base/mark.h"

namespace kiln::storage {
namespace {

absl::Status Contradiction(absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("the safety record contradicts the ledger: ", what));
}

}  // namespace

absl::Status CheckSafetyRecord(const RecoveredLedger& ledger,
                               absl::FunctionRef<absl::Status(const Hash& id)> find) {
  const consensus::SafetyRecord& safety = ledger.safety;
  const consensus::Header& committed = ledger.committed->header;
  if (safety.epoch < committed.epoch) {
    return Contradiction(absl::StrCat("it is of epoch ", safety.epoch.value,
                                      ", the newest committed block of epoch ",
                                      committed.epoch.value));
  }
  if (safety.epoch != committed.epoch) return absl::OkStatus();
  // Whoever commits a block has seen the certificate of its parent, and of itself.
  if (safety.high_qc.round < committed.round) {
    KILN_MARK("a safety record older than the committed head is refused");
    return Contradiction(absl::StrCat("its highest certificate is of round ",
                                      safety.high_qc.round.value, ", but a block of round ",
                                      committed.round.value,
                                      " is committed: the record is older than the ledger"));
  }
  // A block is stored together with a record that has seen the certificate in it.
  for (const consensus::BlockPtr& block : ledger.uncommitted) {
    if (block->justify.round <= safety.high_qc.round) continue;
    KILN_MARK("a safety record older than a stored block is refused");
    return Contradiction(absl::StrCat(
        "its highest certificate is of round ", safety.high_qc.round.value,
        ", but a stored block of round ", block->header.round.value, " carries that of round ",
        block->justify.round.value, ": the record is older than the ledger"));
  }
  if (!safety.last_vote.has_value() || safety.last_vote->round <= committed.round) {
    return absl::OkStatus();
  }
  const absl::Status found = find(safety.last_vote->block_id);
  if (!absl::IsNotFound(found)) return found;
  KILN_MARK("a ledger older than the safety record is refused");
  return Contradiction(absl::StrCat("the block it voted for in round ",
                                    safety.last_vote->round.value,
                                    " is not stored: the ledger is older than the record"));
}

}  // namespace kiln::storage
