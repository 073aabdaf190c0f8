#include "storage/ledger_summary.h"

#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "consensus/finality.h"
#include "storage/ledger_reader.h"
#include "storage/recovery.h"

namespace kiln::storage {
namespace {

template <typename T>
std::optional<T> OrProblem(absl::StatusOr<T> read, LedgerSummary* summary) {
  if (read.ok()) return *std::move(read);
  summary->problems.emplace_back(read.status().message());
  return std::nullopt;
}

absl::StatusOr<uint64_t> TransactionsUpTo(const LedgerReader& reader, const LedgerBase& base,
                                          Height height) {
  if (height == base.height()) return base.total_transactions;
  KILN_ASSIGN_OR_RETURN(const BlockResults results, reader.Results(height));
  return results.total_transactions;
}

}  // namespace

LedgerSummary Summarize(const RocksDb& database, const Genesis& genesis) {
  const LedgerReader reader(&database, genesis.limits);
  LedgerSummary summary;
  summary.format = OrProblem(reader.FormatVersion(), &summary);
  summary.chain_id = OrProblem(reader.ChainId(), &summary);
  summary.committed = OrProblem(reader.Head(), &summary);
  summary.executed = OrProblem(reader.Executed(), &summary);
  summary.safety = OrProblem(reader.Safety(), &summary);
  const std::optional<LedgerBase> base = OrProblem(LoadBase(reader, genesis), &summary);
  if (base.has_value()) summary.lowest = base->lowest();
  if (base.has_value() && summary.executed.has_value()) {
    summary.transactions =
        OrProblem(TransactionsUpTo(reader, *base, summary.executed->height), &summary);
  }
  if (summary.committed.has_value()) {
    auto above =
        OrProblem(reader.StoredFrom(Height{summary.committed->height.value + 1}), &summary);
    if (above.has_value()) summary.uncommitted = *std::move(above);
  }
  for (size_t i = 0; i < kFamilyCount; ++i) {
    summary.sizes[i] = database.SizeOf(static_cast<Family>(i));
  }
  summary.start = LoadLedger(database, genesis).status();
  return summary;
}

absl::StatusOr<HeightSummary> SummarizeHeight(const Store& store, Height height) {
  HeightSummary summary{.final_by = height};
  KILN_ASSIGN_OR_RETURN(summary.block, store.BlockAt(height));
  if (height.value == 0) return summary;
  KILN_ASSIGN_OR_RETURN(const std::string finality, store.FinalityAt(height));
  KILN_ASSIGN_OR_RETURN(const consensus::FinalityProof proof,
                        consensus::DecodeFinalityProof(finality));
  summary.final_by = proof.headers[proof.headers.size() - 2].height;
  if (height > store.executed_state().height) return summary;
  KILN_ASSIGN_OR_RETURN(summary.results, store.ResultsAt(height));
  return summary;
}

}  // namespace kiln::storage
