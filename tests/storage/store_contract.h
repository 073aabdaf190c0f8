// What every Store must do, however it keeps its bytes. Include once in a test program and
// instantiate:
//
//   INSTANTIATE_TEST_SUITE_P(Simulated, StoreContract, testing::Values(&MakeSimulatedDisk), ...);
#ifndef KILN_TESTS_STORAGE_STORE_CONTRACT_H_
#define KILN_TESTS_STORAGE_STORE_CONTRACT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "consensus/finality.h"
#include "kiln/node.h"
#include "tests/storage/ledger_driver.h"

namespace kiln::storage {

// What survives a process. At most one store is open at a time.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual absl::StatusOr<std::unique_ptr<Store>> Open(const Genesis& genesis) = 0;
};
using DiskMaker = std::unique_ptr<Disk> (*)();

class StoreContract : public testing::TestWithParam<DiskMaker> {
 protected:
  StoreContract() : disk_(GetParam()()) { Reopen(); }

  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<Store>> opened = disk_->Open(world_.genesis());
    KILN_CHECK_OK(opened.status());
    store_ = *std::move(opened);
  }

  void Persist(const DurableWrite& write) { KILN_CHECK_OK(store_->Persist(write)); }
  void Extend(const std::vector<std::string>& transactions = {}, uint64_t rounds_skipped = 0) {
    Persist(driver_.Extend(transactions, rounds_skipped));
  }
  void ExtendBy(size_t blocks) {
    for (size_t i = 0; i < blocks; ++i) Extend({absl::StrCat("transaction of step ", i)});
  }
  void Apply(uint64_t height) {
    KILN_CHECK_OK(store_->ApplyBlock(driver_.WritesAt(height), driver_.ResultsAt(height)));
  }

  consensus::TestWorld world_;
  LedgerDriver driver_{&world_};
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Store> store_;
};

inline std::vector<Hash> IdsOf(const std::vector<consensus::BlockPtr>& blocks) {
  std::vector<Hash> ids;
  for (const consensus::BlockPtr& block : blocks) ids.push_back(block->id);
  return ids;
}

TEST_P(StoreContract, StartsAtTheGenesisBlock) {
  const RecoveredLedger recovered = store_->Recover();
  EXPECT_EQ(recovered.committed->id, world_.genesis_block()->id);
  EXPECT_TRUE(recovered.uncommitted.empty());
  EXPECT_EQ(recovered.safety.high_qc, world_.genesis_qc());
  EXPECT_EQ(recovered.safety.last_voted_round, Round{0});
  EXPECT_EQ(store_->committed_height(), Height{0});
  EXPECT_EQ(store_->executed_state(), consensus::GenesisState(world_.genesis()));
  EXPECT_EQ(store_->state_view().height, Height{0});
  EXPECT_TRUE(absl::IsNotFound(store_->state_view().state->Get("height").status()));
}

TEST_P(StoreContract, RecoversEveryStepAsItWasWritten) {
  for (uint64_t step = 1; step <= 12; ++step) {
    Extend({absl::StrCat("a", step), absl::StrCat("b", step)}, /*rounds_skipped=*/step % 4 == 0);
    Reopen();
    const RecoveredLedger recovered = store_->Recover();
    EXPECT_EQ(recovered.safety, driver_.safety());
    EXPECT_EQ(recovered.committed->id, driver_.at(driver_.committed())->id);
    const auto above = driver_.chain().begin() + static_cast<ptrdiff_t>(driver_.committed()) + 1;
    EXPECT_EQ(IdsOf(recovered.uncommitted), IdsOf({above, driver_.chain().end()}));
    EXPECT_EQ(store_->committed_height(), Height{driver_.committed()});
  }
}

TEST_P(StoreContract, FindsBlocksByIdAndByHeight) {
  ExtendBy(6);
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    for (uint64_t height = 0; height <= driver_.committed(); ++height) {
      const absl::StatusOr<consensus::BlockPtr> block = store_->BlockAt({height});
      ASSERT_TRUE(block.ok()) << block.status();
      EXPECT_EQ((*block)->id, driver_.at(height)->id);
      EXPECT_EQ(*(*block)->payload, *driver_.at(height)->payload);
      EXPECT_EQ((*block)->justify, driver_.at(height)->justify);
      const absl::StatusOr<consensus::Header> header = store_->HeaderAt({height});
      ASSERT_TRUE(header.ok()) << header.status();
      EXPECT_EQ(*header, driver_.at(height)->header);
    }
    for (const consensus::BlockPtr& block : driver_.chain()) {
      const absl::StatusOr<consensus::BlockPtr> found = store_->BlockById(block->id);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ((*found)->header, block->header);
    }
  }
}

TEST_P(StoreContract, SaysNotFoundForWhatIsUnknown) {
  ExtendBy(4);
  const Height above{driver_.committed() + 1};
  EXPECT_TRUE(absl::IsNotFound(store_->BlockAt(above).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->HeaderAt(above).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->FinalityAt(above).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->FinalityAt(Height{0}).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->BlockById(Hash{}).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->ResultsAt(Height{1}).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->FindTransaction(Hash{}, Height{0}).status()));
}

TEST_P(StoreContract, DropsSiblingsOnceTheirHeightIsCommitted) {
  ExtendBy(3);
  const consensus::BlockPtr sibling = driver_.Sibling({"lost"});
  Persist({.safety = driver_.safety(), .blocks = {sibling}, .commits = {}});
  EXPECT_TRUE(store_->BlockById(sibling->id).ok());
  Reopen();
  EXPECT_TRUE(store_->BlockById(sibling->id).ok());
  while (driver_.committed() < sibling->header.height.value) Extend();
  EXPECT_TRUE(absl::IsNotFound(store_->BlockById(sibling->id).status()));
  Reopen();
  EXPECT_TRUE(absl::IsNotFound(store_->BlockById(sibling->id).status()));
  EXPECT_EQ((*store_->BlockAt(sibling->header.height))->id,
            driver_.at(sibling->header.height.value)->id);
}

TEST_P(StoreContract, KeepsNoBlockThatComesTooLate) {
  ExtendBy(1);
  const consensus::BlockPtr late = driver_.Sibling({"late"});
  ExtendBy(4);
  ASSERT_GE(driver_.committed(), late->header.height.value);
  Persist({.safety = std::nullopt, .blocks = {late}, .commits = {}});
  EXPECT_TRUE(absl::IsNotFound(store_->BlockById(late->id).status()));
}

TEST_P(StoreContract, KeepsABlockOnceHoweverOftenItIsGiven) {
  Extend({"one"});
  Persist({.safety = std::nullopt, .blocks = {driver_.at(1)}, .commits = {}});
  Reopen();
  EXPECT_EQ(IdsOf(store_->Recover().uncommitted), IdsOf({driver_.at(1)}));
}

TEST_P(StoreContract, DoesNothingForAnEmptyWrite) {
  const StoreCounters before = store_->counters();
  Persist({});
  EXPECT_EQ(store_->counters().bytes_written, before.bytes_written);
  EXPECT_EQ(store_->counters().syncs, before.syncs);
}

TEST_P(StoreContract, SyncsOncePerPersistAndNeverForState) {
  ExtendBy(3);
  const uint64_t syncs = store_->counters().syncs;
  Extend({"with a commit and a safety record"});
  EXPECT_EQ(store_->counters().syncs, syncs + 1);
  Apply(1);
  EXPECT_EQ(store_->counters().syncs, syncs + 1);
}

TEST_P(StoreContract, ProvesDirectlyAndIndirectlyCommittedBlocksFinal) {
  // Every other round is empty: only the last two blocks have consecutive rounds, and commit the
  // rest.
  for (int i = 0; i < 4; ++i) Extend({absl::StrCat(i)}, /*rounds_skipped=*/1);
  EXPECT_EQ(driver_.committed(), 0u);
  ExtendBy(3);
  ASSERT_GT(driver_.committed(), 4u);
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    for (uint64_t height = 1; height <= driver_.committed(); ++height) {
      const absl::StatusOr<std::string> proof = store_->FinalityAt({height});
      ASSERT_TRUE(proof.ok()) << proof.status();
      const absl::StatusOr<consensus::Header> proved =
          consensus::VerifyFinality(*proof, world_.verifier());
      ASSERT_TRUE(proved.ok()) << proved.status();
      EXPECT_EQ(*proved, driver_.at(height)->header);
    }
  }
}

TEST_P(StoreContract, ShowsStateResultsAndHeightTogether) {
  ExtendBy(6);
  for (uint64_t height = 1; height <= 4; ++height) Apply(height);
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    EXPECT_EQ(store_->executed_state(), driver_.StateAt(4));
    const Store::View view = store_->state_view();
    EXPECT_EQ(view.height, Height{4});
    EXPECT_EQ(view.state->Get("height").value(), "4");
    EXPECT_TRUE(absl::IsNotFound(view.state->Get("at 3").status()));
    const absl::StatusOr<BlockResults> results = store_->ResultsAt({2});
    ASSERT_TRUE(results.ok()) << results.status();
    EXPECT_EQ(results->state, driver_.StateAt(2));
    EXPECT_EQ(results->ids, driver_.ResultsAt(2).ids);
    EXPECT_EQ(results->replies, driver_.ResultsAt(2).replies);
  }
}

TEST_P(StoreContract, NeverChangesAStateViewThatWasGivenOut) {
  ExtendBy(6);
  Apply(1);
  const Store::View first = store_->state_view();
  Apply(2);
  const Store::View second = store_->state_view();
  EXPECT_EQ(first.height, Height{1});
  EXPECT_EQ(first.state->Get("height").value(), "1");
  EXPECT_TRUE(first.state->Get("at 1").ok());
  EXPECT_TRUE(absl::IsNotFound(first.state->Get("at 2").status()));
  EXPECT_EQ(second.state->Get("height").value(), "2");
  EXPECT_TRUE(absl::IsNotFound(second.state->Get("at 1").status()));
}

TEST_P(StoreContract, ScansTheStateInKeyOrder) {
  ExtendBy(4);
  const std::string high = "\xff\xff";
  const std::vector<StateWrite> writes = {{.key = high, .value = "last"},
                                          {.key = "b", .value = "2"},
                                          {.key = "", .value = "empty key"},
                                          {.key = "a", .value = ""}};
  ASSERT_TRUE(store_->ApplyBlock(writes, driver_.ResultsAt(1)).ok());
  const std::shared_ptr<const StateView> state = store_->state_view().state;
  using Entries = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(state->Scan("", 10).value(),
            (Entries{{"", "empty key"}, {"a", ""}, {"b", "2"}, {high, "last"}}));
  EXPECT_EQ(state->Scan("aa", 1).value(), (Entries{{"b", "2"}}));
  EXPECT_EQ(state->Scan("\xff\xff\xff", 10).value(), Entries{});
  EXPECT_EQ(state->Scan("", 0).value(), Entries{});
}

TEST_P(StoreContract, FindsWhereATransactionWasExecutedAndSkipsDuplicates) {
  Extend({"x", "once"});
  Extend({"x"});
  Extend({"other", "x"});
  ExtendBy(3);
  const Hash x = driver_.at(1)->index->entries[0].id;
  ASSERT_EQ(driver_.at(3)->index->entries[1].id, x);
  for (uint64_t height = 1; height <= 3; ++height) {
    BlockResults results = driver_.ResultsAt(height);
    if (height == 2) results.replies[0] = {.code = Reply::kDuplicate, .bytes = ""};
    if (height == 3) results.replies[1] = {.code = Reply::kExpired, .bytes = ""};
    ASSERT_TRUE(store_->ApplyBlock({}, results).ok());
  }
  const absl::StatusOr<TransactionPosition> found = store_->FindTransaction(x, Height{0});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->height, Height{1});
  EXPECT_EQ(found->index, 0u);
  const Hash other = driver_.at(3)->index->entries[0].id;
  EXPECT_EQ(store_->FindTransaction(other, Height{3})->height, Height{3});
  EXPECT_TRUE(absl::IsNotFound(store_->FindTransaction(x, Height{2}).status()));
  Hash same_prefix = x;
  same_prefix.bytes.back() ^= 1;
  EXPECT_TRUE(absl::IsNotFound(store_->FindTransaction(same_prefix, Height{0}).status()));
}

// All of a snapshot, as "key=value" in order.
inline std::vector<std::string> EntriesOf(const Store& store, Height height) {
  const absl::StatusOr<std::unique_ptr<StateCursor>> cursor = store.OpenSnapshot(height);
  KILN_CHECK_OK(cursor.status());
  std::vector<std::string> entries;
  for (auto is_on_key = (*cursor)->Seek(""); is_on_key.value(); is_on_key = (*cursor)->Next()) {
    entries.push_back(absl::StrCat((*cursor)->key(), "=", (*cursor)->value()));
  }
  return entries;
}

TEST_P(StoreContract, KeepsASnapshotAsItWasWhileBlocksGoOn) {
  ExtendBy(7);
  for (uint64_t height = 1; height <= 2; ++height) Apply(height);
  ASSERT_TRUE(store_->TakeSnapshot().ok());
  Apply(3);
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    EXPECT_THAT(store_->Snapshots().value(), testing::ElementsAre(Height{2}));
    EXPECT_THAT(EntriesOf(*store_, {2}), testing::ElementsAre("at 2=written", "height=2"));
    Extend();
    Apply(reopened ? 5 : 4);
  }
}

TEST_P(StoreContract, FindsKeysOfASnapshot) {
  ExtendBy(4);
  Apply(1);
  ASSERT_TRUE(store_->TakeSnapshot().ok());
  const std::unique_ptr<StateCursor> cursor = store_->OpenSnapshot({1}).value();
  EXPECT_TRUE(cursor->Seek("at 10").value());
  EXPECT_EQ(cursor->key(), "height");
  EXPECT_FALSE(cursor->Next().value());
  EXPECT_TRUE(cursor->Seek("at 1").value());
  EXPECT_EQ(cursor->key(), "at 1");
  EXPECT_FALSE(cursor->Seek("i").value());
}

TEST_P(StoreContract, DropsSnapshots) {
  ExtendBy(6);
  for (uint64_t height = 1; height <= 3; ++height) {
    Apply(height);
    ASSERT_TRUE(store_->TakeSnapshot().ok());
  }
  ASSERT_TRUE(store_->DropSnapshot({2}).ok());
  ASSERT_TRUE(store_->DropSnapshot({9}).ok());
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    EXPECT_THAT(store_->Snapshots().value(), testing::ElementsAre(Height{1}, Height{3}));
    EXPECT_TRUE(absl::IsNotFound(store_->OpenSnapshot({2}).status()));
  }
  EXPECT_THAT(EntriesOf(*store_, {1}), testing::ElementsAre("at 1=written", "height=1"));
}

using StoreContractDeathTest = StoreContract;

TEST_P(StoreContractDeathTest, StopsOnACommitThatLeavesAGap) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ExtendBy(2);
  DurableWrite write = driver_.Extend();
  ASSERT_EQ(write.commits.size(), 1u);
  write.commits[0].blocks = {driver_.at(2)};
  EXPECT_EXIT((void)store_->Persist(write), testing::ExitedWithCode(kFailStopExitStatus), "");
}

TEST_P(StoreContractDeathTest, StopsOnAStateThatLeavesAGap) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ExtendBy(5);
  EXPECT_EXIT((void)store_->ApplyBlock({}, driver_.ResultsAt(2)),
              testing::ExitedWithCode(kFailStopExitStatus), "");
}

}  // namespace kiln::storage

#endif  // KILN_TESTS_STORAGE_STORE_CONTRACT_H_
