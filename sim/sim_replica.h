// One simulated process: production's validator core with a simulated disk, clock and line.
#ifndef KILN_SIM_SIM_REPLICA_H_
#define KILN_SIM_SIM_REPLICA_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/ids.h"
#include "kiln/application.h"
#include "node/engine.h"
#include "node/validator_core.h"
#include "sim/decoded_frames.h"
#include "sim/event_queue.h"
#include "sim/scenario.h"
#include "sim/sim_disk.h"
#include "sim/sim_random.h"
#include "sim/sim_recovery.h"
#include "storage/store.h"

namespace kiln::sim {

class SimReplica;

// What a replica tells the world. Called when it happens, in order of time.
class ReplicaHost {
 public:
  virtual ~ReplicaHost() = default;
  virtual void OnStarted(SimReplica& replica, const absl::Status& why) = 0;
  virtual void OnStopped(SimReplica& replica, const absl::Status& why) = 0;
  // The others told it what it may still sign, and its disk has it: it can be started.
  virtual void OnRecovered(SimReplica& replica, const consensus::SafetyRecord& record) = 0;
  // All of a snapshot is on its disk, and its process has ended: it can be started.
  virtual void OnSnapshotFetched(SimReplica& replica) = 0;
  // Leaves the process now. No receiver: all other validators. `message` is null for what is no
  // consensus message.
  virtual void OnSent(SimReplica& replica, std::optional<ValidatorIndex> to,
                      const consensus::Message* message, const network::FramePtr& frame) = 0;
  virtual void OnStatus(SimReplica& replica) = 0;
  virtual void OnCommitted(SimReplica& replica, Height height) = 0;
  virtual void OnExecuted(SimReplica& replica, Height height) = 0;
  virtual void OnRefused(SimReplica& replica, ValidatorIndex from, absl::string_view why) = 0;
  // The next effect is about to happen. False: the process has just ended instead.
  virtual bool OnEffect(SimReplica& replica) = 0;
};

// What all replicas of a world share. Outlives them.
struct ReplicaEnvironment {
  const Scenario* scenario = nullptr;
  const Genesis* genesis = nullptr;
  const consensus::ValidatorSet* validators = nullptr;
  const consensus::LeaderElection* leaders = nullptr;
  const consensus::SignatureVerifier* signatures = nullptr;
  DecodedFrames* frames = nullptr;
  EventQueue* queue = nullptr;
  ReplicaHost* host = nullptr;
  std::function<std::unique_ptr<Application>()> make_application;
};

// A process that starts, crashes and starts again over one disk. It has one cursor: the moment at
// which its replica's thread is done with what it was given. Steps take no time of their own, syncs
// do; what a step sends leaves when its sync is over, each effect at a moment of its own, so that a
// crash may fall between any two. Events that arrive meanwhile wait for the next group commit, as
// they do in production. Execution runs beside it. Not thread-safe.
class SimReplica final : private node::EngineOutput, private Clock {
 public:
  // Events that wait for the replica, as in production.
  static constexpr size_t kInboxEventsMax = 8192;

  SimReplica(const ReplicaEnvironment* environment, uint32_t number, ValidatorIndex validator,
             SimRandom random);
  ~SimReplica() override;

  uint32_t number() const { return number_; }
  ValidatorIndex validator() const { return validator_; }
  bool is_up() const { return core_ != nullptr; }
  // Whether frames reach it: it is up, or recovers its safety record.
  bool hears() const { return is_up() || recovery_ != nullptr; }
  SimDisk& disk() { return disk_; }
  consensus::Signer& signer() { return *signer_; }
  // Null while it is down.
  const storage::Store* store() const { return store_.get(); }
  node::ValidatorCore* core() { return core_.get(); }
  const Application* application() const { return application_.get(); }
  // How often it was started. What was scheduled for an earlier life does not happen.
  uint64_t life() const { return life_; }
  // When what it was given so far is done, syncs that a slow disk has begun included.
  uint64_t busy_until_us() const { return std::max({cursor_us_, disk_free_us_, paused_until_us_}); }
  size_t inbox_events() const { return inbox_->size(); }

  // Recovers from the disk. Nothing happens when it is up. The host is told.
  void Start();
  // From now on a start is that of `kiln recover`, until it has come to its end.
  void MustRecover() { must_recover_ = true; }
  // The process ends at once; the host is not told.
  void Crash(CrashKind kind);

  // A frame came from a validator's stream.
  void Receive(ValidatorIndex from, const network::FramePtr& frame);
  void Connected(ValidatorIndex peer);
  void Disconnected(ValidatorIndex peer);
  // A client's batch of one. `may_be_barrier` as node::Submission's.
  void Submit(std::string batch, uint64_t deadline_us, std::shared_ptr<network::SubmitSink> sink,
              bool may_be_barrier = false);

  // Faults.
  void PauseUntil(uint64_t us) { paused_until_us_ = std::max(paused_until_us_, us); }
  void SetDrift(double percent);
  void SetWallOffset(int64_t us) { wall_offset_us_ = us; }
  // Of every sync from now on; 0: the scenario's.
  void SetSyncTime(uint64_t us) { slow_sync_us_ = us; }

 private:
  static constexpr size_t kInboxBytesMax = 256 << 20;

  // node::EngineOutput: collected while the core runs, performed at the cursor.
  void Send(std::optional<ValidatorIndex> to, const consensus::Message& message) override;
  void Fetch(ValidatorIndex from, const consensus::BlockRequest& request) override;
  void Forward(const consensus::SharedBytes& batch) override;
  void Committed(Height height) override;
  void Refused(const consensus::Refusal& refusal) override;

  // Clock: the process's own idea of time.
  Now Read() override;

  absl::Status Recover();
  absl::Status BeginRecovery();
  void AskWhereOthersStand();
  void RecoverWith(ValidatorIndex from, const network::Frame& frame);
  void Stop(const absl::Status& why);
  void Release();
  bool Enqueue(node::EngineEvent event, size_t bytes);
  // One effect of this life, a moment after the one before.
  void Effect(absl::AnyInvocable<void() &&> action);
  void ScheduleRun(uint64_t at_us);
  void Run();
  void ScheduleTick();
  void ScheduleExecution();
  void Execute();
  void ScheduleScrub(uint64_t at_us);
  void SchedulePruning();
  void TickSnapshotSync();
  void Prune();
  uint64_t SyncCompletes(size_t bytes);
  uint64_t LocalMonotonic(uint64_t world_us) const;
  uint64_t WorldTime(uint64_t local_us) const;
  uint64_t now_us() const { return environment_->queue->now_us(); }

  const ReplicaEnvironment* const environment_;
  const uint32_t number_;
  const ValidatorIndex validator_;
  SimRandom random_;
  const std::unique_ptr<consensus::Signer> signer_;
  SimDisk disk_;

  // Of one life.
  uint64_t life_ = 0;
  std::unique_ptr<Application> application_;
  std::shared_ptr<storage::Database> database_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<BoundedQueue<node::EngineEvent>> inbox_;
  std::unique_ptr<node::ValidatorCore> core_;
  std::unique_ptr<SimRecovery> recovery_;  // in the place of all these
  uint64_t cursor_us_ = 0;
  uint64_t disk_free_us_ = 0;
  uint64_t run_at_us_ = UINT64_MAX;
  uint64_t tick_at_us_ = UINT64_MAX;
  bool executing_ = false;
  bool pruning_ = false;
  Height committed_;

  bool must_recover_ = false;

  // Clocks: local = origin_local + (world - origin_world) * rate.
  double rate_ = 1.0;
  uint64_t origin_world_us_ = 0;
  uint64_t origin_local_us_ = 0;
  int64_t wall_offset_us_ = 0;
  uint64_t paused_until_us_ = 0;
  uint64_t slow_sync_us_ = 0;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_REPLICA_H_
