#include "storage/pruning.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "storage/application_rollback.h"
#include "storage/chain_export.h"
#include "storage/chain_import.h"
#include "storage/ledger_audit.h"
#include "storage/ledger_rebuild.h"
#include "storage/ledger_summary.h"
#include "storage/recovery.h"
#include "storage/snapshot_stream.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPrunedInterval = 16;
constexpr uint64_t kPrunedWindow = 16;

// A chain of short intervals, snapshots taken as an executor takes them.
class Pruning : public testing::Test {
 protected:
  Pruning() { Open(); }

  void Open() {
    store_.reset();
    store_ = OpenRocksDbStore({.data_dir = data_dir(), .genesis = world_.genesis()}).value();
  }
  std::string data_dir() const { return dir_.At("data"); }
  // Commits and executes up to the height; takes the snapshots that are due, and keeps two.
  void RunTo(uint64_t height, size_t payload_bytes = 10) {
    while (driver_.committed() < height) {
      KILN_CHECK_OK(store_->Persist(
          driver_.Extend({absl::StrCat(driver_.chain().size(), std::string(payload_bytes, 'x'))})));
    }
    for (uint64_t at = store_->executed_state().height.value + 1; at <= height; ++at) {
      KILN_CHECK_OK(store_->ApplyBlock(driver_.WritesAt(at), driver_.ResultsAt(at)));
      if (at % kPrunedInterval != 0) continue;
      KILN_CHECK_OK(store_->TakeSnapshot());
      if (at > 2 * kPrunedInterval) KILN_CHECK_OK(store_->DropSnapshot({at - 2 * kPrunedInterval}));
    }
  }
  PrunePlan Plan(uint64_t retention) {
    const auto plan = PlanPrune(*store_, world_.genesis().limits, retention);
    KILN_CHECK_OK(plan.status());
    return *plan;
  }
  // All at once.
  void PruneTo(uint64_t lowest, uint64_t window_lowest = 1) {
    const PrunePlan plan{.lowest = {lowest}, .window_lowest = {window_lowest}};
    KILN_CHECK_OK(store_->Prune(plan));
    while (store_->DeletePruned(plan, 100).value()) {
    }
  }
  std::shared_ptr<RocksDb> OpenRaw(Access access = Access::kReadOnly) {
    store_.reset();
    return OpenRocksDbDatabase(data_dir(), access, nullptr).value();
  }
  void WriteRaw(const std::function<void(WriteBatch*)>& change) {
    const auto raw = OpenRaw(Access::kReadWrite);
    const std::unique_ptr<WriteBatch> batch = raw->NewBatch(0);
    change(batch.get());
    KILN_CHECK_OK(raw->Write(batch.get(), Durability::kSynced));
  }
  absl::Status TryOpen() {
    return OpenRocksDbStore({.data_dir = data_dir(), .genesis = world_.genesis()}).status();
  }
  LedgerAudit Audit() {
    const auto raw = OpenRaw();
    return AuditLedger(*raw, world_.genesis(), world_.signatures(), [](Height, Height) {}).value();
  }
  std::string Export(uint64_t first) {
    std::string file;
    const auto output = [&file](absl::string_view bytes) {
      file.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    };
    ChainFileWriter writer(output);
    KILN_CHECK_OK(ExportChain(*store_, world_.chain_id(), {first}, FindHighestEnd(*store_).value(),
                              &writer, [](Height) {}));
    return file;
  }
  absl::Status Import(const std::string& file) {
    std::istringstream input(file);
    return ImportChain({.genesis = &world_.genesis(),
                        .signatures = &world_.signatures(),
                        .store = store_.get()},
                       &input, [](Height, Height) {})
        .status();
  }

  consensus::TestWorld world_{
      {1, 1, 1, 1},
      {.duplicate_window_blocks = kPrunedWindow, .snapshot_interval_blocks = kPrunedInterval}};
  LedgerDriver driver_{&world_};
  TemporaryDir dir_;
  std::unique_ptr<Store> store_;
};

// --- How much may go

TEST_F(Pruning, KeepsAllWithoutASnapshot) {
  RunTo(kPrunedInterval - 1);
  EXPECT_EQ(Plan(1).lowest, Height{1});
}

TEST_F(Pruning, KeepsAllUntilASnapshotIsCertified) {
  RunTo(2 * kPrunedInterval);
  // The state of height 32 names the snapshot of height 16; no certified header names it yet.
  ASSERT_LT(store_->HeaderAt(store_->committed_height())->executed_height, Height{32});
  EXPECT_EQ(Plan(1).lowest, Height{1});
}

TEST_F(Pruning, KeepsTheDuplicateWindowOfTheOldestSnapshot) {
  RunTo(3 * kPrunedInterval + 8);  // snapshots of heights 32 and 48 are kept
  EXPECT_EQ(Plan(1).lowest, Height{32 - kPrunedWindow + 1});
  EXPECT_EQ(Plan(1).window_lowest, Height{32 - kPrunedWindow + 1});
}

TEST_F(Pruning, KeepsAsManyHeightsAsAskedFor) {
  RunTo(3 * kPrunedInterval + 8);
  const uint64_t committed = store_->committed_height().value;
  EXPECT_EQ(Plan(committed - 9).lowest, Height{10});
  EXPECT_EQ(Plan(committed).lowest, Height{1});
  EXPECT_EQ(Plan(committed + 1).lowest, Height{1});
  EXPECT_EQ(Plan(UINT64_MAX).lowest, Height{1});
}

TEST_F(Pruning, NeverGoesBack) {
  RunTo(3 * kPrunedInterval + 8);
  PruneTo(12);
  EXPECT_EQ(Plan(1000).lowest, Height{12});
}

// --- What is left

TEST_F(Pruning, LeavesALedgerThatBeginsHigher) {
  RunTo(40);
  const Hash pruned_id = driver_.at(9)->id;
  const Hash pruned_transaction = driver_.at(9)->index->entries[0].id;
  const PrunePlan plan{.lowest = {10}, .window_lowest = {10}};
  ASSERT_TRUE(store_->Prune(plan).ok());
  for (const char* when : {"marked", "deleted", "opened again"}) {
    SCOPED_TRACE(when);
    if (when == absl::string_view("deleted")) {
      while (store_->DeletePruned(plan, 4).value()) {
      }
    }
    if (when == absl::string_view("opened again")) Open();
    EXPECT_EQ(store_->base().header, driver_.at(9)->header);
    EXPECT_EQ(store_->base().state, driver_.StateAt(9));
    EXPECT_EQ(store_->base().commits_height, Height{7});
    for (const absl::Status& status :
         {store_->BlockAt({9}).status(), store_->HeaderAt({1}).status(),
          store_->FinalityAt({9}).status(), store_->ResultsAt({9}).status()}) {
      ExpectRefusal(status, absl::StatusCode::kNotFound,
                    {"pruned", "the lowest height here is 10"});
    }
    EXPECT_EQ(store_->StateAt({9})->state, driver_.StateAt(9));
    EXPECT_TRUE(store_->BlockAt({0}).ok());
    EXPECT_EQ((*store_->BlockAt({10}))->id, driver_.at(10)->id);
    EXPECT_TRUE(store_->FinalityAt({10}).ok());
    EXPECT_EQ(store_->ResultsAt({10})->state, driver_.StateAt(10));
    ExpectRefusal(store_->FindTransaction(pruned_transaction, {0}).status(),
                  absl::StatusCode::kNotFound, {"height 10", "pruned"});
  }
  EXPECT_TRUE(absl::IsNotFound(store_->BlockById(pruned_id).status()));
  RunTo(44);
  EXPECT_EQ(store_->executed_state(), driver_.StateAt(44));
}

TEST_F(Pruning, DeletesEverythingOfAHeight) {
  RunTo(40, /*payload_bytes=*/5000);
  PruneTo(10, 10);
  const auto raw = OpenRaw();
  for (uint64_t height = 1; height < 10; ++height) {
    const std::string block = BlockKey({height}, driver_.at(height)->id);
    EXPECT_TRUE(absl::IsNotFound(raw->Get(Family::kBlocks, block).status()));
    EXPECT_TRUE(absl::IsNotFound(raw->Get(Family::kPayloads, block).status()));
    for (const auto& [family, key] : std::vector<std::pair<Family, std::string>>{
             {Family::kCertificates, HeightKey({height})},
             {Family::kIndexByHeight, IdAtHeightKey({height})},
             {Family::kIndexByHeight, HeightOfIdKey(driver_.at(height)->id)},
             {Family::kTransactionIndex, ResultIdsKey({height})},
             {Family::kTransactionIndex, ResultRepliesKey({height})}}) {
      EXPECT_TRUE(absl::IsNotFound(raw->Get(family, key).status())) << Describe(family, key);
    }
  }
}

TEST_F(Pruning, DeletesBitByBit) {
  RunTo(40);
  const PrunePlan plan{.lowest = {20}, .window_lowest = {20}};
  ASSERT_TRUE(store_->Prune(plan).ok());
  size_t steps = 0;
  while (store_->DeletePruned(plan, 4).value()) ++steps;
  EXPECT_GE(steps, 5u);
  EXPECT_LE(steps, 6u);
}

// A crash between the mark and the end of the deletion.
TEST_F(Pruning, DeletesTheRestAfterTheNextStart) {
  RunTo(40);
  const PrunePlan plan{.lowest = {20}, .window_lowest = {20}};
  ASSERT_TRUE(store_->Prune(plan).ok());
  ASSERT_TRUE(store_->DeletePruned(plan, 4).value());
  Open();
  EXPECT_EQ(store_->base().lowest(), Height{20});
  while (store_->DeletePruned(plan, 100).value()) {
  }
  const auto raw = OpenRaw();
  EXPECT_TRUE(
      absl::IsNotFound(raw->Get(Family::kBlocks, BlockKey({19}, driver_.at(19)->id)).status()));
}

TEST_F(Pruning, PrunesAgainAndAgain) {
  for (uint64_t height = 30; height <= 200; height += 10) {
    RunTo(height);
    const uint64_t lowest = height - 25;
    PruneTo(lowest, lowest);
    Open();
    EXPECT_EQ(store_->base().lowest(), Height{lowest});
    EXPECT_EQ((*store_->BlockAt({lowest}))->id, driver_.at(lowest)->id);
  }
  EXPECT_TRUE(Audit().good());
}

uint64_t BytesIn(const std::string& folder) {
  uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

// Large values lie in files of their own, which go when nothing in them is left.
TEST_F(Pruning, GivesTheSpaceBack) {
  constexpr size_t kPayloadBytes = 60'000;
  uint64_t highest = 0;
  for (uint64_t height = 100; height <= 2000; height += 100) {
    RunTo(height, kPayloadBytes);
    PruneTo(height - 60, height - 60);
    if (height > 1000) highest = std::max(highest, BytesIn(data_dir()));
  }
  Open();
  const uint64_t kept = 60 * kPayloadBytes;
  const uint64_t written = 2000 * kPayloadBytes;
  std::printf("%llu bytes on disk at most, of %llu kept and %llu written\n",
              static_cast<unsigned long long>(highest), static_cast<unsigned long long>(kept),
              static_cast<unsigned long long>(written));
  EXPECT_LT(highest, written / 2);
}

// --- What may not be believed

TEST_F(Pruning, RefusesALedgerThatHasForgottenWhatItStandsOn) {
  RunTo(40);
  PruneTo(10);
  WriteRaw([](WriteBatch* batch) { batch->Delete(Family::kMetadata, kBaseKey); });
  ExpectRefusal(TryOpen(), absl::StatusCode::kDataLoss, {"stands on", "kiln recover"});
}

TEST_F(Pruning, RefusesABaseInAFormatThatHasNone) {
  RunTo(40);
  PruneTo(10);
  WriteRaw([](WriteBatch* batch) {
    batch->PutSealed(Family::kMetadata, kFormatVersionKey, EncodeIndexedHeight({kFormatVersion}));
  });
  ExpectRefusal(TryOpen(), absl::StatusCode::kDataLoss, {"format", "block 1"});
}

TEST_F(Pruning, RefusesABaseThatTheLowestBlockDoesNotStandOn) {
  RunTo(40);
  PruneTo(10);
  LedgerBase other = store_->base();
  other.header.round.value += 1;
  WriteRaw([&](WriteBatch* batch) { PutBase(other, batch); });
  ExpectRefusal(TryOpen(), absl::StatusCode::kDataLoss, {"height 10", "the lowest"});
}

TEST_F(Pruning, RefusesABaseAboveTheStateOrTheHead) {
  RunTo(40);
  const auto base_at = [&](uint64_t height) {
    return LedgerBase{.header = driver_.at(height)->header,
                      .commits_height = {height - 2},
                      .state = driver_.StateAt(height)};
  };
  KILN_CHECK_OK(store_->Persist(driver_.Extend()));
  KILN_CHECK_OK(store_->Persist(driver_.Extend()));
  WriteRaw([&](WriteBatch* batch) { PutBase(base_at(41), batch); });
  ExpectRefusal(TryOpen(), absl::StatusCode::kDataLoss, {"the state is of height 40"});
  WriteRaw([&](WriteBatch* batch) { PutBase(base_at(driver_.committed()), batch); });
  ExpectRefusal(TryOpen(), absl::StatusCode::kDataLoss, {"the head"});
}

TEST_F(Pruning, ChecksThatThePartsOfABaseBelongTogether) {
  RunTo(20);
  const LedgerBase good{.header = driver_.at(9)->header,
                        .commits_height = {7},
                        .state = driver_.StateAt(9),
                        .total_transactions = 5};
  EXPECT_TRUE(CheckBase(good, world_.genesis()).ok());
  EXPECT_EQ(DecodeBase(EncodeBase(good)).value(), good);
  LedgerBase wrong = good;
  wrong.header.chain_id = Hash{};
  EXPECT_TRUE(absl::IsDataLoss(CheckBase(wrong, world_.genesis())));
  wrong = good;
  wrong.state = driver_.StateAt(8);
  EXPECT_TRUE(absl::IsDataLoss(CheckBase(wrong, world_.genesis())));
  wrong = good;
  wrong.commits_height = {9};
  EXPECT_TRUE(absl::IsDataLoss(CheckBase(wrong, world_.genesis())));
  EXPECT_TRUE(absl::IsDataLoss(CheckBase(GenesisBase(world_.genesis()), world_.genesis())));
}

// --- What others do with such a ledger

TEST_F(Pruning, IsAuditedFromItsLowestHeightOn) {
  RunTo(40);
  PruneTo(10);
  const LedgerAudit audit = Audit();
  EXPECT_TRUE(audit.good()) << audit.start;
  EXPECT_EQ(audit.lowest, Height{10});
  EXPECT_EQ(audit.blocks_checked, driver_.committed() - 9 + 1);  // block 0 as well
}

TEST_F(Pruning, AnAuditNamesABlockThatIsMissingAboveTheLowest) {
  RunTo(40);
  PruneTo(10);
  WriteRaw([&](WriteBatch* batch) {
    batch->Delete(Family::kBlocks, BlockKey({11}, driver_.at(11)->id));
  });
  const LedgerAudit audit = Audit();
  ASSERT_FALSE(audit.damage.empty());
  EXPECT_EQ(audit.damage.front().height, Height{11});
}

TEST_F(Pruning, IsComparedWhereBothHaveBlocks) {
  RunTo(40);
  const TemporaryDir whole_dir;
  store_.reset();
  fs::copy(data_dir(), whole_dir.At("data"), fs::copy_options::recursive);
  Open();
  const auto whole =
      OpenRocksDbStore({.data_dir = whole_dir.At("data"), .genesis = world_.genesis()});
  ASSERT_TRUE(whole.ok()) << whole.status();
  PruneTo(10);
  const absl::StatusOr<LedgerComparison> comparison = CompareLedgers(**whole, *store_);
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  EXPECT_TRUE(comparison->same());
}

TEST_F(Pruning, IsSummarizedWithItsLowestHeight) {
  RunTo(40);
  PruneTo(10);
  const auto raw = OpenRaw();
  const LedgerSummary summary = Summarize(*raw, world_.genesis());
  EXPECT_EQ(summary.lowest, Height{10});
  EXPECT_TRUE(summary.problems.empty()) << summary.problems.front();
  EXPECT_TRUE(summary.start.ok()) << summary.start;
}

TEST_F(Pruning, IsCopiedWithWhatItStandsOn) {
  RunTo(40);
  PruneTo(10);
  const LedgerBase base = store_->base();
  const auto from = OpenRaw();
  const auto to = OpenRocksDbDatabase(dir_.At("copy"), Access::kReadWrite, nullptr).value();
  ASSERT_TRUE(CopyReadable(*from, world_.genesis(), to.get()).ok());
  const auto image = LoadLedger(*to, world_.genesis());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->base, base);
}

// The blocks that the state came from are not there any more.
TEST_F(Pruning, TheStateCannotGoBackToTheGenesis) {
  RunTo(40);
  PruneTo(10);
  const auto raw = OpenRaw();
  ExpectRefusal(PlanRollback(*raw, world_.genesis()).status(),
                absl::StatusCode::kFailedPrecondition, {"height 10", "kiln recover"});
}

TEST_F(Pruning, ExportsAndImportsFromTheLowestHeightOn) {
  RunTo(40);
  const std::string from_nine = Export(9);
  const std::string from_ten = Export(10);
  PruneTo(10);
  EXPECT_EQ(Export(10), from_ten);
  EXPECT_TRUE(Import(from_ten).ok());
  ExpectRefusal(Import(from_nine), absl::StatusCode::kFailedPrecondition,
                {"begins at height 9", "lowest, 10"});
}

TEST_F(Pruning, FindsNoEndOfAChainFileBelowTheLowestHeight) {
  RunTo(40);
  const uint64_t committed = store_->committed_height().value;
  PruneTo(committed - 1);
  EXPECT_TRUE(absl::IsNotFound(FindHighestEnd(*store_).status()));
}

TEST_F(Pruning, SnapshotsAreReadAsBefore) {
  RunTo(3 * kPrunedInterval + 8);
  const auto root_of = [&](uint64_t height) {
    return IndexSnapshot(*store_, {height}, kPrunedWindow, [] { return false; }).value()->root();
  };
  const Hash before = root_of(32);
  const PrunePlan plan = Plan(1);
  PruneTo(plan.lowest.value, plan.window_lowest.value);
  EXPECT_EQ(root_of(32), before);
}

// --- What the chain below the head commits

TEST_F(Pruning, WhatTheBaseCommitsIsWhatTheHeadMayCommit) {
  const LedgerBase genesis = GenesisBase(world_.genesis());
  const auto header_at = [&](Height height) -> absl::StatusOr<consensus::Header> {
    return driver_.at(height.value)->header;
  };
  RunTo(4);
  EXPECT_EQ(CommitsHeightOf(driver_.at(4)->header, genesis, header_at).value(), Height{2});
  KILN_CHECK_OK(store_->Persist(driver_.Extend({}, /*rounds_skipped=*/1)));
  KILN_CHECK_OK(store_->Persist(driver_.Extend({}, /*rounds_skipped=*/1)));
  const uint64_t tip = driver_.chain().size() - 1;
  const Height expected = CommitsHeightOf(driver_.at(tip)->header, genesis, header_at).value();
  for (uint64_t height = 1; height <= tip; ++height) {
    const LedgerBase base{
        .header = driver_.at(height)->header,
        .commits_height = CommitsHeightOf(driver_.at(height)->header, genesis, header_at).value()};
    EXPECT_EQ(CommitsHeightOf(driver_.at(tip)->header, base, header_at).value(), expected)
        << height;
  }
}

}  // namespace
}  // namespace kiln::storage
