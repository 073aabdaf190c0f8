#include "storage/safety_checks.h"

#include "absl/strings/str_cat.h"

namespace kiln::storage {
namespace {

absl::Status Contradiction(absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("the safety record contradicts the ledger: ", what));
}

}  // namespace

absl::Status CheckSafetyRecord(const consensus::SafetyRecord& safety,
                               const consensus::Header& committed,
                               absl::FunctionRef<bool(const Hash& id)> is_stored) {
  if (safety.epoch < committed.epoch) {
    return Contradiction(absl::StrCat("it is of epoch ", safety.epoch.value,
                                      ", the newest committed block of epoch ",
                                      committed.epoch.value));
  }
  if (safety.epoch != committed.epoch) return absl::OkStatus();
  // Whoever commits a block has seen the certificate of its parent, and of itself.
  if (safety.high_qc.round < committed.round) {
    return Contradiction(absl::StrCat("its highest certificate is of round ",
                                      safety.high_qc.round.value, ", but a block of round ",
                                      committed.round.value,
                                      " is committed: the record is older than the ledger"));
  }
  if (safety.last_vote.has_value() && safety.last_vote->round > committed.round &&
      !is_stored(safety.last_vote->block_id)) {
    return Contradiction(absl::StrCat("the block it voted for in round ",
                                      safety.last_vote->round.value,
                                      " is not stored: the ledger is older than the record"));
  }
  return absl::OkStatus();
}

}  // namespace kiln::storage
