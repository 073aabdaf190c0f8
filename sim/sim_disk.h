// One validator's disk in a simulated world. It outlives the processes that open it, loses what
// they did not sync when the power fails, and breaks in the ways that disks do.
#ifndef KILN_SIM_SIM_DISK_H_
#define KILN_SIM_SIM_DISK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/random.h"
#include "consensus/safety_record.h"
#include "sim/disk_content.h"
#include "storage/database.h"
#include "storage/records.h"
#include "storage/schema.h"

namespace kiln::sim {

class SimDatabase;

// What becomes of batches that are not durable when a process ends without closing its disk. A
// write-ahead log keeps order, so that the first of them survive, if any do.
enum class CrashKind {
  kProcessOnly,  // the machine goes on, and the page cache with it: nothing is lost
  kNoneKept,     // the power fails: only what is durable is left
  kAllKept,      // the power fails: all of it had reached the disk by itself
  kPrefixKept,   // the power fails: the first few had
  kTornRecord,   // the power fails: likewise, and the one after them had in part; recovery drops it
};

struct CrashOutcome {
  CrashKind kind = CrashKind::kNoneKept;  // kNoneKept too if there was no record to tear
  size_t batches_at_risk = 0;             // written, not durable
  size_t batches_kept = 0;                // of those
};

enum class RotKind {
  kBitFlip,   // one bit of a value
  kZeroes,    // a whole value
  kMisdirect  // two values of one family change places
};
struct RotOptions {
  RotKind kind = RotKind::kBitFlip;
  // Found by a checksum below the database, whose reads say DataLoss. Otherwise the value is
  // silently another, and only Kiln's own seals and content addresses can tell.
  bool is_detected_below = false;
  std::optional<storage::Family> family;  // any when empty
  std::optional<std::string> key;         // any of the family when empty; needs the family
};
struct RottenPlace {
  storage::Family family;
  std::string key;
};

// Faults that were applied, by their kind.
struct DiskFaultCounters {
  uint64_t torn_records = 0;      // D1
  uint64_t lossy_crashes = 0;     // D2: that lost at least one batch, and tore none
  uint64_t batches_lost = 0;      // by D1 and D2
  uint64_t failed_syncs = 0;      // D3
  uint64_t lying_syncs = 0;       // D4
  uint64_t rotten_values = 0;     // D5
  uint64_t full_writes = 0;       // D6
  uint64_t stale_restores = 0;    // D8: a copy, or the safety record of one
  uint64_t safety_deletions = 0;  // D8
  uint64_t exchanges = 0;         // D8
  uint64_t losses = 0;            // D8: of all that was there
};

// What a disk held once. Immutable, cheap to copy.
using DiskImage = std::shared_ptr<const DiskContent>;

// A database (storage/database.h) at a time, which shows every write at once. A write that asks to
// be synced is durable, with all before it, from the time that the world's hook names; others wait
// for the next sync in the page cache. Deterministic: time and chance are handed in, and times
// never decrease from call to call. Not thread-safe; neither is its database.
class SimDisk {
 public:
  // When a sync of so many bytes that begins now completes. A slow disk is one that names a late
  // time.
  using SyncHook = std::function<uint64_t(size_t bytes)>;

  // `name` stands in messages where a folder would. Without a hook a sync completes at time 0.
  explicit SimDisk(std::string name, SyncHook sync_completes_at_us = nullptr);
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // --- Processes

  // What the last process left, made durable as RocksDB's recovery does (unless syncs lie).
  // FailedPrecondition: somebody has it open | ResourceExhausted: it is full. The database is
  // closed by its destructor, as by a process that ends in order: nothing is lost.
  absl::StatusOr<std::shared_ptr<storage::Database>> Open();
  bool is_open() const { return open_ != nullptr; }

  // Ends the process that has it open, if any: its database fails every call from now on. `random`
  // chooses how much is kept, where `kind` leaves that open.
  CrashOutcome Crash(uint64_t now_us, CrashKind kind, Random* random);
  // A power failure of a random kind.
  CrashOutcome CrashAtRandom(uint64_t now_us, Random* random);

  // --- What is durable: what would be read if the power failed now with nothing of the page cache
  // surviving. Views live until the next write.

  absl::StatusOr<absl::string_view> DurableGet(storage::Family family, absl::string_view key,
                                               uint64_t now_us);
  absl::StatusOr<consensus::SafetyRecord> DurableSafetyRecord(uint64_t now_us);
  absl::StatusOr<storage::HeadRecord> DurableHead(uint64_t now_us);
  // Forgets how to take back what is durable now. Crash and the calls above do it too; a world that
  // uses none of them for long calls it to keep memory small.
  void Settle(uint64_t now_us) { content_.Settle(now_us); }

  // --- Faults

  // D3: the next sync fails once. Its batch is on disk or not, and later syncs of this process say
  // OK without making anything durable.
  void FailNextSync() { fails_next_sync_ = true; }
  // D4: while on, syncs are acknowledged and make nothing durable. The first one after makes all of
  // it durable.
  void set_syncs_lie(bool lie) { syncs_lie_ = lie; }
  // D6: while on, writes fail and nobody can open it.
  void set_full(bool full) { is_full_ = full; }
  // D5: damages a stored value that is durable. None when there is none to damage.
  std::optional<RottenPlace> Rot(const RotOptions& options, uint64_t now_us, Random* random);

  // D8, between processes. REQUIRES: !is_open().
  DiskImage Snapshot() const;  // also while open: what the process sees
  void Restore(const DiskImage& older);
  void RestoreSafetyRecord(const DiskImage& older);
  void DeleteSafetyRecord();
  void DeleteAll();
  void ExchangeWith(SimDisk* other);

  const DiskFaultCounters& counters() const { return counters_; }

 private:
  friend class SimDatabase;

  // For the open database.
  absl::Status Write(ChangeList changes, storage::Durability durability);
  absl::Status Sync(ChangeList changes);
  absl::Status MakeCheckpoint(uint64_t number, absl::Span<const storage::Family> families);
  DiskContent& content() { return content_; }
  void Release() { open_ = nullptr; }

  void RecoverLog();
  size_t KeptAtRisk(CrashKind kind, size_t at_risk, Random* random);
  bool CanRot(storage::Family family, const std::string& key, uint64_t durable) const;
  std::optional<RottenPlace> PickRot(const RotOptions& options, uint64_t durable, Random* random);
  bool RotValue(const RotOptions& options, const RottenPlace& place, uint64_t durable,
                Random* random);
  void ReplaceClosed(DiskContent content);

  const std::string name_;
  const SyncHook sync_completes_at_us_;
  DiskContent content_;
  size_t unsynced_bytes_ = 0;
  SimDatabase* open_ = nullptr;

  bool fails_next_sync_ = false;
  bool syncs_lie_ = false;
  bool is_full_ = false;
  bool has_hole_ = false;              // a sync of this process failed: the log has a hole
  std::optional<ChangeList> in_hole_;  // its batch, which the process never saw applied
  DiskFaultCounters counters_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_DISK_H_
