#include "storage/ledger_store.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/finality.h"
#include "consensus/safety_rules.h"
#include "storage/block_cache.h"
#include "storage/block_writes.h"
#include "storage/database.h"
#include "storage/ledger_reader.h"
#include "storage/pruning.h"
#include "storage/recovery.h"
#include "storage/safety_checks.h"
#include "storage/snapshot_stage.h"
#include "storage/state_views.h"

namespace kiln::storage {
namespace {

constexpr size_t kBatchOverheadBytes = 4096;

// Store over one database. persist_mutex_ and apply_mutex_ are held during a write, mutex_ never
// is: readers do not wait for the disk. Order: persist_mutex_ or apply_mutex_, then mutex_.
class LedgerStore final : public Store {
 public:
  LedgerStore(std::shared_ptr<Database> database, const Genesis& genesis, LedgerImage image);

  absl::Status Persist(const DurableWrite& write) override;
  RecoveredLedger Recover() const override { return recovered_; }

  absl::StatusOr<consensus::BlockPtr> BlockById(const Hash& id) const override;
  absl::StatusOr<consensus::BlockPtr> BlockAt(Height height) const override;
  absl::StatusOr<consensus::Header> HeaderAt(Height height) const override;
  absl::StatusOr<std::string> FinalityAt(Height height) const override;
  Height committed_height() const override;
  LedgerBase base() const override;

  absl::Status ApplyBlock(const std::vector<StateWrite>& writes,
                          const BlockResults& results) override;
  consensus::ExecutedState executed_state() const override;
  absl::StatusOr<BlockResults> ResultsAt(Height height) const override;
  absl::StatusOr<std::vector<TransactionIdPrefix>> ExecutedIdsAt(Height height) const override;
  absl::StatusOr<TransactionPosition> FindTransaction(const Hash& id, Height lowest) const override;
  View state_view() const override;
  absl::Status Prune(const PrunePlan& plan) override;
  absl::StatusOr<bool> DeletePruned(const PrunePlan& plan, size_t heights_max) override;
  absl::Status TakeSnapshot() override;
  absl::StatusOr<std::vector<Height>> Snapshots() const override;
  absl::StatusOr<std::unique_ptr<StateCursor>> OpenSnapshot(Height height) const override;
  absl::Status DropSnapshot(Height height) override {
    return database_->RemoveCheckpoint(height.value);
  }
  SnapshotStage* stage() override { return &stage_; }
  StoreCounters counters() const override { return database_->counters(); }

 private:
  void AddBlock(const consensus::BlockPtr& block, WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(persist_mutex_);
  void AddCommit(const Commit& commit, WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(persist_mutex_);
  void CommitBlock(const consensus::BlockPtr& block, WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(persist_mutex_);
  void Drop(Height height, const Hash& id, WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(persist_mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(persist_mutex_);
  consensus::BlockPtr Cached(const Hash& id) const;
  bool IsPruned(Height height) const {
    return height.value > 0 && height.value < lowest_.load(std::memory_order_acquire);
  }
  // NotFound when the height is below the lowest.
  absl::Status CheckHere(Height height) const;
  // Of what was not found: unless it was pruned meanwhile, `what` of a committed block is missing.
  absl::Status Missing(Height height, const Hash& id, absl::string_view what) const;

  const std::shared_ptr<Database> database_;
  const ChainLimits limits_;
  const LedgerReader reader_;
  const RecoveredLedger recovered_;
  const StateSpace space_;
  SnapshotStage stage_;

  absl::Mutex persist_mutex_;
  consensus::BlockPtr head_ ABSL_GUARDED_BY(persist_mutex_);  // with what is being written
  Round high_qc_round_ ABSL_GUARDED_BY(persist_mutex_);
  // Every stored block above the head.
  absl::btree_map<Height, std::vector<Hash>> uncommitted_ ABSL_GUARDED_BY(persist_mutex_);
  // By the write under way.
  std::vector<consensus::BlockPtr> kept_ ABSL_GUARDED_BY(persist_mutex_);
  std::vector<Hash> dropped_ ABSL_GUARDED_BY(persist_mutex_);

  absl::Mutex apply_mutex_;

  std::atomic<uint64_t> lowest_;  // base_.lowest()
  absl::Mutex prune_mutex_;
  Height undeleted_ ABSL_GUARDED_BY(prune_mutex_){1};  // nothing below it is left

  mutable absl::Mutex mutex_;
  Height committed_ ABSL_GUARDED_BY(mutex_);  // durable
  LedgerBase base_ ABSL_GUARDED_BY(mutex_);   // likewise
  BlockCache cache_ ABSL_GUARDED_BY(mutex_);
  consensus::ExecutedState executed_ ABSL_GUARDED_BY(mutex_);
  View view_ ABSL_GUARDED_BY(mutex_);
};

LedgerStore::LedgerStore(std::shared_ptr<Database> database, const Genesis& genesis,
                         LedgerImage image)
    : database_(std::move(database)),
      limits_(genesis.limits),
      reader_(database_.get(), limits_),
      recovered_(std::move(image.ledger)),
      space_(image.space),
      stage_(database_.get()),
      head_(recovered_.committed),
      high_qc_round_(recovered_.safety.high_qc.round),
      lowest_(image.base.lowest().value),
      committed_(head_->header.height),
      base_(image.base),
      executed_(image.executed),
      view_{.state = MakeStateView(database_, space_), .height = image.executed.height} {
  for (const HeadRecord& stored : image.stored_above) {
    uncommitted_[stored.height].push_back(stored.id);
  }
  cache_.Add(recovered_.committed);
  for (const consensus::BlockPtr& block : recovered_.uncommitted) cache_.Add(block);
}

// --- Writing the ledger

absl::Status LedgerStore::Persist(const DurableWrite& write) {
  absl::MutexLock lock(&persist_mutex_);
  KILN_RETURN_IF_ERROR(database_->failure());
  if (write.empty()) return absl::OkStatus();

  size_t bytes = kBatchOverheadBytes;
  for (const consensus::BlockPtr& block : write.blocks) {
    bytes += block->payload->size() + kBatchOverheadBytes;
  }
  const std::unique_ptr<WriteBatch> batch = database_->NewBatch(bytes);
  kept_.clear();
  dropped_.clear();
  for (const consensus::BlockPtr& block : write.blocks) AddBlock(block, batch.get());
  for (const Commit& commit : write.commits) AddCommit(commit, batch.get());
  if (write.safety.has_value()) {
    high_qc_round_ = write.safety->high_qc.round;
    batch->PutSealed(Family::kSafety, kSafetyKey, consensus::Encode(*write.safety));
  }
  // Otherwise the next start would refuse this very ledger.
  KILN_CHECK_GE(high_qc_round_, head_->header.round) << "commit without its certificate";
  KILN_RETURN_IF_ERROR(database_->Write(batch.get(), Durability::kSynced));
  Publish();
  return absl::OkStatus();
}

void LedgerStore::AddBlock(const consensus::BlockPtr& block, WriteBatch* batch) {
  const Height height = block->header.height;
  if (height <= head_->header.height) return;  // too late to be committed
  std::vector<Hash>& ids = uncommitted_[height];
  if (std::find(ids.begin(), ids.end(), block->id) != ids.end()) return;
  ids.push_back(block->id);
  kept_.push_back(block);
  PutBlock(*block, batch);
}

void LedgerStore::AddCommit(const Commit& commit, WriteBatch* batch) {
  KILN_CHECK(!commit.blocks.empty());
  for (const consensus::BlockPtr& block : commit.blocks) CommitBlock(block, batch);
  KILN_CHECK_EQ(commit.child.parent_id, head_->id);
  KILN_CHECK_EQ(commit.child.round.value, head_->header.round.value + 1);
  KILN_CHECK_EQ(commit.certificate.block_id, consensus::HashOf(commit.child));
  const Height height = head_->header.height;
  batch->PutSealed(Family::kCertificates, HeightKey(height),
                   EncodeCommitRecord(commit.child, commit.certificate));
  batch->PutSealed(Family::kMetadata, kCommittedKey,
                   EncodeHead({.height = height, .id = head_->id}));
}

void LedgerStore::CommitBlock(const consensus::BlockPtr& block, WriteBatch* batch) {
  const Height height = block->header.height;
  KILN_CHECK_EQ(height.value, head_->header.height.value + 1);
  KILN_CHECK_EQ(block->header.parent_id, head_->id);
  const auto stored = uncommitted_.find(height);
  KILN_CHECK(stored != uncommitted_.end()) << "block " << block->id.ToHex() << " was not kept";
  bool is_kept = false;
  for (const Hash& id : stored->second) {
    if (id == block->id) {
      is_kept = true;
    } else {
      KILN_MARK("a commit drops the siblings of its blocks");
      Drop(height, id, batch);
    }
  }
  KILN_CHECK(is_kept) << "block " << block->id.ToHex() << " was not kept";
  uncommitted_.erase(stored);
  batch->PutSealed(Family::kIndexByHeight, IdAtHeightKey(height), std::string(block->id.view()));
  head_ = block;
}

void LedgerStore::Drop(Height height, const Hash& id, WriteBatch* batch) {
  const std::string key = BlockKey(height, id);
  batch->Delete(Family::kBlocks, key);
  batch->Delete(Family::kPayloads, key);
  batch->Delete(Family::kIndexByHeight, HeightOfIdKey(id));
  dropped_.push_back(id);
}

void LedgerStore::Publish() {
  absl::MutexLock lock(&mutex_);
  for (const consensus::BlockPtr& block : kept_) cache_.Add(block);
  for (const Hash& id : dropped_) cache_.Remove(id);
  committed_ = head_->header.height;
}

// --- Reading the ledger

consensus::BlockPtr LedgerStore::Cached(const Hash& id) const {
  absl::MutexLock lock(&mutex_);
  return cache_.Find(id);
}

absl::Status LedgerStore::CheckHere(Height height) const {
  if (!IsPruned(height)) return absl::OkStatus();
  KILN_MARK("what is asked for was pruned");
  return PrunedError(height, Height{lowest_.load(std::memory_order_acquire)});
}

absl::Status LedgerStore::Missing(Height height, const Hash& id, absl::string_view what) const {
  KILN_RETURN_IF_ERROR(CheckHere(height));
  return absl::DataLossError(absl::StrCat("block ", id.Short(), " at height ", height.value, what));
}

absl::StatusOr<consensus::BlockPtr> LedgerStore::BlockById(const Hash& id) const {
  if (consensus::BlockPtr cached = Cached(id)) return cached;
  KILN_ASSIGN_OR_RETURN(const Height height, reader_.HeightOf(id));
  KILN_RETURN_IF_ERROR(CheckHere(height));
  absl::StatusOr<consensus::BlockPtr> block = reader_.Block(height, id);
  if (block.ok()) return block;
  // Between the two reads it may have been dropped as a sibling.
  KILN_RETURN_IF_ERROR(reader_.HeightOf(id).status());
  if (!absl::IsNotFound(block.status())) return block;
  return Missing(height, id, " is indexed, but missing");
}

absl::StatusOr<consensus::BlockPtr> LedgerStore::BlockAt(Height height) const {
  KILN_RETURN_IF_ERROR(CheckHere(height));
  KILN_ASSIGN_OR_RETURN(const Hash id, reader_.IdAt(height));
  if (consensus::BlockPtr cached = Cached(id)) return cached;
  absl::StatusOr<consensus::BlockPtr> block = reader_.Block(height, id);
  if (!absl::IsNotFound(block.status())) return block;
  return Missing(height, id, " is missing");
}

absl::StatusOr<consensus::Header> LedgerStore::HeaderAt(Height height) const {
  KILN_RETURN_IF_ERROR(CheckHere(height));
  KILN_ASSIGN_OR_RETURN(const Hash id, reader_.IdAt(height));
  if (const consensus::BlockPtr cached = Cached(id)) return cached->header;
  absl::StatusOr<consensus::Header> header = reader_.Header(height, id);
  if (!absl::IsNotFound(header.status())) return header;
  return Missing(height, id, " is missing");
}

absl::StatusOr<std::string> LedgerStore::FinalityAt(Height height) const {
  if (height.value == 0) return absl::NotFoundError("block 0 is the genesis and needs no proof");
  if (height > committed_height()) {
    return absl::NotFoundError(absl::StrCat("height ", height.value, " is not committed"));
  }
  KILN_RETURN_IF_ERROR(CheckHere(height));
  KILN_ASSIGN_OR_RETURN(LedgerReader::DirectCommit direct, reader_.DirectCommitFrom(height));
  const uint64_t headers = direct.height.value - height.value + 2;
  if (headers > consensus::kFinalityHeadersMax) {
    return absl::OutOfRangeError(absl::StrCat("the proof for height ", height.value, " takes ",
                                              headers, " headers, allowed are ",
                                              consensus::kFinalityHeadersMax));
  }
  if (headers > 2) KILN_MARK("a proof of finality goes through descendants");
  consensus::FinalityProof proof;
  proof.headers.reserve(headers);
  for (uint64_t at = height.value; at <= direct.height.value; ++at) {
    KILN_ASSIGN_OR_RETURN(consensus::Header header, HeaderAt(Height{at}));
    proof.headers.push_back(std::move(header));
  }
  proof.headers.push_back(std::move(direct.record.child));
  proof.certificate = std::move(direct.record.certificate);
  return consensus::Encode(proof);
}

Height LedgerStore::committed_height() const {
  absl::MutexLock lock(&mutex_);
  return committed_;
}

LedgerBase LedgerStore::base() const {
  absl::MutexLock lock(&mutex_);
  return base_;
}

// --- State and results

absl::Status LedgerStore::ApplyBlock(const std::vector<StateWrite>& writes,
                                     const BlockResults& results) {
  absl::MutexLock lock(&apply_mutex_);
  KILN_CHECK_EQ(results.state.height.value, executed_state().height.value + 1);
  KILN_CHECK_LE(results.state.height, committed_height());
  KILN_CHECK_EQ(results.ids.size(), results.replies.size());

  const std::unique_ptr<WriteBatch> batch = database_->NewBatch(kBatchOverheadBytes);
  for (const StateWrite& write : writes) {
    KILN_CHECK_LE(write.key.size(), kStateKeyBytesMax);
    const std::string key = StateKey(write.key, space_);
    if (write.value.has_value()) {
      batch->PutSealed(Family::kApplicationState, key, *write.value);
    } else {
      batch->Delete(Family::kApplicationState, key);
    }
  }
  const Height height = results.state.height;
  batch->PutSealed(Family::kTransactionIndex, ResultIdsKey(height), EncodeResultIds(results));
  batch->PutSealed(Family::kTransactionIndex, ResultRepliesKey(height),
                   EncodeReplies(results.replies));
  batch->PutSealed(Family::kMetadata, kExecutedKey, consensus::Encode(results.state));
  KILN_RETURN_IF_ERROR(database_->Write(batch.get(), Durability::kUnsynced));

  View view{.state = MakeStateView(database_, space_), .height = height};
  absl::MutexLock publish(&mutex_);
  executed_ = results.state;
  std::swap(view_, view);
  return absl::OkStatus();
}

consensus::ExecutedState LedgerStore::executed_state() const {
  absl::MutexLock lock(&mutex_);
  return executed_;
}

Store::View LedgerStore::state_view() const {
  absl::MutexLock lock(&mutex_);
  return view_;
}

// --- Pruning

absl::Status LedgerStore::Prune(const PrunePlan& plan) {
  absl::MutexLock lock(&prune_mutex_);
  const LedgerBase before = base();
  KILN_CHECK_GT(plan.lowest, before.lowest());
  KILN_CHECK_LE(plan.lowest, executed_state().height);
  const Height height{plan.lowest.value - 1};
  LedgerBase next;
  KILN_ASSIGN_OR_RETURN(next.header, HeaderAt(height));
  KILN_ASSIGN_OR_RETURN(
      next.commits_height,
      CommitsHeightOf(next.header, before, [this](Height at) { return HeaderAt(at); }));
  KILN_ASSIGN_OR_RETURN(const HeightState then, StateAt(height));
  next.state = then.state;
  next.total_transactions = then.total_transactions;
  const std::unique_ptr<WriteBatch> batch = database_->NewBatch(kBatchOverheadBytes);
  PutBase(next, batch.get());
  KILN_RETURN_IF_ERROR(database_->Write(batch.get(), Durability::kSynced));
  absl::MutexLock publish(&mutex_);
  base_ = next;
  lowest_.store(next.lowest().value, std::memory_order_release);
  return absl::OkStatus();
}

absl::StatusOr<bool> LedgerStore::DeletePruned(const PrunePlan& plan, size_t heights_max) {
  absl::MutexLock lock(&prune_mutex_);
  const Height lowest = base().lowest();
  if (undeleted_ >= lowest) return false;
  const PrunePlan within{.lowest = lowest, .window_lowest = plan.window_lowest};
  KILN_ASSIGN_OR_RETURN(undeleted_, DeleteBelow(database_.get(), within, undeleted_, heights_max));
  if (undeleted_ == lowest) KILN_RETURN_IF_ERROR(ReclaimBelow(database_.get(), lowest));
  return true;
}

absl::Status LedgerStore::TakeSnapshot() {
  absl::MutexLock lock(&apply_mutex_);  // what is copied is the state of one height
  KILN_RETURN_IF_ERROR(database_->failure());
  return database_->MakeCheckpoint(executed_state().height.value);
}

absl::StatusOr<std::vector<Height>> LedgerStore::Snapshots() const {
  KILN_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, database_->Checkpoints());
  std::vector<Height> heights;
  for (const uint64_t number : numbers) heights.push_back({number});
  return heights;
}

absl::StatusOr<std::unique_ptr<StateCursor>> LedgerStore::OpenSnapshot(Height height) const {
  KILN_ASSIGN_OR_RETURN(std::shared_ptr<const Database> copy,
                        database_->OpenCheckpoint(height.value));
  const LedgerReader copied(copy.get(), limits_);
  KILN_ASSIGN_OR_RETURN(const consensus::ExecutedState executed, copied.Executed());
  KILN_ASSIGN_OR_RETURN(const StateSpace space, copied.Space());
  KILN_ASSIGN_OR_RETURN(const HeightState then, StateAt(height));
  if (executed != then.state) {
    return absl::DataLossError(absl::StrCat(copy->dir(), " is no snapshot of the state of height ",
                                            height.value, ", but of height ",
                                            executed.height.value));
  }
  return MakeStateCursor(std::move(copy), space);
}

absl::StatusOr<BlockResults> LedgerStore::ResultsAt(Height height) const {
  KILN_RETURN_IF_ERROR(CheckHere(height));
  return reader_.Results(height);
}

absl::StatusOr<std::vector<TransactionIdPrefix>> LedgerStore::ExecutedIdsAt(Height height) const {
  if (IsPruned(height)) return reader_.WindowIds(height);
  KILN_ASSIGN_OR_RETURN(const BlockResults results, reader_.Results(height));
  return ExecutedIds(results);
}

absl::StatusOr<TransactionPosition> LedgerStore::FindTransaction(const Hash& id,
                                                                 Height lowest) const {
  TransactionIdPrefix prefix;
  std::copy_n(id.bytes.begin(), prefix.size(), prefix.begin());
  lowest = std::max(lowest, Height{lowest_.load(std::memory_order_acquire)});
  KILN_ASSIGN_OR_RETURN(const std::vector<TransactionPosition> candidates,
                        reader_.FindPrefix(prefix, lowest));
  for (const TransactionPosition& candidate : candidates) {
    KILN_ASSIGN_OR_RETURN(const BlockResults results, ResultsAt(candidate.height));
    KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, BlockAt(candidate.height));
    if (block->index->entries.size() != results.replies.size()) {
      return absl::DataLossError(absl::StrCat("the results at height ", candidate.height.value,
                                              " are not those of the block there"));
    }
    if (block->index->entries[candidate.index].id == id &&
        IsExecuted(results.replies[candidate.index])) {
      return candidate;
    }
  }
  const absl::string_view pruned = IsPruned(Height{1}) ? ", the lowest that was not pruned" : "";
  return absl::NotFoundError(absl::StrCat("transaction ", id.ToHex(), " is not in the ledger from ",
                                          "height ", lowest.value, " on", pruned));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenStore(std::shared_ptr<Database> database,
                                                 const Genesis& genesis, bool read_only) {
  KILN_ASSIGN_OR_RETURN(const bool is_blank, IsBlank(*database));
  if (is_blank) {
    if (read_only) {
      return absl::NotFoundError(absl::StrCat("there is no ledger in ", database->dir()));
    }
    KILN_RETURN_IF_ERROR(
        CreateLedger(database.get(), genesis,
                     consensus::InitialSafetyRecord(consensus::GenesisCertificate(genesis))));
  }
  if (!read_only && !is_blank) {
    KILN_RETURN_IF_ERROR(InstallStaged(database.get(), genesis).status());
  }
  KILN_ASSIGN_OR_RETURN(LedgerImage image, LoadLedger(*database, genesis));
  return std::make_unique<LedgerStore>(std::move(database), genesis, std::move(image));
}

}  // namespace kiln::storage
