#include "sim/sim_disk.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "sim/sim_database.h"

namespace kiln::sim {
namespace {

using storage::Family;

void SetSafetyRecord(const StoredValue* value, DiskContent* content) {
  DiskContent::FamilyMap& family = content->mutable_family(Family::kSafety);
  if (value == nullptr) {
    family.erase(storage::kSafetyKey);
  } else {
    family.insert_or_assign(std::string(storage::kSafetyKey), *value);
  }
}

}  // namespace

SimDisk::SimDisk(std::string name, SyncHook sync_completes_at_us)
    : name_(std::move(name)), sync_completes_at_us_(std::move(sync_completes_at_us)) {}

SimDisk::~SimDisk() {
  if (open_ != nullptr) open_->Detach();
}

// --- Processes

absl::StatusOr<std::shared_ptr<storage::Database>> SimDisk::Open() {
  if (is_open()) {
    return absl::FailedPreconditionError(
        absl::StrCat("another process has ", name_, " open; stop it first"));
  }
  if (is_full_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the disk of ", name_, " is full: free some space and start again"));
  }
  RecoverLog();
  auto database = std::make_shared<SimDatabase>(this, name_);
  open_ = database.get();
  return database;
}

// Recovery reads the log from the page cache, and writes what is in it into tables.
void SimDisk::RecoverLog() {
  if (in_hole_.has_value()) content_.Apply(*std::move(in_hole_));
  in_hole_.reset();
  has_hole_ = false;
  fails_next_sync_ = false;
  unsynced_bytes_ = 0;
  if (!syncs_lie_) content_.Harden();
}

CrashOutcome SimDisk::CrashAtRandom(uint64_t now_us, Random* random) {
  constexpr CrashKind kKinds[] = {CrashKind::kNoneKept, CrashKind::kAllKept, CrashKind::kPrefixKept,
                                  CrashKind::kTornRecord};
  return Crash(now_us, kKinds[random->Below(std::size(kKinds))], random);
}

CrashOutcome SimDisk::Crash(uint64_t now_us, CrashKind kind, Random* random) {
  if (open_ != nullptr) open_->Detach();
  open_ = nullptr;
  content_.UnpinAll();
  const uint64_t durable = content_.DurableSequence(now_us);
  const size_t in_tail = content_.sequence() - durable;
  const size_t at_risk = in_tail + (in_hole_.has_value() ? 1 : 0);
  if (kind == CrashKind::kTornRecord && at_risk == 0) kind = CrashKind::kNoneKept;
  const size_t kept = KeptAtRisk(kind, at_risk, random);
  const CrashOutcome outcome{.kind = kind, .batches_at_risk = at_risk, .batches_kept = kept};
  if (kind == CrashKind::kProcessOnly) return outcome;

  if (kept < at_risk) {
    in_hole_.reset();
    content_.RollBackTo(durable + std::min(kept, in_tail));
    counters_.batches_lost += at_risk - kept;
    ++(kind == CrashKind::kTornRecord ? counters_.torn_records : counters_.lossy_crashes);
  }
  if (in_hole_.has_value()) content_.Apply(*std::move(in_hole_));
  in_hole_.reset();
  has_hole_ = false;
  content_.Harden();
  return outcome;
}

size_t SimDisk::KeptAtRisk(CrashKind kind, size_t at_risk, Random* random) {
  switch (kind) {
    case CrashKind::kProcessOnly:
    case CrashKind::kAllKept:
      return at_risk;
    case CrashKind::kNoneKept:
      return 0;
    case CrashKind::kPrefixKept:
      return random->Below(at_risk + 1);
    case CrashKind::kTornRecord:
      return random->Below(at_risk);
  }
  KILN_CHECK(false) << "unknown kind of crash";
  return 0;
}

// --- Writing

absl::Status SimDisk::Write(ChangeList changes, storage::Durability durability) {
  if (is_full_) {
    ++counters_.full_writes;
    return absl::ResourceExhaustedError("no space left on device");
  }
  if (durability == storage::Durability::kSynced) return Sync(std::move(changes));
  unsynced_bytes_ += changes.bytes();
  in_hole_.reset();  // what a hole holds is lost to a reader that comes after it
  content_.Apply(std::move(changes));
  return absl::OkStatus();
}

absl::Status SimDisk::Sync(ChangeList changes) {
  if (fails_next_sync_) {
    fails_next_sync_ = false;
    has_hole_ = true;
    in_hole_ = std::move(changes);
    ++counters_.failed_syncs;
    return absl::UnavailableError("sync: input/output error");
  }
  in_hole_.reset();
  const size_t bytes = unsynced_bytes_ + changes.bytes();
  unsynced_bytes_ = 0;
  content_.Apply(std::move(changes));
  const uint64_t completes_at_us = sync_completes_at_us_ ? sync_completes_at_us_(bytes) : 0;
  if (syncs_lie_) {
    ++counters_.lying_syncs;
  } else if (!has_hole_) {
    content_.SyncAt(completes_at_us);
  }
  return absl::OkStatus();
}

absl::Status SimDisk::MakeCheckpoint(uint64_t number, absl::Span<const Family> families) {
  if (is_full_) {
    ++counters_.full_writes;
    return absl::ResourceExhaustedError("no space left on device");
  }
  content_.MakeCheckpoint(number, families);
  if (!syncs_lie_ && !has_hole_) content_.SyncAt(0);
  return absl::OkStatus();
}

// --- What is durable

absl::StatusOr<absl::string_view> SimDisk::DurableGet(Family family, absl::string_view key,
                                                      uint64_t now_us) {
  content_.Settle(now_us);
  const StoredValue* value = content_.Find(family, key, content_.DurableSequence(now_us));
  if (value == nullptr) {
    return absl::NotFoundError(absl::StrCat(storage::Describe(family, key), " is not stored"));
  }
  if (value->is_unreadable) return UnreadableError(family, key);
  return absl::string_view(value->bytes);
}

absl::StatusOr<consensus::SafetyRecord> SimDisk::DurableSafetyRecord(uint64_t now_us) {
  KILN_ASSIGN_OR_RETURN(const absl::string_view sealed,
                        DurableGet(Family::kSafety, storage::kSafetyKey, now_us));
  KILN_ASSIGN_OR_RETURN(const absl::string_view bytes,
                        storage::Unseal(Family::kSafety, storage::kSafetyKey, sealed));
  return consensus::DecodeSafetyRecord(bytes);
}

absl::StatusOr<storage::HeadRecord> SimDisk::DurableHead(uint64_t now_us) {
  KILN_ASSIGN_OR_RETURN(const absl::string_view sealed,
                        DurableGet(Family::kMetadata, storage::kCommittedKey, now_us));
  KILN_ASSIGN_OR_RETURN(const absl::string_view bytes,
                        storage::Unseal(Family::kMetadata, storage::kCommittedKey, sealed));
  return storage::DecodeHead(bytes);
}

// --- Rot

std::optional<RottenPlace> SimDisk::Rot(const RotOptions& options, uint64_t now_us,
                                        Random* random) {
  const uint64_t durable = content_.DurableSequence(now_us);
  std::optional<RottenPlace> place;
  if (options.key.has_value()) {
    KILN_CHECK(options.family.has_value()) << "a key of no family";
    if (!CanRot(*options.family, *options.key, durable)) return std::nullopt;
    place = {.family = *options.family, .key = *options.key};
  } else {
    place = PickRot(options, durable, random);
  }
  if (!place.has_value() || !RotValue(options, *place, durable, random)) return std::nullopt;
  ++counters_.rotten_values;
  return place;
}

// Whether there is a value, and it is the durable one.
bool SimDisk::CanRot(Family family, const std::string& key, uint64_t durable) const {
  const StoredValue* value = content_.Find(family, key, content_.sequence());
  return value != nullptr && !value->bytes.empty() && value == content_.Find(family, key, durable);
}

// A random one; when that one cannot rot, the next one that can.
std::optional<RottenPlace> SimDisk::PickRot(const RotOptions& options, uint64_t durable,
                                            Random* random) {
  size_t count = 0;
  const auto for_each = [&](const std::function<bool(Family, const std::string&)>& visit) {
    for (size_t i = 0; i < storage::kFamilyCount; ++i) {
      const Family family = static_cast<Family>(i);
      if (options.family.has_value() && *options.family != family) continue;
      for (const auto& [key, value] : content_.family(family)) {
        if (visit(family, key)) return;
      }
    }
  };
  for_each([&](Family, const std::string&) {
    ++count;
    return false;
  });
  if (count == 0) return std::nullopt;
  const size_t start = random->Below(count);
  std::optional<RottenPlace> before;
  std::optional<RottenPlace> from;
  size_t at = 0;
  for_each([&](Family family, const std::string& key) {
    std::optional<RottenPlace>* slot = at++ < start ? &before : &from;
    if (!slot->has_value() && CanRot(family, key, durable)) *slot = RottenPlace{family, key};
    return from.has_value();
  });
  return from.has_value() ? from : before;
}

bool SimDisk::RotValue(const RotOptions& options, const RottenPlace& place, uint64_t durable,
                       Random* random) {
  DiskContent::FamilyMap& family = content_.mutable_family(place.family);
  StoredValue& value = family.find(place.key)->second;
  switch (options.kind) {
    case RotKind::kBitFlip:
      value.bytes[random->Below(value.bytes.size())] ^= static_cast<char>(1 << random->Below(8));
      break;
    case RotKind::kZeroes:
      std::fill(value.bytes.begin(), value.bytes.end(), '\0');
      break;
    case RotKind::kMisdirect: {
      const auto other = std::find_if(family.begin(), family.end(), [&](const auto& entry) {
        return entry.first != place.key && entry.second.bytes != value.bytes &&
               CanRot(place.family, entry.first, durable);
      });
      if (other == family.end()) return false;
      std::swap(value.bytes, other->second.bytes);
      other->second.is_unreadable |= options.is_detected_below;
      break;
    }
  }
  value.is_unreadable |= options.is_detected_below;
  return true;
}

// --- Copies

DiskImage SimDisk::Snapshot() const {
  DiskContent copy = content_;
  copy.UnpinAll();
  copy.Harden();
  return std::make_shared<const DiskContent>(std::move(copy));
}

void SimDisk::ReplaceClosed(DiskContent content) {
  KILN_CHECK(!is_open()) << "the contents of an open disk are replaced";
  in_hole_.reset();
  has_hole_ = false;
  unsynced_bytes_ = 0;
  content_ = std::move(content);
  content_.Harden();
}

void SimDisk::Restore(const DiskImage& older) {
  ReplaceClosed(*older);
  ++counters_.stale_restores;
}

void SimDisk::RestoreSafetyRecord(const DiskImage& older) {
  ReplaceClosed(std::move(content_));
  SetSafetyRecord(older->Find(Family::kSafety, storage::kSafetyKey, older->sequence()), &content_);
  ++counters_.stale_restores;
}

void SimDisk::DeleteSafetyRecord() {
  ReplaceClosed(std::move(content_));
  SetSafetyRecord(nullptr, &content_);
  ++counters_.safety_deletions;
}

void SimDisk::DeleteAll() {
  ReplaceClosed(DiskContent());
  ++counters_.losses;
}

void SimDisk::ExchangeWith(SimDisk* other) {
  DiskContent mine = std::move(content_);
  ReplaceClosed(std::move(other->content_));
  other->ReplaceClosed(std::move(mine));
  ++counters_.exchanges;
  ++other->counters_.exchanges;
}

}  // namespace kiln::sim
