// What lies in a ledger's database, counted rather than checked: for people who look at a stopped
// node's folder, whatever state it is in.
#ifndef KILN_STORAGE_LEDGER_SUMMARY_H_
#define KILN_STORAGE_LEDGER_SUMMARY_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/executed_state.h"
#include "consensus/safety_record.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "storage/records.h"
#include "storage/rocksdb_database.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace kiln::storage {

// A part that cannot be read is left out, and `problems` says why.
struct LedgerSummary {
  std::optional<uint64_t> format;
  std::optional<Hash> chain_id;
  std::optional<HeadRecord> committed;
  std::optional<consensus::ExecutedState> executed;
  std::optional<uint64_t> transactions;  // executed by the application since genesis
  std::optional<consensus::SafetyRecord> safety;
  std::optional<Height> lowest;         // block 0 apart
  std::vector<HeadRecord> uncommitted;  // stored above the committed head
  std::array<FamilySize, kFamilyCount> sizes;
  std::vector<std::string> problems;
  absl::Status start;  // OK when a node would start from it, or why not
};
LedgerSummary Summarize(const RocksDb& database, const Genesis& genesis);

// What is stored of one committed height.
struct HeightSummary {
  consensus::BlockPtr block;
  Height final_by;  // the height whose certificate makes it final: its own, or one above
  std::optional<BlockResults> results;  // none when not executed yet
};
// NotFound when nothing is stored of it; DataLoss when it is damaged.
absl::StatusOr<HeightSummary> SummarizeHeight(const Store& store, Height height);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LEDGER_SUMMARY_H_
