#include "tests/storage/recorded_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/safety_rules.h"
#include "storage/rocksdb_store.h"

namespace kiln::storage {
namespace {

// Every so many rounds.
constexpr uint64_t kTimeoutEvery = 11;
constexpr uint64_t kSkippedRoundEvery = 13;
constexpr uint64_t kSiblingEvery = 17;
constexpr uint64_t kLargePayloadEvery = 4;
constexpr size_t kLargePayloadBytes = 6000;  // lies in a blob file
constexpr size_t kSmallPayloadBytes = 500;
constexpr uint64_t kExecutionEvery = 5;  // then as many blocks at once
constexpr size_t kLargeStateBytes = 3000;
constexpr absl::string_view kLargeStateKey = "large";

std::string LargeStateAt(uint64_t height) {
  return std::string(kLargeStateBytes, static_cast<char>('a' + height % 26));
}

std::vector<StateWrite> WritesAt(uint64_t height) {
  std::vector<StateWrite> writes = LedgerDriver::WritesAt(height);
  writes.push_back({.key = std::string(kLargeStateKey), .value = LargeStateAt(height)});
  return writes;
}

absl::Status Violation(absl::string_view what) {
  return absl::InternalError(what);
}

absl::btree_set<Hash> SortedIds(const std::vector<consensus::BlockPtr>& blocks) {
  absl::btree_set<Hash> ids;
  for (const consensus::BlockPtr& block : blocks) ids.insert(block->id);
  return ids;
}

std::string Transaction(uint64_t round) {
  const bool is_large = round % kLargePayloadEvery == 0;
  const char filler = static_cast<char>('a' + round % 26);
  return absl::StrCat("round ", round, " ",
                      std::string(is_large ? kLargePayloadBytes : kSmallPayloadBytes, filler));
}

bool IsAsWritten(const absl::StatusOr<consensus::BlockPtr>& read, const consensus::Block& written) {
  return read.ok() && (*read)->id == written.id && (*read)->header == written.header &&
         *(*read)->payload == *written.payload && (*read)->justify == written.justify;
}

}  // namespace

RecordedRun::RecordedRun() = default;

absl::StatusOr<std::unique_ptr<Store>> RecordedRun::OpenAt(const std::string& folder,
                                                           rocksdb::Env* env) const {
  return OpenRocksDbStore({.data_dir = folder,
                           .genesis = world_.genesis(),
                           .env = env,
                           .write_buffer_bytes = kWriteBufferBytes});
}

absl::Status RecordedRun::Open() {
  Close();
  const bool is_new = promises_.empty();
  if (is_new) {
    promises_.push_back({.begun = disk_->record_size(),
                         .kept = SIZE_MAX,
                         .write = {},
                         .safety = consensus::InitialSafetyRecord(world_.genesis_qc()),
                         .committed = 0,
                         .uncommitted = {},
                         .applied = 0});
  }
  KILN_ASSIGN_OR_RETURN(store_, OpenAt(folder(), env_.get()));
  if (is_new) promises_.front().kept = disk_->record_size();
  return absl::OkStatus();
}

absl::Status RecordedRun::Persist(DurableWrite write) {
  Promise promise{.begun = disk_->record_size(),
                  .kept = SIZE_MAX,
                  .write = std::move(write),
                  .safety = driver_.safety(),
                  .committed = driver_.committed(),
                  .uncommitted = {},
                  .applied = applied()};
  if (promise.write.safety.has_value()) promise.safety = *promise.write.safety;
  for (uint64_t height = promise.committed + 1; height < driver_.chain().size(); ++height) {
    promise.uncommitted.insert(driver_.at(height)->id);
  }
  for (const consensus::BlockPtr& sibling : siblings_) {
    if (sibling->header.height.value > promise.committed) promise.uncommitted.insert(sibling->id);
  }
  promises_.push_back(std::move(promise));
  KILN_RETURN_IF_ERROR(store_->Persist(promises_.back().write));
  promises_.back().kept = disk_->record_size();
  return absl::OkStatus();
}

DurableWrite RecordedRun::TimeoutAfter(Round round) {
  DurableWrite write{.safety = driver_.safety(), .blocks = {}, .commits = {}};
  write.safety->last_voted_round.value = round.value + 1;
  write.safety->last_timeout =
      world_.TimeoutOf({0}, write.safety->last_voted_round, write.safety->high_qc);
  return write;
}

absl::Status RecordedRun::ApplyUpTo(uint64_t height) {
  while (applied() < height) {
    applied_.push_back(disk_->record_size());
    KILN_RETURN_IF_ERROR(store_->ApplyBlock(WritesAt(applied()), driver_.ResultsAt(applied())));
  }
  return absl::OkStatus();
}

absl::Status RecordedRun::RunRound(uint64_t round) {
  const Round tip = driver_.chain().back()->header.round;
  if (round % kSiblingEvery == 0) {
    siblings_.push_back(driver_.Sibling({absl::StrCat("lost in round ", round)}));
    DurableWrite write{.safety = driver_.safety(), .blocks = {siblings_.back()}, .commits = {}};
    KILN_RETURN_IF_ERROR(Persist(std::move(write)));
  }
  const bool is_skipped = round % kSkippedRoundEvery == 0;
  if (round % kTimeoutEvery == 0 || is_skipped) KILN_RETURN_IF_ERROR(Persist(TimeoutAfter(tip)));
  DurableWrite write = driver_.Extend({Transaction(round)}, is_skipped ? 1 : 0);
  KILN_RETURN_IF_ERROR(Persist(std::move(write)));
  return round % kExecutionEvery == 0 ? ApplyUpTo(driver_.committed()) : absl::OkStatus();
}

absl::Status RecordedRun::Prune(uint64_t heights_kept) {
  constexpr size_t kHeightsPerStep = 4;
  if (applied() < pruned_.back().lowest + heights_kept) return absl::OkStatus();
  const uint64_t lowest = applied() - heights_kept;
  const PrunePlan plan{.lowest = {lowest}, .window_lowest = {1}};
  pruned_.push_back({.lowest = lowest, .begun = disk_->record_size()});
  KILN_RETURN_IF_ERROR(store_->Prune(plan));
  pruned_.back().kept = disk_->record_size();
  bool has_more = true;
  while (has_more) {
    KILN_ASSIGN_OR_RETURN(has_more, store_->DeletePruned(plan, kHeightsPerStep));
  }
  return absl::OkStatus();
}

absl::Status RecordedRun::CheckLowest(const Store& store, size_t point) const {
  const uint64_t lowest = store.base().lowest().value;
  uint64_t kept = 1;
  uint64_t begun = 1;
  for (const Pruned& pruned : pruned_) {
    if (pruned.kept <= point) kept = pruned.lowest;
    if (pruned.begun < point) begun = std::max(begun, pruned.lowest);
  }
  if (lowest != kept && lowest != begun) {
    return Violation(absl::StrCat("begins at height ", lowest, ", not at ", kept, " or ", begun));
  }
  if (lowest == 1 || store.StateAt({lowest - 1})->state == driver_.StateAt(lowest - 1)) {
    return absl::OkStatus();
  }
  return Violation("another state below the lowest height");
}

absl::Status RecordedRun::CheckBlocks(const Store& store) const {
  const uint64_t committed = store.committed_height().value;
  const uint64_t lowest = store.base().lowest().value;
  for (uint64_t height = lowest == 1 ? 0 : lowest; height <= committed; ++height) {
    const auto block = store.BlockAt({height});
    if (!IsAsWritten(block, *driver_.at(height))) {
      return Violation(absl::StrCat("block ", height, ": ", block.status().ToString()));
    }
  }
  if (committed == 0) return absl::OkStatus();
  return Annotate(store.FinalityAt({committed}).status(), "finality of the head");
}

absl::Status RecordedRun::CheckReads(const Store& store, const Promise& promise) const {
  const RecoveredLedger recovered = store.Recover();
  if (recovered.safety != promise.safety) return Violation("another safety record");
  if (store.committed_height() != Height{promise.committed}) return Violation("another head");
  if (SortedIds(recovered.uncommitted) != promise.uncommitted) {
    return Violation(absl::StrCat(recovered.uncommitted.size(), " uncommitted blocks instead of ",
                                  promise.uncommitted.size(), ", or others"));
  }
  return CheckBlocks(store);
}

absl::Status RecordedRun::CheckState(const Store& store, uint64_t lowest, uint64_t highest) const {
  const uint64_t executed = store.executed_state().height.value;
  if (executed < lowest || executed > highest) {
    return Violation(
        absl::StrCat("executed up to ", executed, ", not within ", lowest, " and ", highest));
  }
  if (store.executed_state() != driver_.StateAt(executed)) return Violation("another state");
  std::vector<std::pair<std::string, std::string>> expected;
  if (executed > 0) {
    expected = {{absl::StrCat("at ", executed), "written"},
                {"height", absl::StrCat(executed)},
                {std::string(kLargeStateKey), LargeStateAt(executed)}};
  }
  const auto entries = store.state_view().state->Scan("", /*count_max=*/10);
  KILN_RETURN_IF_ERROR(entries.status());
  if (*entries != expected) {
    return Violation(absl::StrCat("the state of height ", executed, " has other entries"));
  }
  for (uint64_t height = store.base().lowest().value; height <= executed; ++height) {
    const absl::StatusOr<BlockResults> results = store.ResultsAt({height});
    KILN_RETURN_IF_ERROR(results.status());
    const BlockResults written = driver_.ResultsAt(height);
    if (results->state != written.state || results->replies != written.replies) {
      return Violation(absl::StrCat("other results at height ", height));
    }
  }
  if (absl::IsNotFound(store.ResultsAt({executed + 1}).status())) return absl::OkStatus();
  return Violation("results above the executed height");
}

size_t RecordedRun::NewestKeptAt(size_t point) const {
  size_t newest = 0;
  for (size_t i = 0; i < promises_.size(); ++i) {
    if (promises_[i].kept <= point) newest = i;
  }
  return newest;
}

absl::Status RecordedRun::CheckCrashAt(size_t point, const Store& store, size_t* found) const {
  const size_t newest_kept = NewestKeptAt(point);
  // Writes come one after the other.
  const bool next_is_begun =
      newest_kept + 1 < promises_.size() && promises_[newest_kept + 1].begun < point;
  const size_t newest_begun = newest_kept + (next_is_begun ? 1 : 0);
  const auto applied_end = std::lower_bound(applied_.begin() + 1, applied_.end(), point);
  const uint64_t highest = static_cast<uint64_t>(applied_end - applied_.begin()) - 1;
  absl::Status status;
  KILN_RETURN_IF_ERROR(CheckLowest(store, point));
  for (*found = newest_kept; *found <= newest_begun; ++*found) {
    status = CheckReads(store, promises_[*found]);
    if (status.ok()) return CheckState(store, promises_[*found].applied, highest);
  }
  return Annotate(status, absl::StrCat("promised were ", newest_kept, ", begun ", newest_begun));
}

}  // namespace kiln::storage
