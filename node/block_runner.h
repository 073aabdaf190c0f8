// One committed block after the other, from the store to everybody who waits for it.
#ifndef KILN_NODE_BLOCK_RUNNER_H_
#define KILN_NODE_BLOCK_RUNNER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "base/ids.h"
#include "base/stage_profile.h"
#include "consensus/payload.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "node/commit_subscribers.h"
#include "node/duplicate_window.h"
#include "node/execution.h"
#include "node/pending_replies.h"
#include "storage/store.h"

namespace kiln::node {

// Executes what the store has committed. Takes blocks from the store rather than from a queue, so
// that nothing grows when execution is slower than consensus. After each block, in this order:
// clients are answered, subscribers called, the state root reported. ExecuteNext is for one thread
// at a time; the rest is thread-safe.
class BlockRunner {
 public:
  using Executed = std::function<void(Height, const Hash& state_root)>;

  // What is borrowed must outlive it; `profile` may be null. `executed` is called within
  // ExecuteNext and may wait.
  BlockRunner(const ChainLimits& limits, storage::Store* store, const DuplicateWindow* window,
              Executor* executor, PendingReplies* replies,
              std::shared_ptr<CommitSubscribers> subscribers, Executed executed,
              StageProfile* profile = nullptr);

  // REQUIRES: one above executed_height(), and committed. After an error nothing further may be
  // executed, and nobody was told anything.
  absl::Status ExecuteNext(Height height);

  // As of before the clients of that height were answered.
  Height executed_height() const { return Height{executed_height_}; }
  // Shown to the application since genesis.
  uint64_t total_transactions() const { return total_transactions_; }

 private:
  void Notify(const ExecutedBlock& executed, const consensus::SharedBytes& finality);

  const ChainLimits limits_;
  storage::Store* const store_;
  const DuplicateWindow* const window_;
  Executor* const executor_;
  PendingReplies* const replies_;
  const std::shared_ptr<CommitSubscribers> subscribers_;
  const Executed executed_;
  StageProfile* const profile_;
  std::atomic<uint64_t> executed_height_;
  std::atomic<uint64_t> total_transactions_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_BLOCK_RUNNER_H_
