// Where a validator's time goes: totals for each stage of a commit's life, read now and then.
#ifndef KILN_BASE_STAGE_PROFILE_H_
#define KILN_BASE_STAGE_PROFILE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/ids.h"

namespace kiln {

// A piece of work that one thread does from begin to end. No stage runs within another.
enum class Stage : uint8_t {
  kSubmit,   // a client's batch admitted; items: transactions
  kDecode,   // a peer's frame into a message, payload hashed; items: bytes
  kVerify,   // its signatures, or its batch against what was executed; items: messages
  kStep,     // the replica's events of one group; items: events
  kPersist,  // one write with its sync; items: transactions in its blocks
  kSend,     // messages of one group encoded and queued; items: messages
  kExecute,  // a committed block, by the application; items: transactions
  kApply,    // its writes and results into the store; items: writes
  kAnswer,   // its clients and subscribers told; items: transactions
};
inline constexpr size_t kStageCount = 9;

// A stretch of a transaction's life that crosses threads.
enum class Leg : uint8_t {
  kBatchToAnswer,      // a client's batch, from its arrival to its last answer
  kBlockToDurable,     // a block with transactions, from the group that brought it to its sync
  kDurableToCommit,    // until the write that commits it is synced: the rounds of votes
  kCommitToExecution,  // until the execution thread begins with it
  kExecutionToAnswer,  // until its clients are answered
};
inline constexpr size_t kLegCount = 5;

// A queue whose length is looked at now and then.
enum class Depth : uint8_t {
  kInbox,         // events for the replica
  kVerification,  // frames for the verification pool
  kSend,          // frames for peers, all queues together
  kMempool,       // transactions
  kUnexecuted,    // committed blocks
};
inline constexpr size_t kDepthCount = 5;

absl::string_view NameOf(Stage stage);
absl::string_view NameOf(Leg leg);
absl::string_view NameOf(Depth depth);
// What a stage's items are.
absl::string_view ItemsOf(Stage stage);

// Since the process started.
struct StageTotals {
  uint64_t calls = 0;
  uint64_t items = 0;
  uint64_t wall_ns = 0;
  uint64_t cpu_ns = 0;  // estimated where not every call is measured
};
struct LegTotals {
  uint64_t count = 0;
  uint64_t ns = 0;
};
struct DepthTotals {
  uint64_t samples = 0;
  uint64_t sum = 0;
  uint64_t highest = 0;
};
struct ProfileSnapshot {
  uint64_t monotonic_ns = 0;
  uint64_t process_cpu_ns = 0;
  std::array<StageTotals, kStageCount> stages{};
  std::array<LegTotals, kLegCount> legs{};
  std::array<DepthTotals, kDepthCount> depths{};

  StageTotals& operator[](Stage stage) { return stages[static_cast<size_t>(stage)]; }
  LegTotals& operator[](Leg leg) { return legs[static_cast<size_t>(leg)]; }
  DepthTotals& operator[](Depth depth) { return depths[static_cast<size_t>(depth)]; }
};

// Counters that never fall, each right by itself and not as of one moment together. Thread-safe and
// without locks. Measures only: nothing is ever decided by it.
class StageProfile {
 public:
  StageProfile() = default;
  StageProfile(const StageProfile&) = delete;
  StageProfile& operator=(const StageProfile&) = delete;

  void AddLeg(Leg leg, uint64_t ns);
  void AddDepth(Depth depth, uint64_t length);

  // A block with transactions on its way. The first three are the replica thread's, the other two
  // the execution's. A height that is not followed, because too many are under way, is left out.
  void BlockSeen(Height height);
  void BlockDurable(Height height);
  void BlockCommitted(Height height);
  void BlockStarted(Height height);
  void BlockAnswered(Height height);

  ProfileSnapshot Read() const;

 private:
  friend class StageTimer;

  struct StageCounters {
    std::atomic<uint64_t> calls{0};
    std::atomic<uint64_t> items{0};
    std::atomic<uint64_t> wall_ns{0};
    std::atomic<uint64_t> cpu_calls{0};  // those whose CPU time was measured
    std::atomic<uint64_t> cpu_ns{0};
  };
  struct LegCounters {
    std::atomic<uint64_t> count{0};
    std::atomic<uint64_t> ns{0};
  };
  struct DepthCounters {
    std::atomic<uint64_t> samples{0};
    std::atomic<uint64_t> sum{0};
    std::atomic<uint64_t> highest{0};
  };
  // When a block came to where it is now.
  struct BlockMark {
    std::atomic<uint64_t> height{0};
    std::atomic<uint64_t> at_ns{0};
    std::atomic<uint64_t> passed{0};  // legs that are over
  };
  static constexpr size_t kBlocksFollowed = 256;

  // Ends the leg `leg` for the block, if it has passed all before that.
  void Pass(Height height, Leg leg);

  std::array<StageCounters, kStageCount> stages_;
  std::array<LegCounters, kLegCount> legs_;
  std::array<DepthCounters, kDepthCount> depths_;
  std::array<BlockMark, kBlocksFollowed> blocks_;
};

// One call of a stage, from construction to the end of its scope or to Next. Reading a thread's CPU
// time costs more than a short stage may, so stages that run for every frame or batch read it for
// one call in kCpuMeasuredEvery. `profile` may be null: then nothing is read. For one thread.
class StageTimer {
 public:
  static constexpr uint64_t kCpuMeasuredEvery = 7;

  StageTimer(StageProfile* profile, Stage stage, uint64_t items = 0);
  ~StageTimer() { End(); }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

  void AddItems(uint64_t items) { items_ += items; }
  // Ends this stage and begins another at the same moment.
  void Next(Stage stage, uint64_t items = 0);
  // Nothing is counted from here on.
  void End();

 private:
  void Count(uint64_t wall_ns, uint64_t cpu_ns);

  StageProfile* profile_;
  Stage stage_;
  uint64_t items_;
  bool measures_cpu_ = false;
  uint64_t wall_ns_ = 0;  // at the begin
  uint64_t cpu_ns_ = 0;
};

}  // namespace kiln

#endif  // KILN_BASE_STAGE_PROFILE_H_
