// A handler that commits whatever it is given, at once and with real proofs, and misbehaves on
// request.
#ifndef KILN_TESTS_NETWORK_FAKE_CHAIN_H_
#define KILN_TESTS_NETWORK_FAKE_CHAIN_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "consensus/receipt.h"
#include "crypto/merkle.h"
#include "network/client_service.h"
#include "tests/consensus/test_world.h"

namespace kiln::network {

// Each submission becomes one block, followed by an empty one whose certificate makes it final.
// Thread-safe.
class FakeChain : public ClientHandler {
 public:
  static constexpr uint64_t kLastHeightAhead = 100;

  explicit FakeChain(const std::vector<uint64_t>& powers = {1, 1, 1, 1}, ChainLimits limits = {})
      : world_(powers, limits) {
    blocks_.push_back(world_.genesis_block());
  }

  // Run on outcomes before they are delivered, on found transactions, and on blocks.
  std::function<void(SubmitOutcomes*)> tamper_outcomes;
  std::function<void(TransactionView*)> tamper_transaction;
  std::function<void(CommittedBlockView*)> tamper_block;
  std::function<void(NodeStatus*)> tamper_status;
  // The signers of every certificate; all of a quorum by default.
  std::vector<ValidatorIndex> signers;

  const Genesis& genesis() const { return world_.genesis(); }

  void RefuseSubmissions(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    refusal_ = status;
  }
  // Submissions and queries wait until Release.
  void Hold() {
    absl::MutexLock lock(&mutex_);
    holding_ = true;
  }
  void Release() {
    std::vector<std::function<void()>> held;
    {
      absl::MutexLock lock(&mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (const std::function<void()>& run : held) run();
  }
  void AwaitHeld(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [this, count]()
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return held_.size() >= count; };
    KILN_CHECK(mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(60)));
  }
  // Waits until somebody waits for a block.
  void AwaitWaiter() {
    absl::MutexLock lock(&mutex_);
    const auto waits = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !waiters_.empty(); };
    KILN_CHECK(mutex_.AwaitWithTimeout(absl::Condition(&waits), absl::Seconds(60)));
  }
  size_t waiter_count() {
    absl::MutexLock lock(&mutex_);
    return waiters_.size();
  }
  // As a stopping node does.
  void EndWaiting() {
    std::vector<absl::AnyInvocable<void() &&>> waiters;
    {
      absl::MutexLock lock(&mutex_);
      for (auto& [height, waiter] : waiters_) waiters.push_back(std::move(waiter));
      waiters_.clear();
    }
    for (auto& waiter : waiters) std::move(waiter)();
  }
  void CommitOne(const std::string& payload) {
    consensus::PayloadBuilder builder;
    builder.Add(consensus::Envelope{.payload = payload});
    Commit(*std::move(builder).Finish());
  }
  size_t submissions() {
    absl::MutexLock lock(&mutex_);
    return submissions_;
  }
  size_t transactions() {
    absl::MutexLock lock(&mutex_);
    return transactions_;
  }
  absl::Time last_deadline() {
    absl::MutexLock lock(&mutex_);
    return last_deadline_;
  }
  bool stop_requested() {
    absl::MutexLock lock(&mutex_);
    return stop_requested_;
  }

  void Submit(uint64_t first_sequence, std::string batch, absl::Time deadline,
              std::shared_ptr<SubmitSink> sink) override {
    absl::MutexLock lock(&mutex_);
    ++submissions_;
    last_deadline_ = deadline;
    auto run = [this, first_sequence, batch = std::move(batch), sink] {
      SubmitOutcomes outcomes = Answer(first_sequence, batch);
      if (tamper_outcomes) tamper_outcomes(&outcomes);
      sink->Deliver(std::move(outcomes));
    };
    if (holding_) {
      held_.push_back(std::move(run));
      return;
    }
    mutex_.Unlock();
    run();
    mutex_.Lock();
  }

  void Query(std::string query, Read level, absl::Time deadline,
             absl::AnyInvocable<void(absl::StatusOr<kiln::Answer>) &&> done) override {
    const std::string value = absl::StrCat(level == Read::kLocal ? "local " : "linear ", query);
    absl::MutexLock lock(&mutex_);
    last_deadline_ = deadline;
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    auto run = [shared, value, refusal = refusal_] {
      if (!refusal.ok()) return std::move(*shared)(refusal);
      std::move (*shared)(kiln::Answer{.height = 7, .value = value});
    };
    if (holding_) {
      held_.push_back(std::move(run));
      return;
    }
    mutex_.Unlock();
    run();
    mutex_.Lock();
  }

  absl::StatusOr<CommittedBlockView> GetBlock(uint64_t height) override {
    absl::MutexLock lock(&mutex_);
    if (height > Committed()) return absl::NotFoundError(absl::StrCat("no block ", height));
    CommittedBlockView view{.block = blocks_[height], .finality = FinalityOf(height)};
    if (tamper_block) tamper_block(&view);
    return view;
  }

  absl::StatusOr<TransactionView> GetTransaction(const Hash& id) override {
    absl::MutexLock lock(&mutex_);
    const auto found = positions_.find(id);
    if (found == positions_.end()) return absl::NotFoundError("no such transaction");
    const auto [height, index] = found->second;
    TransactionView view;
    view.envelope =
        std::string(blocks_[height]->index->EnvelopeAt(*blocks_[height]->payload, index));
    view.receipt = {.height = height,
                    .index = index,
                    .reply = Reply::Ok("done"),
                    .proof = {.block_id = blocks_[height]->id,
                              .inclusion = InclusionOf(*blocks_[height], index),
                              .finality = FinalityOf(height)}};
    if (tamper_transaction) tamper_transaction(&view);
    return view;
  }

  NodeStatus GetStatus() override {
    absl::MutexLock lock(&mutex_);
    NodeStatus status{.chain_name = world_.genesis().chain_name,
                      .chain_id = world_.chain_id(),
                      .validator_name = "v0",
                      .epoch = 1,
                      .round = 9,
                      .leader = "v1",
                      .committed_height = Committed(),
                      .executed_height = Committed(),
                      .head_id = blocks_[Committed()]->id,
                      .head_time = absl::FromUnixMicros(1234567),
                      .votes_signed = 3,
                      .ready = true};
    status.peers.push_back({.name = "v1", .address = "127.0.0.1:1", .last_error = "refused"});
    if (tamper_status) tamper_status(&status);
    return status;
  }

  void WaitForHeight(uint64_t height, absl::AnyInvocable<void() &&> waiter) override {
    {
      absl::MutexLock lock(&mutex_);
      if (Committed() < height) {
        waiters_.emplace_back(height, std::move(waiter));
        return;
      }
    }
    std::move(waiter)();
  }

  // Every figure of it is another number.
  static ProfileSnapshot Profile() {
    ProfileSnapshot profile{.monotonic_ns = 1, .process_cpu_ns = 2};
    uint64_t next = 3;
    for (StageTotals& stage : profile.stages) {
      stage = {next, next + 1, next + 2, next + 3};
      next += 4;
    }
    for (LegTotals& leg : profile.legs) {
      leg = {next, next + 1};
      next += 2;
    }
    for (DepthTotals& depth : profile.depths) {
      depth = {next, next + 1, next + 2};
      next += 3;
    }
    return profile;
  }
  ProfileSnapshot GetProfile() override { return Profile(); }
  absl::Status SetLogLevel(absl::string_view level) override {
    if (level == "debug") return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("no log level ", level));
  }
  void RequestStop() override {
    absl::MutexLock lock(&mutex_);
    stop_requested_ = true;
  }

 private:
  using BlockPtr = consensus::BlockPtr;

  SubmitOutcomes Answer(uint64_t first_sequence, const std::string& batch) {
    SubmitOutcomes outcomes;
    const auto index = consensus::IndexPayload(batch, world_.genesis().limits);
    {
      absl::MutexLock lock(&mutex_);
      outcomes.status = index.ok() ? refusal_ : index.status();
    }
    if (!outcomes.status.ok()) {
      const uint32_t count = static_cast<uint8_t>(batch[0]) | static_cast<uint8_t>(batch[1]) << 8;
      for (uint32_t i = 0; i < count; ++i)
        outcomes.entries.push_back({.sequence = first_sequence + i});
      return outcomes;
    }
    const BlockPtr block = Commit(batch);
    absl::MutexLock lock(&mutex_);
    transactions_ += block->index->entries.size();
    outcomes.height = block->header.height;
    outcomes.block_id = block->id;
    outcomes.finality = std::make_shared<const std::string>(FinalityOf(block->header.height.value));
    const crypto::MerkleTree tree = TreeOf(*block);
    for (uint32_t i = 0; i < block->index->entries.size(); ++i) {
      outcomes.entries.push_back({.sequence = first_sequence + i,
                                  .index = i,
                                  .reply = Reply::Ok("done"),
                                  .inclusion = consensus::ProveInclusion(*block, tree, i)});
    }
    return outcomes;
  }

  // The batch as a block, with last heights filled in, and its successor.
  BlockPtr Commit(const std::string& batch) {
    std::vector<absl::AnyInvocable<void() &&>> due;
    BlockPtr block;
    {
      absl::MutexLock lock(&mutex_);
      block = Append(batch);
      for (uint32_t i = 0; i < block->index->entries.size(); ++i) {
        positions_.insert({block->index->entries[i].id, {block->header.height.value, i}});
      }
      Append(*consensus::EmptyPayload());
      for (auto it = waiters_.begin(); it != waiters_.end();) {
        if (it->first > Committed()) {
          ++it;
          continue;
        }
        due.push_back(std::move(it->second));
        it = waiters_.erase(it);
      }
    }
    for (auto& waiter : due) std::move(waiter)();
    return block;
  }

  BlockPtr Append(const std::string& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const BlockPtr& parent = blocks_.back();
    const uint64_t height = parent->header.height.value + 1;
    consensus::PayloadBuilder builder;
    const auto of_batch = consensus::IndexPayload(batch, world_.genesis().limits);
    for (size_t i = 0; i < (*of_batch)->entries.size(); ++i) {
      auto envelope =
          consensus::DecodeEnvelope((*of_batch)->EnvelopeAt(batch, i), world_.genesis().limits);
      envelope->last_height = height + kLastHeightAhead;
      builder.Add(*envelope);
    }
    const consensus::SharedBytes payload = std::move(builder).Finish();
    consensus::Header header = world_.Child(parent, Round{height})->header;
    const BlockPtr block =
        consensus::MakeBlock(header, world_.QcFor(parent), payload,
                             *consensus::IndexPayload(*payload, world_.genesis().limits));
    blocks_.push_back(block);
    return block;
  }

  // The newest block is certified, not final.
  uint64_t Committed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return blocks_.size() > 1 ? blocks_.size() - 2 : 0;
  }

  std::string FinalityOf(uint64_t height) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    consensus::FinalityProof proof = world_.ProofOf(blocks_, height, height + 1);
    if (!signers.empty()) proof.certificate = world_.QcFor(blocks_[height + 1], signers);
    return consensus::Encode(proof);
  }

  static crypto::MerkleTree TreeOf(const consensus::Block& block) {
    std::vector<Hash> leaves;
    for (const auto& entry : block.index->entries) leaves.push_back(entry.leaf);
    return crypto::MerkleTree(std::move(leaves));
  }
  static std::string InclusionOf(const consensus::Block& block, uint32_t index) {
    return consensus::ProveInclusion(block, TreeOf(block), index);
  }

  absl::Mutex mutex_;
  consensus::TestWorld world_;
  std::vector<BlockPtr> blocks_ ABSL_GUARDED_BY(mutex_);
  std::map<Hash, std::pair<uint64_t, uint32_t>> positions_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<uint64_t, absl::AnyInvocable<void() &&>>> waiters_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> held_ ABSL_GUARDED_BY(mutex_);
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_requested_ ABSL_GUARDED_BY(mutex_) = false;
  size_t submissions_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t transactions_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_deadline_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::network

#endif  // KILN_TESTS_NETWORK_FAKE_CHAIN_H_
