#include "storage/application_rollback.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/executed_state.h"
#include "storage/ledger_reader.h"
#include "storage/recovery.h"
#include "storage/schema.h"

namespace kiln::storage {

absl::string_view HowToMakeStateAgain(Height lowest) {
  if (lowest.value <= 1) {
    return "`kiln ledger rollback-application` has the state made again out of all blocks";
  }
  return "the oldest blocks are not here, so the state cannot be made again: move the data folder "
         "away, run `kiln recover`, and start the node: the others give it a snapshot, or all "
         "blocks";
}

absl::Status WithWayOut(const absl::Status& status, const Store& store) {
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(
      absl::StrCat(status.message(), ": ", HowToMakeStateAgain(store.base().lowest())));
}

absl::StatusOr<ApplicationRollback> PlanRollback(const Database& database, const Genesis& genesis) {
  const LedgerReader reader(&database, genesis.limits);
  KILN_RETURN_IF_ERROR(CheckFormatAndChain(database, reader, genesis));
  ApplicationRollback plan;
  KILN_ASSIGN_OR_RETURN(const HeadRecord head, reader.Head());
  plan.committed = head.height;
  KILN_ASSIGN_OR_RETURN(const LedgerBase base, LoadBase(reader, genesis));
  if (base.height().value > 0) {
    return absl::FailedPreconditionError(absl::StrCat("the ledger begins at height ",
                                                      base.lowest().value, ": ",
                                                      HowToMakeStateAgain(base.lowest())));
  }
  const absl::StatusOr<consensus::ExecutedState> executed = reader.Executed();
  if (executed.ok()) plan.executed = executed->height;
  return plan;
}

absl::Status RollBackApplication(const Genesis& genesis, RocksDb* database) {
  const std::unique_ptr<WriteBatch> batch = database->NewBatch(/*bytes=*/0);
  database->DeleteAll(Family::kApplicationState, batch.get());
  database->DeleteAll(Family::kTransactionIndex, batch.get());
  batch->PutSealed(Family::kMetadata, kExecutedKey,
                   consensus::Encode(consensus::GenesisState(genesis)));
  return database->Write(batch.get(), Durability::kSynced);
}

}  // namespace kiln::storage
