// The store and execution, in a real RocksDB below the folder for temporary files, syncs on. Set
// TMPDIR to choose the disk.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "bench/transactions.h"
#include "node/duplicate_window.h"
#include "node/execution.h"
#include "node/snapshots.h"
#include "storage/chain_verifier.h"
#include "storage/ledger_audit.h"
#include "storage/ledger_store.h"
#include "storage/rocksdb_database.h"
#include "storage/rocksdb_store.h"
#include "tests/consensus/test_world.h"
#include "tests/storage/ledger_driver.h"
#include "tests/storage/temporary_dir.h"
#include "tools/kv_application.h"

namespace kiln::bench {
namespace {

// One validator's store and the chain that grows in it.
class LedgerRig {
 public:
  LedgerRig() {
    auto store = storage::OpenRocksDbStore(
        {.data_dir = dir_.At("data"), .genesis = world_.genesis(), .read_only = false});
    KILN_CHECK_OK(store.status());
    store_ = *std::move(store);
  }

  // What the replica asks for when it votes for the next block, of so many new transactions.
  storage::DurableWrite Next(size_t transactions) {
    const uint64_t first = sequence_;
    sequence_ += transactions;
    return driver_.Extend(MakeTransactions(first, transactions, kPayloadBytes));
  }
  // The next block, of so many new transactions, and the empty ones that commit it.
  void CommitBlockOf(size_t transactions) {
    const size_t height = driver_.chain().size();
    KILN_CHECK_OK(store_->Persist(Next(transactions)));
    while (driver_.committed() < height) KILN_CHECK_OK(store_->Persist(Next(0)));
  }

  storage::Store& store() { return *store_; }
  const storage::LedgerDriver& driver() const { return driver_; }
  const Genesis& genesis() const { return world_.genesis(); }

 private:
  consensus::TestWorld world_;
  storage::LedgerDriver driver_{&world_};
  const storage::TemporaryDir dir_;
  std::unique_ptr<storage::Store> store_;
  uint64_t sequence_ = 0;
};

// Argument: transactions of each block. None: the write of a vote for an empty block.
void BM_Persist(benchmark::State& state) {
  LedgerRig rig;
  const size_t transactions = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    const storage::DurableWrite write = rig.Next(transactions);
    state.ResumeTiming();
    KILN_CHECK_OK(rig.store().Persist(write));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Persist)->ArgName("transactions")->Arg(0)->Arg(kBlockTransactions)->UseRealTime();

// State writes and results of one block. Keys repeat, as in a load on a state of some size.
void BM_ApplyBlock(benchmark::State& state) {
  constexpr uint64_t kKeys = 100'000;
  LedgerRig rig;
  const std::string value(kPayloadBytes, 'v');
  uint64_t height = 0;
  uint64_t sequence = 0;
  for (auto _ : state) {
    state.PauseTiming();
    rig.CommitBlockOf(kBlockTransactions);
    ++height;
    while (rig.driver().at(height)->index->entries.empty()) {
      KILN_CHECK_OK(rig.store().ApplyBlock({}, rig.driver().ResultsAt(height++)));
    }
    std::vector<storage::StateWrite> writes;
    for (size_t i = 0; i < kBlockTransactions; ++i) {
      writes.push_back({.key = absl::StrCat(sequence++ * 7919 % kKeys), .value = value});
    }
    const storage::BlockResults results = rig.driver().ResultsAt(height);
    state.ResumeTiming();
    KILN_CHECK_OK(rig.store().ApplyBlock(writes, results));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBlockTransactions));
}
BENCHMARK(BM_ApplyBlock)->UseRealTime();

// From a committed block to its results in the store: duplicates set aside, the key-value
// application run, writes and results hashed and applied.
void BM_ExecuteBlock(benchmark::State& state) {
  LedgerRig rig;
  tools::KvApplication application;
  node::DuplicateWindow window(rig.genesis().limits.duplicate_window_blocks);
  node::Snapshots snapshots(rig.genesis().limits, &rig.store(), /*kept=*/1);
  node::Executor executor(rig.genesis().limits, &rig.store(), &application, &window, &snapshots);
  const auto next = [&] { return rig.driver().at(executor.executed().height.value + 1); };
  for (auto _ : state) {
    state.PauseTiming();
    rig.CommitBlockOf(kBlockTransactions);
    while (!next()->has_transactions()) KILN_CHECK_OK(executor.Execute(next()).status());
    const consensus::BlockPtr block = next();
    state.ResumeTiming();
    KILN_CHECK_OK(executor.Execute(block).status());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBlockTransactions));
}
BENCHMARK(BM_ExecuteBlock)->UseRealTime();

// What the scrub does to 64 blocks of one transaction each: argument 0 a block at a time, 1 as one
// range.
void BM_AuditHeights(benchmark::State& state) {
  constexpr uint64_t kBlocks = 64;
  const storage::TemporaryDir dir;
  consensus::TestWorld world;
  storage::LedgerDriver driver(&world);
  std::shared_ptr<storage::Database> database =
      storage::OpenRocksDbDatabase(dir.At("data"), storage::Access::kReadWrite, nullptr).value();
  const std::unique_ptr<storage::Store> store =
      storage::OpenStore(database, world.genesis(), /*read_only=*/false).value();
  for (uint64_t i = 0; i < kBlocks + 2; ++i) {
    KILN_CHECK_OK(store->Persist(driver.Extend(MakeTransactions(i, 1, kPayloadBytes))));
  }
  for (uint64_t height = 1; height <= kBlocks; ++height) {
    KILN_CHECK_OK(store->ApplyBlock(driver.WritesAt(height), driver.ResultsAt(height)));
  }
  const auto verifier =
      storage::ChainVerifier::Create(world.genesis(), &world.signatures()).value();
  const auto audit = [&](uint64_t first, uint64_t last) {
    const storage::LedgerAudit found =
        storage::AuditHeights(*database, world.genesis(), verifier.get(), {first}, {last},
                              [](Height, const storage::LedgerAudit&) { return true; });
    KILN_CHECK(found.damage.empty());
  };
  for (auto _ : state) {
    if (state.range(0) == 1) {
      audit(1, kBlocks);
    } else {
      for (uint64_t height = 1; height <= kBlocks; ++height) audit(height, height);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBlocks));
}
BENCHMARK(BM_AuditHeights)->ArgName("range")->Arg(0)->Arg(1);

}  // namespace
}  // namespace kiln::bench
