#include "tests/soak/executions.h"

#include <algorithm>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "base/status_macros.h"
#include "node/id_table.h"
#include "storage/store.h"
#include "tools/offline_home.h"

namespace kiln::soak {
namespace {

using Counts = absl::flat_hash_map<storage::TransactionIdPrefix, uint32_t>;

absl::StatusOr<Counts> CountAll(const storage::Store& store) {
  Counts counts;
  const uint64_t last = store.executed_state().height.value;
  for (uint64_t height = 1; height <= last; ++height) {
    KILN_ASSIGN_OR_RETURN(const storage::BlockResults results, store.ResultsAt(Height{height}));
    for (size_t i = 0; i < results.ids.size(); ++i) {
      if (results.replies[i].code < Reply::kFirstEngineCode) ++counts[results.ids[i]];
    }
  }
  return counts;
}

}  // namespace

absl::StatusOr<Executions> CountExecutions(const std::string& home,
                                           const std::vector<Hash>& acknowledged) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, tools::OpenStoredLedger(home));
  KILN_ASSIGN_OR_RETURN(const Counts counts, CountAll(*store));
  Executions executions;
  for (const auto& [unused, count] : counts) {
    if (count > 1) ++executions.duplicated;
  }
  executions.lost = static_cast<uint64_t>(
      std::count_if(acknowledged.begin(), acknowledged.end(),
                    [&](const Hash& id) { return !counts.contains(node::PrefixOf(id)); }));
  return executions;
}

}  // namespace kiln::soak
