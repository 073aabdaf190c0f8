// Makes what a replica and an executor would give to a store: an honest chain, step by step.
#ifndef KILN_TESTS_STORAGE_LEDGER_DRIVER_H_
#define KILN_TESTS_STORAGE_LEDGER_DRIVER_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/hash.h"
#include "storage/store.h"
#include "tests/consensus/test_world.h"

namespace kiln::storage {

// One validator's view of a chain where every block is voted for. Not thread-safe.
class LedgerDriver {
 public:
  explicit LedgerDriver(consensus::TestWorld* world)
      : world_(world), chain_{world->genesis_block()} {
    safety_.epoch = {1};
    safety_.high_qc = world->genesis_qc();
  }

  // A block on the tip, after `rounds_skipped` rounds without one; it commits what its certificate
  // proves final. The write is what the replica asks for before it votes.
  DurableWrite Extend(const std::vector<std::string>& transactions = {},
                      uint64_t rounds_skipped = 0) {
    const consensus::BlockPtr& tip = chain_.back();
    const Round round{tip->header.round.value + 1 + rounds_skipped};
    consensus::BlockPtr block = world_->Child(tip, round, Options(transactions));
    DurableWrite write;
    write.blocks.push_back(block);
    AddCommit(block->justify, &write);
    chain_.push_back(block);
    safety_.high_qc = block->justify;
    safety_.last_voted_round = round;
    safety_.locked_qc_round = block->justify.round;
    safety_.last_vote = world_->VoteFor(block, {0});
    write.safety = safety_;
    return write;
  }

  // A block that lost its round: on the tip, with these transactions, never extended. Whoever keeps
  // it has seen its certificate: persist it with safety().
  consensus::BlockPtr Sibling(const std::vector<std::string>& transactions) {
    const consensus::BlockPtr& tip = chain_.back();
    consensus::BlockPtr block =
        world_->Child(tip, Round{tip->header.round.value + 1}, Options(transactions));
    safety_.high_qc = block->justify;
    return block;
  }

  // By height, block 0 first; the uncommitted ones too.
  const std::vector<consensus::BlockPtr>& chain() const { return chain_; }
  const consensus::BlockPtr& at(uint64_t height) const { return chain_.at(height); }
  uint64_t committed() const { return committed_; }
  const consensus::SafetyRecord& safety() const { return safety_; }
  consensus::TestWorld& world() { return *world_; }

  // The height's state: a function of the blocks up to it.
  consensus::ExecutedState StateAt(uint64_t height) const {
    if (height == 0) return consensus::GenesisState(world_->genesis());
    consensus::ExecutedState state = consensus::GenesisState(world_->genesis());
    state.height = {height};
    state.time_us = at(height)->header.time_us;
    state.epoch = {1};
    state.application_root =
        crypto::HashBytes(crypto::kDomainApplicationRoot, at(height)->id.view());
    state.snapshot_height =
        consensus::SnapshotNamedAt(state.height, world_->genesis().limits.snapshot_interval_blocks);
    if (state.snapshot_height.value > 0) state.snapshot_root = snapshot_root_;
    return state;
  }
  // Of the only snapshot that states name.
  void SetSnapshotRoot(const Hash& root) { snapshot_root_ = root; }

  BlockResults ResultsAt(uint64_t height) const {
    BlockResults results{.state = StateAt(height)};
    for (const auto& entry : at(height)->index->entries) {
      TransactionIdPrefix prefix;
      std::copy_n(entry.id.bytes.begin(), prefix.size(), prefix.begin());
      results.ids.push_back(prefix);
      results.replies.push_back(Reply::Ok(absl::StrCat("reply ", results.replies.size())));
    }
    return results;
  }

  static std::vector<StateWrite> WritesAt(uint64_t height) {
    return {{.key = "height", .value = absl::StrCat(height)},
            {.key = absl::StrCat("at ", height), .value = "written"},
            {.key = absl::StrCat("at ", height - 1), .value = std::nullopt}};
  }

 private:
  consensus::BlockOptions Options(const std::vector<std::string>& transactions) const {
    return {.transactions = transactions,
            .executed_height = Height{committed_},
            .state_root = StateAt(committed_).Root()};
  }

  // The two-chain rule for the certificate of the tip.
  void AddCommit(const consensus::QuorumCertificate& certificate, DurableWrite* write) {
    const consensus::Header& child = chain_.back()->header;
    if (child.round.value != child.parent_round.value + 1) return;
    if (child.height.value < committed_ + 2) return;
    Commit commit{.blocks = {}, .child = child, .certificate = certificate};
    while (committed_ + 1 < child.height.value) commit.blocks.push_back(chain_[++committed_]);
    write->commits.push_back(std::move(commit));
  }

  consensus::TestWorld* const world_;
  std::vector<consensus::BlockPtr> chain_;
  uint64_t committed_ = 0;
  Hash snapshot_root_;
  consensus::SafetyRecord safety_;
};

}  // namespace kiln::storage

#endif  // KILN_TESTS_STORAGE_LEDGER_DRIVER_H_
