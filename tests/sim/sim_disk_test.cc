// The disk against a slow, obvious model of one, then production's store on a disk that breaks.
#include "sim/sim_disk.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "base/check.h"
#include "node/recovery.h"
#include "storage/ledger_store.h"
#include "storage/schema.h"
#include "tests/storage/ledger_driver.h"

namespace kiln::sim {
namespace {

using storage::Database;
using storage::Durability;
using storage::Family;
using storage::Store;

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Below(uint64_t bound) override { return engine_() % bound; }

 private:
  std::mt19937_64 engine_;
};

// --- The disk alone

// Every state that a disk was in, whole: slow, obvious.
class ModelDisk {
 public:
  using Entries = std::map<std::string, std::string>;

  struct State {
    Entries entries;
    uint64_t durable_from_us = DiskContent::kNever;
  };
  ModelDisk() : states_{{.entries = {}, .durable_from_us = 0}} {}

  void Write(const Entries& puts, const std::vector<std::string>& deletes) {
    State next{.entries = states_.back().entries};
    for (const auto& [key, value] : puts) next.entries[key] = value;
    for (const std::string& key : deletes) next.entries.erase(key);
    states_.push_back(std::move(next));
  }
  void SyncAt(uint64_t time_us) {
    for (State& state : states_) state.durable_from_us = std::min(state.durable_from_us, time_us);
  }
  size_t DurableIndex(uint64_t now_us) const {
    size_t index = states_.size() - 1;
    while (states_[index].durable_from_us > now_us) --index;
    return index;
  }
  void RollBackTo(size_t index) {
    states_.resize(index + 1);
    SyncAt(0);
  }
  const Entries& at(size_t index) const { return states_.at(index).entries; }
  const Entries& now() const { return states_.back().entries; }
  size_t last() const { return states_.size() - 1; }

 private:
  std::vector<State> states_;
};

ModelDisk::Entries ReadForward(const Database& database, const storage::Snapshot* snapshot) {
  ModelDisk::Entries entries;
  const auto iterator = database.NewIterator(Family::kApplicationState, {}, snapshot);
  for (iterator->Seek(""); iterator->Valid(); iterator->Next()) {
    entries.emplace(iterator->key(), iterator->value());
  }
  KILN_CHECK_OK(iterator->status());
  return entries;
}

ModelDisk::Entries ReadBackward(const Database& database, const storage::Snapshot* snapshot) {
  ModelDisk::Entries entries;
  const auto iterator = database.NewIterator(Family::kApplicationState, {}, snapshot);
  for (iterator->SeekForPrev("~"); iterator->Valid(); iterator->Prev()) {
    entries.emplace(iterator->key(), iterator->value());
  }
  return entries;
}

class RandomDisk {
 public:
  explicit RandomDisk(uint64_t seed) : random_(seed) { Open(); }

  void Step() {
    now_us_ += random_.Below(60);
    switch (random_.Below(16)) {
      case 0:
        return Crash();
      case 1:
        pin_ = database_->TakeSnapshot();
        pinned_ = model_.last();
        return;
      case 2:
        pin_.reset();
        return;
      case 3:
        disk_.Settle(now_us_);
        return;
      case 4:
        pin_.reset();
        database_.reset();
        return Open();
      default:
        return Write();
    }
  }

  void Check() {
    EXPECT_EQ(ReadForward(*database_, nullptr), model_.now());
    EXPECT_EQ(ReadBackward(*database_, nullptr), model_.now());
    if (pin_ != nullptr) {
      EXPECT_EQ(ReadForward(*database_, pin_.get()), model_.at(pinned_));
      EXPECT_EQ(ReadBackward(*database_, pin_.get()), model_.at(pinned_));
    }
    const ModelDisk::Entries& durable = model_.at(model_.DurableIndex(now_us_));
    for (const std::string& key : kKeys) {
      const auto wanted = durable.find(key);
      const auto found = disk_.DurableGet(Family::kApplicationState, key, now_us_);
      if (wanted == durable.end()) {
        EXPECT_TRUE(absl::IsNotFound(found.status()));
      } else {
        EXPECT_EQ(found.value(), wanted->second);
      }
    }
  }

 private:
  inline static const std::vector<std::string> kKeys = {"a", "b", "c", "d", "e", "f"};

  void Open() {
    auto opened = disk_.Open();
    KILN_CHECK_OK(opened.status());
    database_ = *std::move(opened);
    model_.SyncAt(0);
  }
  void Write() {
    ModelDisk::Entries puts;
    std::vector<std::string> deletes;
    const auto batch = database_->NewBatch(0);
    for (const std::string& key : kKeys) {
      const uint64_t choice = random_.Below(4);
      if (choice == 0) {
        puts[key] = absl::StrCat("value ", random_.Below(1000));
        batch->Put(Family::kApplicationState, key, puts[key]);
      } else if (choice == 1) {
        deletes.push_back(key);
        batch->Delete(Family::kApplicationState, key);
      }
    }
    const bool synced = random_.Below(2) == 0;
    model_.Write(puts, deletes);
    KILN_CHECK_OK(
        database_->Write(batch.get(), synced ? Durability::kSynced : Durability::kUnsynced));
    if (synced) model_.SyncAt(now_us_ + 100);
  }
  void Crash() {
    const size_t durable = model_.DurableIndex(now_us_);
    const CrashOutcome outcome = disk_.CrashAtRandom(now_us_, &random_);
    EXPECT_EQ(outcome.batches_at_risk, model_.last() - durable);
    model_.RollBackTo(durable + outcome.batches_kept);
    EXPECT_FALSE(database_->Get(Family::kApplicationState, "a").ok());
    pin_.reset();
    Open();
  }

  uint64_t now_us_ = 0;
  SeededRandom random_;
  ModelDisk model_;
  SimDisk disk_{"random", [this](size_t) { return now_us_ + 100; }};
  std::shared_ptr<Database> database_;
  std::unique_ptr<const storage::Snapshot> pin_;
  size_t pinned_ = 0;
};

TEST(SimDisk, DoesWhatASlowModelDoes) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    RandomDisk disk(seed);
    for (int step = 0; step < 120; ++step) {
      disk.Step();
      disk.Check();
      ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", step " << step;
    }
  }
}

// --- Production's store on it

class SimDiskStore : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> TryOpen() {
    absl::StatusOr<std::shared_ptr<Database>> database = disk_.Open();
    if (!database.ok()) return database.status();
    return storage::OpenStore(*std::move(database), world_.genesis(), /*read_only=*/false);
  }
  void Open() {
    absl::StatusOr<std::unique_ptr<Store>> opened = TryOpen();
    KILN_CHECK_OK(opened.status());
    store_ = *std::move(opened);
  }
  void Extend() {
    KILN_CHECK_OK(store_->Persist(driver_->Extend({absl::StrCat("transaction ", ++extended_)})));
  }
  void Apply(uint64_t height) {
    KILN_CHECK_OK(store_->ApplyBlock(driver_->WritesAt(height), driver_->ResultsAt(height)));
  }
  // All committed heights executed; everything durable.
  void MakeLedger(int blocks) {
    Open();
    for (int i = 0; i < blocks; ++i) {
      Extend();
      while (store_->executed_state().height < store_->committed_height()) {
        Apply(store_->executed_state().height.value + 1);
      }
    }
    now_us_ += 1000;
    store_.reset();
    Open();
  }
  void PowerFails(CrashKind kind = CrashKind::kNoneKept) {
    outcome_ = disk_.Crash(now_us_, kind, &random_);
    store_.reset();
  }
  void ExpectRefusal(absl::StatusCode code, const std::vector<std::string>& words) {
    const absl::Status status = TryOpen().status();
    EXPECT_EQ(status.code(), code) << status;
    for (const std::string& word : words) {
      EXPECT_THAT(std::string(status.message()), testing::HasSubstr(word));
    }
    EXPECT_FALSE(disk_.is_open());
  }
  std::optional<RottenPlace> Rot(RotKind kind, bool is_detected_below, Family family,
                                 std::optional<std::string> key = std::nullopt) {
    return disk_.Rot({.kind = kind,
                      .is_detected_below = is_detected_below,
                      .family = family,
                      .key = std::move(key)},
                     now_us_, &random_);
  }

  uint64_t now_us_ = 0;
  SeededRandom random_{7};
  consensus::TestWorld world_;
  std::unique_ptr<storage::LedgerDriver> driver_ = std::make_unique<storage::LedgerDriver>(&world_);
  SimDisk disk_{"the-disk/data", [this](size_t) { return now_us_ + 100; }};
  std::unique_ptr<Store> store_;
  CrashOutcome outcome_;
  int extended_ = 0;
};

TEST_F(SimDiskStore, RefusesASecondOpenerAndLetsTheNextOneIn) {
  Open();
  EXPECT_EQ(disk_.Open().status().code(), absl::StatusCode::kFailedPrecondition);
  Extend();
  store_.reset();
  Open();
  EXPECT_EQ(store_->Recover().safety, driver_->safety());
}

TEST_F(SimDiskStore, FailsEveryCallOfAProcessThatIsNoMore) {
  MakeLedger(6);
  const Store::View view = store_->state_view();
  EXPECT_TRUE(view.state->Get("height").ok());
  disk_.Crash(now_us_, CrashKind::kProcessOnly, &random_);
  EXPECT_FALSE(disk_.is_open());
  EXPECT_TRUE(absl::IsUnavailable(view.state->Get("height").status()));
  EXPECT_TRUE(absl::IsUnavailable(view.state->Scan("", 10).status()));
  EXPECT_TRUE(absl::IsUnavailable(store_->ResultsAt(Height{1}).status()));
  EXPECT_TRUE(absl::IsUnavailable(store_->Persist(driver_->Extend())));
  const std::unique_ptr<Store> gone = std::move(store_);
  Open();
  EXPECT_TRUE(absl::IsUnavailable(gone->Persist(driver_->Extend())));
}

TEST_F(SimDiskStore, LosesNothingWhenOnlyTheProcessDies) {
  Open();
  for (int i = 0; i < 5; ++i) Extend();
  Apply(1);
  PowerFails(CrashKind::kProcessOnly);
  Open();
  EXPECT_EQ(store_->Recover().safety, driver_->safety());
  EXPECT_EQ(store_->executed_state().height, Height{1});
}

TEST_F(SimDiskStore, KeepsASnapshotAndTheStateThatItIsOfWhenThePowerFails) {
  MakeLedger(6);
  Extend();
  now_us_ += 1000;
  const Height height{store_->executed_state().height.value + 1};
  Apply(height.value);
  ASSERT_TRUE(store_->TakeSnapshot().ok());
  PowerFails();
  Open();
  EXPECT_EQ(store_->executed_state().height, height);
  EXPECT_THAT(store_->Snapshots().value(), testing::ElementsAre(height));
  const DiskImage copy = disk_.Snapshot();
  ASSERT_TRUE(store_->DropSnapshot(height).ok());
  store_.reset();
  disk_.Restore(copy);
  Open();
  EXPECT_THAT(store_->Snapshots().value(), testing::ElementsAre(height));
  EXPECT_TRUE(store_->OpenSnapshot(height).ok());
}

TEST_F(SimDiskStore, ComesBackWithAPrefixAfterEveryKindOfPowerFailure) {
  for (const CrashKind kind : {CrashKind::kNoneKept, CrashKind::kAllKept, CrashKind::kPrefixKept,
                               CrashKind::kTornRecord}) {
    for (int seed = 0; seed < 4; ++seed) {
      storage::LedgerDriver driver(&world_);
      SimDisk disk("disk", [this](size_t) { return now_us_ + 100; });
      auto opened = storage::OpenStore(*disk.Open(), world_.genesis(), false);
      ASSERT_TRUE(opened.ok()) << opened.status();
      std::vector<consensus::SafetyRecord> written = {(*opened)->Recover().safety};
      for (int i = 0; i < 6; ++i) {
        now_us_ += 50;
        ASSERT_TRUE((*opened)->Persist(driver.Extend({absl::StrCat(i)})).ok());
        written.push_back(driver.safety());
        const uint64_t next = (*opened)->executed_state().height.value + 1;
        if (next > driver.committed()) continue;
        ASSERT_TRUE((*opened)->ApplyBlock(driver.WritesAt(next), driver.ResultsAt(next)).ok());
      }
      const consensus::SafetyRecord durable = disk.DurableSafetyRecord(now_us_).value();
      const CrashOutcome outcome = disk.Crash(now_us_, kind, &random_);
      EXPECT_EQ(outcome.kind, kind);
      EXPECT_GT(outcome.batches_at_risk, 2u);
      opened->reset();
      auto again = storage::OpenStore(*disk.Open(), world_.genesis(), false);
      ASSERT_TRUE(again.ok()) << again.status();
      const consensus::SafetyRecord found = (*again)->Recover().safety;
      EXPECT_THAT(written, testing::Contains(found));
      EXPECT_GE(found.last_voted_round, durable.last_voted_round);
      EXPECT_LE((*again)->executed_state().height, (*again)->committed_height());
      EXPECT_TRUE(kind != CrashKind::kNoneKept || found == durable);
      EXPECT_TRUE(kind != CrashKind::kAllKept || found == driver.safety());
      EXPECT_EQ(disk.counters().torn_records, kind == CrashKind::kTornRecord ? 1u : 0u);
    }
  }
}

TEST_F(SimDiskStore, TellsTheDurableRecordAndHeadAtEveryTime) {
  Open();
  for (int i = 0; i < 4; ++i) Extend();
  const consensus::SafetyRecord before = driver_->safety();
  const Height head{driver_->committed()};
  now_us_ += 1000;
  Extend();
  EXPECT_EQ(disk_.DurableSafetyRecord(now_us_ + 99).value(), before);
  EXPECT_EQ(disk_.DurableHead(now_us_ + 99)->height, head);
  EXPECT_EQ(disk_.DurableSafetyRecord(now_us_ + 100).value(), driver_->safety());
  EXPECT_EQ(disk_.DurableHead(now_us_ + 100)->id, driver_->at(driver_->committed())->id);
}

// --- D3, D4, D6: syncs that fail, syncs that lie, no space

TEST_F(SimDiskStore, MakesAFailedSyncFinalThoughTheNextWouldSucceed) {
  for (const CrashKind kind :
       {CrashKind::kProcessOnly, CrashKind::kNoneKept, CrashKind::kAllKept}) {
    Open();
    for (int i = 0; i < 4; ++i) Extend();
    now_us_ += 1000;
    const consensus::SafetyRecord before = driver_->safety();
    disk_.FailNextSync();
    const absl::Status first = store_->Persist(driver_->Extend({"lost?"}));
    EXPECT_TRUE(absl::IsUnavailable(first));
    EXPECT_THAT(std::string(first.message()), testing::HasSubstr("the node must stop"));
    EXPECT_EQ(store_->Persist(driver_->Extend({"too late"})), first);
    EXPECT_EQ(store_->ApplyBlock({}, driver_->ResultsAt(1)), first);
    EXPECT_EQ(disk_.DurableSafetyRecord(now_us_ + 1000).value(), before);
    now_us_ += 1000;
    PowerFails(kind);
    EXPECT_EQ(outcome_.batches_at_risk, 1u);
    Open();
    EXPECT_EQ(store_->Recover().safety == before, kind == CrashKind::kNoneKept);
    store_.reset();
    disk_.Restore(SimDisk("empty").Snapshot());
    driver_ = std::make_unique<storage::LedgerDriver>(&world_);
  }
  EXPECT_EQ(disk_.counters().failed_syncs, 3u);
}

TEST_F(SimDiskStore, LosesWhatALyingSyncAcknowledged) {
  MakeLedger(4);
  const consensus::SafetyRecord before = driver_->safety();
  disk_.set_syncs_lie(true);
  Extend();
  Extend();
  now_us_ += 1'000'000;
  EXPECT_EQ(disk_.DurableSafetyRecord(now_us_).value(), before);
  PowerFails();
  EXPECT_EQ(outcome_.batches_at_risk, 2u);
  EXPECT_EQ(disk_.counters().lying_syncs, 2u);
  // Production cannot know.
  Open();
  EXPECT_EQ(store_->Recover().safety, before);
}

TEST_F(SimDiskStore, IsDurableAgainOnceASyncIsHonest) {
  MakeLedger(4);
  disk_.set_syncs_lie(true);
  Extend();
  disk_.set_syncs_lie(false);
  Extend();
  now_us_ += 100;
  PowerFails();
  EXPECT_EQ(outcome_.batches_at_risk, 0u);
  Open();
  EXPECT_EQ(store_->Recover().safety, driver_->safety());
}

TEST_F(SimDiskStore, MakesAFullDiskFinalThoughSpaceReturns) {
  MakeLedger(4);
  const consensus::SafetyRecord before = driver_->safety();
  disk_.set_full(true);
  const absl::Status first = store_->Persist(driver_->Extend({"lost"}));
  EXPECT_TRUE(absl::IsResourceExhausted(first)) << first;
  disk_.set_full(false);
  EXPECT_EQ(store_->Persist(driver_->Extend({"too late"})), first);
  EXPECT_TRUE(store_->BlockAt(Height{1}).ok());
  EXPECT_EQ(disk_.counters().full_writes, 1u);
  store_.reset();
  disk_.set_full(true);
  ExpectRefusal(absl::StatusCode::kResourceExhausted, {"the-disk/data", "full", "free some space"});
  disk_.set_full(false);
  Open();
  EXPECT_EQ(store_->Recover().safety, before);
}

// --- D5: rot

TEST_F(SimDiskStore, NeverBelievesARottenSafetyRecord) {
  MakeLedger(6);
  store_.reset();
  const DiskImage sound = disk_.Snapshot();
  for (const bool is_detected_below : {false, true}) {
    for (const RotKind kind : {RotKind::kBitFlip, RotKind::kZeroes}) {
      ASSERT_TRUE(Rot(kind, is_detected_below, Family::kSafety).has_value());
      ExpectRefusal(absl::StatusCode::kDataLoss,
                    {"the-disk/data", "safety/safety", "could sign twice"});
      EXPECT_TRUE(absl::IsDataLoss(disk_.DurableSafetyRecord(now_us_).status()));
      disk_.Restore(sound);
    }
  }
  EXPECT_FALSE(Rot(RotKind::kMisdirect, false, Family::kSafety).has_value());  // there is but one
  EXPECT_EQ(disk_.counters().rotten_values, 4u);
}

// Wherever one value rots, opening refuses in words, or every read of the ledger is right or says
// DataLoss: there is no third outcome.
TEST_F(SimDiskStore, FindsEveryRottenValueOrDoesNotReadIt) {
  MakeLedger(24);
  store_.reset();
  const DiskImage sound = disk_.Snapshot();
  int refused = 0;
  int found_later = 0;
  for (int i = 0; i < 150; ++i) {
    const RotKind kind = static_cast<RotKind>(i % 3);
    const auto place =
        disk_.Rot({.kind = kind, .is_detected_below = i % 2 == 1}, now_us_, &random_);
    if (!place.has_value()) continue;
    SCOPED_TRACE(storage::Describe(place->family, place->key));
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen();
    if (!store.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
      EXPECT_THAT(std::string(store.status().message()), testing::HasSubstr("could sign twice"));
      ++refused;
    } else {
      EXPECT_EQ((*store)->Recover().safety, driver_->safety());
      bool is_found = false;
      const auto judge = [&](const absl::Status& status, bool is_right) {
        EXPECT_TRUE(status.ok() ? is_right : absl::IsDataLoss(status)) << status;
        is_found |= !status.ok();
      };
      for (uint64_t height = 1; height <= driver_->committed(); ++height) {
        const auto block = (*store)->BlockAt({height});
        judge(block.status(), block.ok() && (*block)->id == driver_->at(height)->id);
        const auto by_id = (*store)->BlockById(driver_->at(height)->id);
        judge(by_id.status(), by_id.ok() && (*by_id)->id == driver_->at(height)->id);
        const auto results = (*store)->ResultsAt({height});
        judge(results.status(), results.ok() && results->state == driver_->StateAt(height));
        judge((*store)->FinalityAt({height}).status(), true);
      }
      const auto state = (*store)->state_view().state->Scan("", 100);
      judge(state.status(), state.ok() && state->size() == 2);
      found_later += is_found ? 1 : 0;
    }
    store = absl::UnavailableError("closed");
    disk_.Restore(sound);
  }
  EXPECT_GT(refused, 10);
  EXPECT_GT(found_later, 30);
}

// --- D8: copies

TEST_F(SimDiskStore, OpensAWholeOlderCopyBecauseItCannotKnow) {
  MakeLedger(6);
  const DiskImage older = disk_.Snapshot();
  const consensus::SafetyRecord then = driver_->safety();
  for (int i = 0; i < 4; ++i) Extend();
  store_.reset();
  disk_.Restore(older);
  Open();
  EXPECT_EQ(store_->Recover().safety, then);
  EXPECT_EQ(disk_.counters().stale_restores, 1u);
}

TEST_F(SimDiskStore, RefusesTheSafetyRecordOfAnOlderCopyHoweverLittleOlder) {
  for (const int steps : {1, 2, 5}) {
    MakeLedger(6);
    const DiskImage older = disk_.Snapshot();
    for (int i = 0; i < steps; ++i) Extend();
    store_.reset();
    disk_.RestoreSafetyRecord(older);
    ExpectRefusal(absl::StatusCode::kFailedPrecondition,
                  {"the-disk/data", "older than the ledger", "could sign twice"});
    disk_.Restore(SimDisk("empty").Snapshot());
    driver_ = std::make_unique<storage::LedgerDriver>(&world_);
  }
}

TEST_F(SimDiskStore, RefusesALedgerWhoseSafetyRecordWasDeleted) {
  MakeLedger(6);
  store_.reset();
  disk_.DeleteSafetyRecord();
  ExpectRefusal(absl::StatusCode::kFailedPrecondition,
                {"the-disk/data", "safety record is missing", "could sign twice"});
  EXPECT_EQ(disk_.counters().safety_deletions, 1u);
}

TEST_F(SimDiskStore, ExchangesItsContentsWithAnotherDisk) {
  MakeLedger(6);
  store_.reset();
  SimDisk other("another");
  disk_.ExchangeWith(&other);
  EXPECT_TRUE(absl::IsNotFound(disk_.DurableSafetyRecord(now_us_).status()));
  EXPECT_EQ(other.DurableSafetyRecord(now_us_).value(), driver_->safety());
}

TEST_F(SimDiskStore, RefusesToGoOnFromWhatAnotherValidatorSigned) {
  MakeLedger(6);
  EXPECT_TRUE(node::RecoverReplica(*store_, ValidatorIndex{0}).ok());
  const absl::Status refused = node::RecoverReplica(*store_, ValidatorIndex{1}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("could sign twice"));
}

}  // namespace
}  // namespace kiln::sim
