// Replicas and the network between them: what every simulated world has.
#ifndef KILN_SIM_SIM_CLUSTER_H_
#define KILN_SIM_SIM_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "consensus/leader_election.h"
#include "consensus/validator_set.h"
#include "kiln/application.h"
#include "kiln/genesis.h"
#include "network/frames.h"
#include "sim/decoded_frames.h"
#include "sim/event_queue.h"
#include "sim/network_model.h"
#include "sim/recorder.h"
#include "sim/scenario.h"
#include "sim/sim_disk.h"
#include "sim/sim_random.h"
#include "sim/sim_replica.h"
#include "sim/trace_hash.h"

namespace kiln::sim {

// The genesis of a scenario's cluster.
Genesis MakeSimGenesis(const Scenario& scenario);

// Who watches a cluster, or has a hand in it. Called when it happens, in order of time. Whoever
// only watches overrides what it wants to see.
class ClusterHost {
 public:
  virtual ~ClusterHost() = default;

  // `why` is not OK when the replica refused to start.
  virtual void OnStarted(SimReplica& replica, const absl::Status& why);
  // It stopped itself.
  virtual void OnStopped(SimReplica& replica, const absl::Status& why);
  // As ReplicaHost's. The cluster starts it next.
  virtual void OnRecovered(SimReplica& replica, const consensus::SafetyRecord& record);
  virtual void OnSnapshotFetched(SimReplica& replica);
  // SimCluster::Crash ended it.
  virtual void OnCrashed(SimReplica& replica);
  virtual void OnStatus(SimReplica& replica);
  virtual void OnCommitted(SimReplica& replica, Height height);
  virtual void OnExecuted(SimReplica& replica, Height height);
  // As ReplicaHost's.
  virtual bool OnEffect(SimReplica& replica);

  // As ReplicaHost's, before it goes into the network.
  virtual void OnSent(SimReplica& replica, std::optional<ValidatorIndex> to,
                      const consensus::Message* message, const network::FramePtr& frame);
  // Its line has carried `frame` to one receiver, on the way to whom it may be lost.
  virtual void OnLeft(uint32_t from, const network::Frame& frame);
  // `replica` is about to send `frame` to `to`. False: it keeps it, and may Transmit what it likes.
  virtual bool LetsGo(SimReplica& replica, ValidatorIndex to, const network::FramePtr& frame);
  // `frame` has reached `replica`. False: it is not handed to it.
  virtual bool LetsIn(SimReplica& replica, ValidatorIndex from, const network::FramePtr& frame);
};

// Real replicas on simulated disks, connected by a simulated network, in one queue of events. It
// knows neither what is submitted nor what goes wrong: its owner does both. All that happens
// follows from the scenario, the application and the owner's calls. Nothing happens until the owner
// runs the queue. Not thread-safe.
class SimCluster final : private ReplicaHost, private NetworkHost {
 public:
  using MakeApplication = std::function<std::unique_ptr<Application>()>;

  // `scenario`, `host` and `recorder` (which may be null) outlive it. Replicas are down at first.
  SimCluster(const Scenario& scenario, Genesis genesis, MakeApplication make_application,
             ClusterHost* host, Recorder* recorder);
  ~SimCluster() override { End(); }
  SimCluster(const SimCluster&) = delete;
  SimCluster& operator=(const SimCluster&) = delete;

  const Genesis& genesis() const { return genesis_; }
  const consensus::ValidatorSet& validators() const { return validators_; }
  const consensus::LeaderElection& leaders() const { return leaders_; }
  const consensus::SignatureVerifier& signatures() const { return *environment_.signatures; }

  EventQueue& queue() { return queue_; }
  uint64_t now_us() const { return queue_.now_us(); }
  DecodedFrames& frames() { return frames_; }
  NetworkModel& network() { return *network_; }
  // Of the world, for its owner's parts too.
  SimRandom& random() { return random_; }

  // Validators, and after them their twins.
  uint32_t size() const { return static_cast<uint32_t>(replicas_.size()); }
  SimReplica& replica(uint32_t number) { return *replicas_[number]; }
  const SimReplica& replica(uint32_t number) const { return *replicas_[number]; }
  const std::vector<uint32_t>& replicas_of(uint32_t validator) const {
    return replicas_of_[validator];
  }
  // The round that a replica was last seen in.
  Round seen_round(uint32_t number) const { return seen_rounds_[number]; }
  bool IsLeading(uint32_t number) const override;

  // Nothing happens when it is up, or down. Streams to all who are up follow a start.
  void Start(uint32_t number);
  void Crash(uint32_t number, CrashKind kind);
  // All others see the streams of one that crashed end, after all that it sent: a crash leaves to
  // chance who learns of it.
  void EndStreams(uint32_t number);
  // Some streams that a network fault has broken are made anew.
  void Reconnect();
  // From a replica to all of a validator.
  void Transmit(uint32_t from, ValidatorIndex to, const network::FramePtr& frame);
  // All processes end: whoever waits for an answer gets one. Idempotent.
  void End() { replicas_.clear(); }

  // With the time of now.
  void Record(TraceEvent event);
  // Over all that happened.
  uint64_t trace_hash() const { return hash_.value(); }

 private:
  using Kind = TraceEvent::Kind;

  void MakeReplicas();
  void TransmitTo(uint32_t from, uint32_t to, const network::FramePtr& frame);
  void Arrive(uint32_t from, uint32_t to, const network::FramePtr& frame, uint64_t id);
  void Connect(uint32_t a, uint32_t b);
  void Disconnect(uint32_t number);
  void RecordSigned(uint32_t number, const consensus::Message& message);
  void RecordFate(uint32_t from, uint32_t to, const network::Frame& frame, uint64_t id,
                  const FrameFate& fate);

  // NetworkHost
  void OnLeft(uint32_t from, uint32_t to, const network::FramePtr& frame,
              const FrameFate& fate) override;
  void OnDropped(uint32_t from, uint32_t to, uint64_t frames) override;

  // ReplicaHost
  void OnStarted(SimReplica& replica, const absl::Status& why) override;
  void OnStopped(SimReplica& replica, const absl::Status& why) override;
  void OnRecovered(SimReplica& replica, const consensus::SafetyRecord& record) override;
  void OnSnapshotFetched(SimReplica& replica) override;
  void OnSent(SimReplica& replica, std::optional<ValidatorIndex> to,
              const consensus::Message* message, const network::FramePtr& frame) override;
  void OnStatus(SimReplica& replica) override;
  void OnCommitted(SimReplica& replica, Height height) override;
  void OnExecuted(SimReplica& replica, Height height) override;
  void OnRefused(SimReplica& replica, ValidatorIndex from, absl::string_view why) override;
  bool OnEffect(SimReplica& replica) override { return host_->OnEffect(replica); }

  const Scenario& scenario_;
  ClusterHost* const host_;
  Recorder* const recorder_;
  const Genesis genesis_;
  const consensus::ValidatorSet validators_;
  const consensus::LeaderElection leaders_;
  DecodedFrames frames_;
  EventQueue queue_;
  SimRandom random_;
  ReplicaEnvironment environment_;
  std::vector<std::unique_ptr<SimReplica>> replicas_;
  std::vector<std::vector<uint32_t>> replicas_of_;  // by validator
  std::vector<Round> seen_rounds_;                  // by replica
  std::unique_ptr<NetworkModel> network_;
  TraceHash hash_;
  uint64_t next_message_ = 1;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_CLUSTER_H_
