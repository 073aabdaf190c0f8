// A store in memory, for tests of what stands on top of storage.
#ifndef KILN_TESTS_NODE_MEMORY_STORE_H_
#define KILN_TESTS_NODE_MEMORY_STORE_H_

#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "consensus/block.h"
#include "consensus/executed_state.h"
#include "consensus/finality.h"
#include "kiln/genesis.h"
#include "kiln/state.h"
#include "storage/store.h"

namespace kiln::storage {

using StateMap = std::map<std::string, std::string>;

// A state that never changes.
class MemoryStateView : public StateView {
 public:
  explicit MemoryStateView(StateMap entries) : entries_(std::move(entries)) {}

  absl::StatusOr<std::string> Get(absl::string_view key) const override {
    const auto found = entries_.find(std::string(key));
    if (found == entries_.end()) return absl::NotFoundError("no such key");
    return found->second;
  }
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(
      absl::string_view from, size_t count_max) const override {
    std::vector<std::pair<std::string, std::string>> entries;
    auto entry = entries_.lower_bound(std::string(from));
    for (; entry != entries_.end() && entries.size() < count_max; ++entry) {
      entries.emplace_back(entry->first, entry->second);
    }
    return entries;
  }
  const StateMap& entries() const { return entries_; }

 private:
  const StateMap entries_;
};

class MemoryCursor : public StateCursor {
 public:
  explicit MemoryCursor(std::shared_ptr<const MemoryStateView> state)
      : state_(std::move(state)), at_(state_->entries().end()) {}

  absl::StatusOr<bool> Seek(absl::string_view key) override {
    at_ = state_->entries().lower_bound(std::string(key));
    return at_ != state_->entries().end();
  }
  absl::StatusOr<bool> Next() override { return ++at_ != state_->entries().end(); }
  absl::string_view key() const override { return at_->first; }
  absl::string_view value() const override { return at_->second; }

 private:
  const std::shared_ptr<const MemoryStateView> state_;
  StateMap::const_iterator at_;
};

// Keeps the contract of Store and nothing on disk: Recover() returns what a store that was closed
// and opened again would find now. Thread-safe. Copies the whole state for each block applied.
class MemoryStore : public Store {
 public:
  explicit MemoryStore(const Genesis& genesis)
      : genesis_block_(consensus::GenesisBlock(genesis)),
        state_(std::make_shared<MemoryStateView>(StateMap{})),
        executed_state_(consensus::GenesisState(genesis)),
        base_(GenesisBase(genesis)) {
    safety_.epoch = {1};
    safety_.high_qc = consensus::GenesisCertificate(genesis);
    committed_.push_back(genesis_block_);
  }

  absl::Status Persist(const DurableWrite& write) override {
    absl::MutexLock lock(&mutex_);
    if (write.safety.has_value()) safety_ = *write.safety;
    for (const consensus::BlockPtr& block : write.blocks) uncommitted_[block->id] = block;
    for (const Commit& commit : write.commits) AddCommit(commit);
    ++counters_.syncs;
    return absl::OkStatus();
  }

  RecoveredLedger Recover() const override {
    absl::MutexLock lock(&mutex_);
    RecoveredLedger ledger{.safety = safety_, .committed = committed_.back()};
    std::multimap<Height, consensus::BlockPtr> by_height;
    for (const auto& [id, block] : uncommitted_) by_height.emplace(block->header.height, block);
    for (const auto& [height, block] : by_height) ledger.uncommitted.push_back(block);
    return ledger;
  }

  absl::StatusOr<consensus::BlockPtr> BlockById(const Hash& id) const override {
    absl::MutexLock lock(&mutex_);
    const auto found = uncommitted_.find(id);
    if (found != uncommitted_.end()) return found->second;
    for (const consensus::BlockPtr& block : committed_) {
      if (block->id == id) return block;
    }
    return absl::NotFoundError("no such block");
  }
  absl::StatusOr<consensus::BlockPtr> BlockAt(Height height) const override {
    absl::MutexLock lock(&mutex_);
    if (height.value >= committed_.size()) return absl::NotFoundError("no block at this height");
    return committed_[height.value];
  }
  absl::StatusOr<consensus::Header> HeaderAt(Height height) const override {
    absl::StatusOr<consensus::BlockPtr> block = BlockAt(height);
    if (!block.ok()) return block.status();
    return (*block)->header;
  }
  absl::StatusOr<std::string> FinalityAt(Height height) const override {
    absl::MutexLock lock(&mutex_);
    const auto found = finality_.find(height);
    if (found == finality_.end()) return absl::NotFoundError("no block at this height");
    return found->second;
  }
  Height committed_height() const override {
    absl::MutexLock lock(&mutex_);
    return committed_.back()->header.height;
  }

  LedgerBase base() const override { return base_; }

  absl::Status ApplyBlock(const std::vector<StateWrite>& writes,
                          const BlockResults& results) override {
    absl::MutexLock lock(&mutex_);
    KILN_CHECK_EQ(results.state.height.value, executed_state_.height.value + 1);
    StateMap entries = state_->entries();
    for (const StateWrite& write : writes) {
      if (write.value.has_value()) {
        entries[write.key] = *write.value;
      } else {
        entries.erase(write.key);
      }
    }
    state_ = std::make_shared<MemoryStateView>(std::move(entries));
    executed_state_ = results.state;
    results_[results.state.height] = results;
    return absl::OkStatus();
  }
  consensus::ExecutedState executed_state() const override {
    absl::MutexLock lock(&mutex_);
    return executed_state_;
  }
  absl::StatusOr<BlockResults> ResultsAt(Height height) const override {
    absl::MutexLock lock(&mutex_);
    const auto found = results_.find(height);
    if (found == results_.end()) return absl::NotFoundError("no results at this height");
    return found->second;
  }
  absl::StatusOr<std::vector<TransactionIdPrefix>> ExecutedIdsAt(Height height) const override {
    const absl::StatusOr<BlockResults> results = ResultsAt(height);
    if (!results.ok()) return results.status();
    return ExecutedIds(*results);
  }
  absl::StatusOr<TransactionPosition> FindTransaction(const Hash& id,
                                                      Height lowest) const override {
    absl::MutexLock lock(&mutex_);
    for (auto at = results_.rbegin(); at != results_.rend() && at->first >= lowest; ++at) {
      if (at->first.value >= committed_.size()) continue;
      const auto& entries = committed_[at->first.value]->index->entries;
      for (uint32_t i = 0; i < entries.size(); ++i) {
        const bool executed = at->second.replies[i].code < Reply::kFirstEngineCode;
        if (executed && entries[i].id == id) return TransactionPosition{at->first, i};
      }
    }
    return absl::NotFoundError("no such transaction");
  }
  View state_view() const override {
    absl::MutexLock lock(&mutex_);
    return {.state = state_, .height = executed_state_.height};
  }
  absl::Status Prune(const PrunePlan& /*plan*/) override {
    return absl::UnimplementedError("this store keeps all");
  }
  absl::StatusOr<bool> DeletePruned(const PrunePlan& /*plan*/, size_t /*heights_max*/) override {
    return false;
  }
  absl::Status TakeSnapshot() override {
    absl::MutexLock lock(&mutex_);
    KILN_CHECK(snapshots_.emplace(executed_state_.height, state_).second);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Height>> Snapshots() const override {
    absl::MutexLock lock(&mutex_);
    std::vector<Height> heights;
    for (const auto& [height, state] : snapshots_) heights.push_back(height);
    return heights;
  }
  absl::StatusOr<std::unique_ptr<StateCursor>> OpenSnapshot(Height height) const override {
    absl::MutexLock lock(&mutex_);
    const auto found = snapshots_.find(height);
    if (found == snapshots_.end()) return absl::NotFoundError("no snapshot of this height");
    return std::make_unique<MemoryCursor>(found->second);
  }
  absl::Status DropSnapshot(Height height) override {
    absl::MutexLock lock(&mutex_);
    snapshots_.erase(height);
    return absl::OkStatus();
  }
  StoreCounters counters() const override {
    absl::MutexLock lock(&mutex_);
    return counters_;
  }

  // All of the application's state.
  StateMap state() const {
    absl::MutexLock lock(&mutex_);
    return state_->entries();
  }

 private:
  void AddCommit(const Commit& commit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (size_t i = 0; i < commit.blocks.size(); ++i) {
      const consensus::BlockPtr& block = commit.blocks[i];
      KILN_CHECK_EQ(block->header.height.value, committed_.size());
      KILN_CHECK(block->header.parent_id == committed_.back()->id);
      committed_.push_back(block);
      consensus::FinalityProof proof;
      for (size_t j = i; j < commit.blocks.size(); ++j) {
        proof.headers.push_back(commit.blocks[j]->header);
      }
      proof.headers.push_back(commit.child);
      proof.certificate = commit.certificate;
      finality_[block->header.height] = Encode(proof);
    }
    for (auto kept = uncommitted_.begin(); kept != uncommitted_.end();) {
      const bool stale = kept->second->header.height <= committed_.back()->header.height;
      kept = stale ? uncommitted_.erase(kept) : std::next(kept);
    }
  }

  const consensus::BlockPtr genesis_block_;
  mutable absl::Mutex mutex_;
  consensus::SafetyRecord safety_ ABSL_GUARDED_BY(mutex_);
  std::vector<consensus::BlockPtr> committed_ ABSL_GUARDED_BY(mutex_);  // by height
  std::map<Hash, consensus::BlockPtr> uncommitted_ ABSL_GUARDED_BY(mutex_);
  std::map<Height, std::string> finality_ ABSL_GUARDED_BY(mutex_);
  std::map<Height, BlockResults> results_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const MemoryStateView> state_ ABSL_GUARDED_BY(mutex_);
  consensus::ExecutedState executed_state_ ABSL_GUARDED_BY(mutex_);
  std::map<Height, std::shared_ptr<const MemoryStateView>> snapshots_ ABSL_GUARDED_BY(mutex_);
  StoreCounters counters_ ABSL_GUARDED_BY(mutex_);
  const LedgerBase base_;
};

}  // namespace kiln::storage

#endif  // KILN_TESTS_NODE_MEMORY_STORE_H_
