#include "storage/safety_checks.h"

#include "absl/strings/str_cat.h"

namespace kiln::storage {
namespace {

absl::Status Contradiction(absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("the safety record contradicts itself or the ledger: ", what));
}

// What holds of every record that a replica ever wrote.
absl::Status CheckRecordAlone(const consensus::SafetyRecord& safety) {
  if (safety.high_qc.epoch != safety.epoch) {
    return Contradiction(absl::StrCat("its certificate is of epoch ", safety.high_qc.epoch.value,
                                      ", the record of epoch ", safety.epoch.value));
  }
  if (safety.locked_qc_round > safety.high_qc.round) {
    return Contradiction(absl::StrCat("locked on round ", safety.locked_qc_round.value,
                                      ", above its highest certificate of round ",
                                      safety.high_qc.round.value));
  }
  if (safety.locked_qc_round > safety.last_voted_round) {
    return Contradiction(absl::StrCat("locked on round ", safety.locked_qc_round.value,
                                      ", but voted last in round ", safety.last_voted_round.value));
  }
  const bool vote_is_later =
      safety.last_vote.has_value() && safety.last_vote->round > safety.last_voted_round;
  const bool timeout_is_later =
      safety.last_timeout.has_value() && safety.last_timeout->round > safety.last_voted_round;
  if (vote_is_later || timeout_is_later) {
    return Contradiction(absl::StrCat("it holds a signature of a round after round ",
                                      safety.last_voted_round.value,
                                      ", the last one it admits to"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSafetyRecord(const consensus::SafetyRecord& safety,
                               const consensus::Header& committed,
                               absl::FunctionRef<bool(const Hash& id)> is_stored) {
  if (absl::Status status = CheckRecordAlone(safety); !status.ok()) return status;
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
