#include "storage/lost_record.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/safety_recovery.h"
#include "consensus/safety_rules.h"
#include "storage/database.h"
#include "storage/ledger_reader.h"
#include "storage/recovery.h"
#include "storage/safety_raise.h"

namespace kiln::storage {
namespace {

using consensus::SafetyRecord;

SafetyRecord InitialRecord(const Genesis& genesis) {
  return consensus::InitialSafetyRecord(consensus::GenesisCertificate(genesis));
}

absl::Status Unusable(const Database& database, const absl::Status& why) {
  return absl::FailedPreconditionError(
      absl::StrCat(why.message(), ": move ", database.dir(),
                   " away and repeat this; without it the ledger is fetched from the others"));
}

// Whoever stored a block has seen the certificate in it, and that of the newest commit.
absl::Status RaiseByLedger(const LedgerReader& reader, SafetyRecord* record) {
  KILN_ASSIGN_OR_RETURN(const HeadRecord head, reader.Head());
  if (head.height.value > 0) {
    KILN_ASSIGN_OR_RETURN(const auto commit, reader.DirectCommitFrom(head.height));
    consensus::RaiseCertificates(record, commit.record.certificate, std::nullopt);
  }
  KILN_ASSIGN_OR_RETURN(const std::vector<HeadRecord> above,
                        reader.StoredFrom(Height{head.height.value + 1}));
  for (const HeadRecord& stored : above) {
    KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, reader.Block(stored.height, stored.id));
    consensus::RaiseCertificates(record, block->justify, std::nullopt);
  }
  return absl::OkStatus();
}

}  // namespace

RecordRemains NoRemains(const Genesis& genesis) {
  return {.record = absl::NotFoundError("there is neither a ledger nor a safety record"),
          .known = InitialRecord(genesis)};
}

absl::StatusOr<RecordRemains> FindRecordRemains(const Database& database, const Genesis& genesis,
                                                ValidatorIndex self,
                                                const consensus::SignatureVerifier& signatures) {
  const absl::StatusOr<bool> is_blank = IsBlank(database);
  if (!is_blank.ok()) return Unusable(database, is_blank.status());
  if (*is_blank) return NoRemains(genesis);
  const LedgerReader reader(&database, genesis.limits);
  const absl::StatusOr<SafetyRecord> stored = reader.Safety();
  RecordRemains remains{.record = LoadLedger(database, genesis, stored).status(),
                        .known = InitialRecord(genesis)};
  if (stored.ok()) {
    const absl::Status own = CheckRecordOf(self, *stored, genesis, signatures);
    if (!own.ok()) return Unusable(database, own);
    remains.known = *stored;
    remains.known.last_vote.reset();
    remains.known.last_timeout.reset();
  } else {
    KILN_MARK("a recovery finds no record");
  }
  absl::Status sound = RaiseByLedger(reader, &remains.known);
  if (sound.ok()) sound = LoadLedger(database, genesis, remains.known).status();
  if (!sound.ok()) return Unusable(database, sound);
  return remains;
}

absl::Status WriteRecoveredRecord(Database* database, const Genesis& genesis, ValidatorIndex self,
                                  const SafetyRecord& record,
                                  const consensus::SignatureVerifier& signatures) {
  KILN_RETURN_IF_ERROR(CheckRecordOf(self, record, genesis, signatures));
  KILN_ASSIGN_OR_RETURN(const bool is_blank, IsBlank(*database));
  if (is_blank) return CreateLedger(database, genesis, record);
  KILN_RETURN_IF_ERROR(CheckReplacement(*database, genesis, self, record));
  return ReplaceSafetyRecord(database, record);
}

}  // namespace kiln::storage
