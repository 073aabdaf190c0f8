// Runs committed blocks through the application.
#ifndef KILN_NODE_EXECUTION_H_
#define KILN_NODE_EXECUTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/stage_profile.h"
#include "consensus/block.h"
#include "consensus/executed_state.h"
#include "kiln/application.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "node/duplicate_window.h"
#include "node/snapshots.h"
#include "storage/store.h"

namespace kiln::node {

// What came of one block; the store has it already.
struct ExecutedBlock {
  consensus::BlockPtr block;
  Hash state_root;
  storage::BlockResults results;
  std::vector<Event> events;
};

// Executes blocks in order, once per height. A transaction at height h is set aside (kExpired)
// unless h <= its last height <= h + duplicate window, and (kDuplicate) when its id was executed at
// one of the duplicate window's heights before or earlier in the block. Barriers follow the same
// rules, get an empty OK, and are not shown to the application. Every result is a function of the
// chain alone. For one thread; after an error nothing further may be executed.
class Executor {
 public:
  // What is borrowed outlives it; `profile` may be null. `window` and `snapshots` hold what `store`
  // has executed, and `total_transactions` is what the store's newest results say.
  Executor(const ChainLimits& limits, storage::Store* store, Application* application,
           DuplicateWindow* window, Snapshots* snapshots, uint64_t total_transactions = 0,
           StageProfile* profile = nullptr);

  // REQUIRES: one height above executed().height. ENSURES: on OK the results are in the store, the
  // window knows the ids, and `executed()` is the block's state. Errors: the application failed or
  // broke its contract, or the store did; the message names height and block.
  absl::StatusOr<ExecutedBlock> Execute(const consensus::BlockPtr& block);

  const consensus::ExecutedState& executed() const { return state_; }
  // Shown to the application since genesis; barriers and what was set aside are not counted.
  uint64_t total_transactions() const { return total_transactions_; }

 private:
  // What of a block is executed, and what of that the application sees.
  struct Selection {
    std::vector<Reply> replies;                          // one for each transaction
    std::vector<storage::TransactionIdPrefix> executed;  // ids, barriers included
    std::vector<absl::string_view> shown;                // payloads for the application
    std::vector<uint32_t> positions;                     // of those in the block
  };

  Selection Select(const consensus::Block& block) const;
  // Execute without the names of height and block in its errors.
  absl::StatusOr<ExecutedBlock> ExecuteNext(const consensus::BlockPtr& block);
  absl::StatusOr<Effects> RunApplication(const consensus::Block& block,
                                         const std::vector<absl::string_view>& transactions,
                                         State& state) const;

  const ChainLimits limits_;
  storage::Store* const store_;
  Application* const application_;
  DuplicateWindow* const window_;
  Snapshots* const snapshots_;
  StageProfile* const profile_;
  consensus::ExecutedState state_;
  uint64_t total_transactions_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_EXECUTION_H_
