#include "storage/store.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace kiln::storage {

absl::StatusOr<HeightState> Store::StateAt(Height height) const {
  const LedgerBase standing = base();
  if (height == standing.height()) return HeightState{standing.state, standing.total_transactions};
  KILN_ASSIGN_OR_RETURN(const BlockResults results, ResultsAt(height));
  return HeightState{results.state, results.total_transactions};
}

absl::StatusOr<std::vector<TransactionIdPrefix>> ExecutedIds(const BlockResults& results) {
  if (results.ids.size() != results.replies.size()) {
    return absl::DataLossError(absl::StrCat("results of height ", results.state.height.value, ": ",
                                            results.ids.size(), " ids, ", results.replies.size(),
                                            " replies"));
  }
  std::vector<TransactionIdPrefix> executed;
  executed.reserve(results.ids.size());
  for (size_t i = 0; i < results.ids.size(); ++i) {
    if (IsExecuted(results.replies[i])) executed.push_back(results.ids[i]);
  }
  return executed;
}

}  // namespace kiln::storage
