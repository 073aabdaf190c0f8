// The mempool: what the replica thread pays for each transaction.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "base/check.h"
#include "bench/transactions.h"
#include "consensus/block.h"
#include "node/mempool.h"

namespace kiln::bench {
namespace {

constexpr node::MempoolCharge kRoomy{.transactions = 1'000'000, .bytes = 256 << 20};

// A pool through which batches of one client pass. They come again once the pool has forgotten
// them, so that its tables are as large as under a steady load.
class MempoolRig {
 public:
  MempoolRig() {
    for (size_t i = 0; i < kBatches; ++i) {
      const consensus::SharedBytes bytes =
          MakePayload(i * kBlockTransactions, kBlockTransactions, kPayloadBytes, kLastHeight);
      batches_.push_back({.bytes = bytes, .index = Index(bytes)});
    }
    Refresh();
  }

  void Add() { KILN_CHECK_EQ(pool_->Add(batch(), ValidatorIndex{1}), kBlockTransactions); }
  node::BuiltPayload Build() { return pool_->BuildPayload(Height{height_ + 1}, {}); }
  void Remove(const consensus::BlockPtr& block) {
    pool_->Remove(block);
    if (++height_ == kLastHeight / 2) Refresh();
  }

  consensus::BlockPtr BlockOfBatch() const {
    consensus::Header header;
    header.height = {height_ + 1};
    return consensus::MakeBlock(header, {}, batch().bytes, batch().index);
  }

 private:
  static constexpr size_t kBatches = node::Mempool::kCommittedBlocksRemembered + 2;
  static constexpr uint64_t kLastHeight = 4096;  // what the duplicate window allows from height 0

  const node::TransactionBatch& batch() const { return batches_[height_ % kBatches]; }
  // A pool at height 0, because the batches have last heights.
  void Refresh() {
    height_ = 0;
    pool_ = std::make_unique<node::Mempool>(ChainLimits{}, kRoomy, &budget_, Height{0});
  }

  node::MempoolBudget budget_{kRoomy};
  std::vector<node::TransactionBatch> batches_;
  std::unique_ptr<node::Mempool> pool_;
  uint64_t height_ = 0;
};

void CountTransactions(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBlockTransactions));
}

void BM_MempoolAdd(benchmark::State& state) {
  MempoolRig rig;
  for (auto _ : state) {
    rig.Add();
    state.PauseTiming();
    rig.Remove(rig.BlockOfBatch());
    state.ResumeTiming();
  }
  CountTransactions(state);
}
BENCHMARK(BM_MempoolAdd);

void BM_MempoolBuild(benchmark::State& state) {
  MempoolRig rig;
  for (auto _ : state) {
    state.PauseTiming();
    rig.Add();
    state.ResumeTiming();
    const node::BuiltPayload built = rig.Build();
    state.PauseTiming();
    KILN_CHECK_EQ(built.index->entries.size(), kBlockTransactions);
    rig.Remove(rig.BlockOfBatch());
    state.ResumeTiming();
  }
  CountTransactions(state);
}
BENCHMARK(BM_MempoolBuild);

void BM_MempoolRemove(benchmark::State& state) {
  MempoolRig rig;
  for (auto _ : state) {
    state.PauseTiming();
    rig.Add();
    const consensus::BlockPtr block = rig.BlockOfBatch();
    state.ResumeTiming();
    rig.Remove(block);
  }
  CountTransactions(state);
}
BENCHMARK(BM_MempoolRemove);

}  // namespace
}  // namespace kiln::bench
