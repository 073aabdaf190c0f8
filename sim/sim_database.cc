#include "sim/sim_database.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "sim/sim_disk.h"

namespace kiln::sim {
namespace {

using storage::Family;

absl::Status GoneError() {
  return absl::UnavailableError("the process that had the disk open is no more");
}

constexpr size_t kChangesUsual = 8;

// Hands its changes over to the disk, once.
class SimBatch final : public storage::WriteBatch {
 public:
  SimBatch(const SimDatabase* database, size_t bytes) : database_(database) {
    changes_.Reserve(bytes);
    changes_.changes().reserve(kChangesUsual);
  }

  void Put(Family family, absl::string_view key, absl::string_view value) override {
    changes_.Put(family, key, value);
  }
  void Delete(Family family, absl::string_view key) override { changes_.Delete(family, key); }
  void DeleteRange(Family family, absl::string_view begin, absl::string_view end) override {
    const DiskContent* content = database_->content();
    if (content == nullptr) return;  // the write fails
    const DiskContent::FamilyMap& map = content->family(family);
    for (auto at = map.lower_bound(begin); at != map.end() && at->first < end; ++at) {
      changes_.Delete(family, at->first);
    }
  }
  size_t bytes() const override { return changes_.bytes(); }
  ChangeList Take() { return std::move(changes_); }

 private:
  const SimDatabase* const database_;
  ChangeList changes_;
};

// Pins a sequence number for as long as it lives. Immutable.
class SimSnapshot final : public storage::Snapshot {
 public:
  explicit SimSnapshot(const SimDatabase* database) : database_(database) {
    if (DiskContent* content = database_->mutable_content()) sequence_ = content->Pin();
  }
  ~SimSnapshot() override {
    if (DiskContent* content = database_->mutable_content()) content->Unpin(sequence_);
  }
  SimSnapshot(const SimSnapshot&) = delete;
  SimSnapshot& operator=(const SimSnapshot&) = delete;

  uint64_t sequence() const { return sequence_; }

 private:
  const SimDatabase* const database_;
  uint64_t sequence_ = 0;
};

// Steps by key over what is stored now, corrected by what has changed since the snapshot.
class SimIterator final : public storage::Iterator {
 public:
  SimIterator(const SimDatabase* database, Family family, absl::string_view end,
              const storage::Snapshot* snapshot)
      : database_(database), family_(family), end_(end) {
    const DiskContent* content = database_->content();
    if (content == nullptr) return;
    made_at_ = content->sequence();
    if (snapshot == nullptr) return;
    then_ =
        content->DifferencesSince(family, static_cast<const SimSnapshot*>(snapshot)->sequence());
  }

  void Seek(absl::string_view key) override { MoveForward(key, /*or_equal=*/true); }
  void SeekForPrev(absl::string_view key) override {
    if (!end_.empty() && key >= absl::string_view(end_)) {
      MoveBack(end_, /*or_equal=*/false);
    } else {
      MoveBack(key, /*or_equal=*/true);
    }
  }
  void Next() override { MoveForward(key(), /*or_equal=*/false); }
  void Prev() override { MoveBack(key(), /*or_equal=*/false); }
  bool Valid() const override { return value_ != nullptr; }
  absl::string_view key() const override {
    KILN_CHECK(Valid());
    return key_;
  }
  absl::string_view value() const override {
    KILN_CHECK(Valid());
    return value_->bytes;
  }
  absl::Status status() const override { return status_; }

 private:
  const DiskContent::FamilyMap* Now();
  void MoveForward(absl::string_view from, bool or_equal);
  void MoveBack(absl::string_view from, bool or_equal);
  void Stop() { value_ = nullptr; }
  void StopAt(absl::string_view key, const StoredValue& value);

  const SimDatabase* const database_;
  const Family family_;
  const std::string end_;
  uint64_t made_at_ = 0;
  DiskContent::Differences then_;
  absl::string_view key_;
  const StoredValue* value_ = nullptr;
  absl::Status status_;
};

const DiskContent::FamilyMap* SimIterator::Now() {
  const DiskContent* content = database_->content();
  status_ = content == nullptr ? GoneError() : absl::OkStatus();
  if (content == nullptr) return nullptr;
  KILN_CHECK_EQ(content->sequence(), made_at_) << "an iterator was moved after a write";
  return &content->family(family_);
}

void SimIterator::StopAt(absl::string_view key, const StoredValue& value) {
  if (!end_.empty() && key >= absl::string_view(end_)) return;
  if (value.is_unreadable) {
    status_ = UnreadableError(family_, key);
    return;
  }
  key_ = key;
  value_ = &value;
}

void SimIterator::MoveForward(absl::string_view from, bool or_equal) {
  Stop();
  const DiskContent::FamilyMap* map = Now();
  if (map == nullptr) return;
  auto now = or_equal ? map->lower_bound(from) : map->upper_bound(from);
  auto then = or_equal ? then_.lower_bound(from) : then_.upper_bound(from);
  while (now != map->end() || then != then_.end()) {
    if (then == then_.end() || (now != map->end() && now->first < then->first)) {
      return StopAt(now->first, now->second);
    }
    if (now != map->end() && now->first == then->first) ++now;
    if (then->second != nullptr) return StopAt(then->first, *then->second);
    ++then;
  }
}

void SimIterator::MoveBack(absl::string_view from, bool or_equal) {
  Stop();
  const DiskContent::FamilyMap* map = Now();
  if (map == nullptr) return;
  // Both stand one behind what they offer.
  auto now = or_equal ? map->upper_bound(from) : map->lower_bound(from);
  auto then = or_equal ? then_.upper_bound(from) : then_.lower_bound(from);
  while (now != map->begin() || then != then_.begin()) {
    if (then == then_.begin() ||
        (now != map->begin() && std::prev(now)->first > std::prev(then)->first)) {
      --now;
      return StopAt(now->first, now->second);
    }
    --then;
    if (now != map->begin() && std::prev(now)->first == then->first) --now;
    if (then->second != nullptr) return StopAt(then->first, *then->second);
  }
}

}  // namespace

absl::Status UnreadableError(Family family, absl::string_view key) {
  return absl::DataLossError(absl::StrCat("reading ", storage::Describe(family, key),
                                          ": Corruption: block checksum mismatch"));
}

SimDatabase::~SimDatabase() {
  if (disk_ != nullptr) disk_->Release();
}

const DiskContent* SimDatabase::content() const {
  return checkpoint_ != nullptr ? checkpoint_.get() : mutable_content();
}

DiskContent* SimDatabase::mutable_content() const {
  return disk_ == nullptr ? nullptr : &disk_->content();
}

std::unique_ptr<storage::WriteBatch> SimDatabase::NewBatch(size_t bytes) const {
  return std::make_unique<SimBatch>(this, bytes);
}

absl::Status SimDatabase::DoWrite(storage::WriteBatch* batch, storage::Durability durability) {
  if (disk_ == nullptr) return GoneError();
  return disk_->Write(static_cast<SimBatch*>(batch)->Take(), durability);
}

absl::StatusOr<std::string> SimDatabase::Get(Family family, absl::string_view key,
                                             const storage::Snapshot* snapshot) const {
  const DiskContent* content = this->content();
  if (content == nullptr) return GoneError();
  const uint64_t sequence = snapshot == nullptr
                                ? content->sequence()
                                : static_cast<const SimSnapshot*>(snapshot)->sequence();
  const StoredValue* value = content->Find(family, key, sequence);
  if (value == nullptr) {
    return absl::NotFoundError(absl::StrCat(storage::Describe(family, key), " is not stored"));
  }
  if (value->is_unreadable) return UnreadableError(family, key);
  return value->bytes;
}

std::unique_ptr<storage::Iterator> SimDatabase::NewIterator(
    Family family, absl::string_view end, const storage::Snapshot* snapshot) const {
  return std::make_unique<SimIterator>(this, family, end, snapshot);
}

absl::Status SimDatabase::Reclaim(Family /*family*/, absl::string_view /*begin*/,
                                  absl::string_view /*end*/) {
  return content() == nullptr ? GoneError() : absl::OkStatus();
}

std::unique_ptr<const storage::Snapshot> SimDatabase::TakeSnapshot() {
  return std::make_unique<const SimSnapshot>(this);
}

absl::Status SimDatabase::MakeCheckpoint(uint64_t number) {
  constexpr Family kFamilies[] = {Family::kApplicationState, Family::kMetadata};
  if (disk_ == nullptr) return GoneError();
  return disk_->MakeCheckpoint(number, kFamilies);
}

absl::StatusOr<std::vector<uint64_t>> SimDatabase::Checkpoints() const {
  const DiskContent* content = this->content();
  if (content == nullptr) return GoneError();
  std::vector<uint64_t> numbers;
  for (const auto& [number, checkpoint] : content->checkpoints()) numbers.push_back(number);
  return numbers;
}

absl::StatusOr<std::shared_ptr<storage::Database>> SimDatabase::OpenCheckpoint(
    uint64_t number) const {
  const DiskContent* content = this->content();
  if (content == nullptr) return GoneError();
  const auto found = content->checkpoints().find(number);
  const std::string name = absl::StrCat(dir(), "/snapshots/", number);
  if (found == content->checkpoints().end()) {
    return absl::NotFoundError(absl::StrCat("there is no ledger in ", name));
  }
  return std::make_shared<SimDatabase>(found->second, name);
}

absl::Status SimDatabase::RemoveCheckpoint(uint64_t number) {
  DiskContent* content = mutable_content();
  if (content == nullptr) return GoneError();
  content->RemoveCheckpoint(number);
  return absl::OkStatus();
}

}  // namespace kiln::sim
