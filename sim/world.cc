#include "sim/world.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "sim/event_queue.h"
#include "sim/fault_driver.h"
#include "sim/liar.h"
#include "sim/network_model.h"
#include "sim/observer.h"
#include "sim/run_meter.h"
#include "sim/sim_application.h"
#include "sim/sim_clients.h"
#include "sim/sim_cluster.h"
#include "sim/sim_replica.h"

namespace kiln::sim {
namespace {

using network::FramePtr;

// After the first violation the run goes on for this long: what follows helps to understand it.
constexpr uint64_t kAfterViolationUs = 200'000;
constexpr size_t kViolationsMax = 20;
// Work that no run within its bounds needs; a run that does has lost its way.
constexpr uint64_t kEventsMax = 50'000'000;

class World final : public ClusterHost, public ClientHost, public FaultHost {
 public:
  World(const Scenario& scenario, Recorder* recorder);
  // Processes end first: they answer the clients that still wait.
  ~World() override { cluster_.End(); }

  RunResult Run();

 private:
  using Kind = TraceEvent::Kind;

  // Making it.
  std::vector<bool> Honest() const;
  void MakeObserver();
  void MakeLiars();
  LiarContext ContextFor(uint32_t replica);

  // ClusterHost
  void OnStarted(SimReplica& replica, const absl::Status& why) override;
  void OnStopped(SimReplica& replica, const absl::Status& why) override;
  void OnRecovered(SimReplica& replica, const consensus::SafetyRecord& record) override;
  void OnCrashed(SimReplica& replica) override;
  void OnStatus(SimReplica& replica) override;
  void OnCommitted(SimReplica& replica, Height height) override;
  void OnExecuted(SimReplica& replica, Height height) override;
  bool OnEffect(SimReplica& replica) override { return faults_->OnEffect(replica.number()); }
  void OnSent(SimReplica& replica, std::optional<ValidatorIndex> to,
              const consensus::Message* message, const FramePtr& frame) override;
  void OnLeft(uint32_t from, const network::Frame& frame) override {
    meter_.OnLeft(now_us(), from, frame);
  }
  bool LetsGo(SimReplica& replica, ValidatorIndex to, const FramePtr& frame) override;
  bool LetsIn(SimReplica& replica, ValidatorIndex from, const FramePtr& frame) override;

  // ClientHost
  uint32_t replicas() const override { return cluster_.size(); }
  bool IsUp(uint32_t replica) const override { return cluster_.replica(replica).is_up(); }
  void Submit(uint32_t replica, const Hash& id, absl::string_view key, absl::string_view payload,
              uint64_t deadline_us, std::shared_ptr<network::SubmitSink> sink) override;
  void OnAnswered(uint32_t replica, const Hash& id, uint64_t since_us,
                  const absl::StatusOr<Receipt>& answer) override;

  // FaultHost
  EventQueue& queue() override { return cluster_.queue(); }
  NetworkModel& network() override { return cluster_.network(); }
  SimReplica& replica(uint32_t number) override { return cluster_.replica(number); }
  void StartReplica(uint32_t number) override { cluster_.Start(number); }
  void CrashReplica(uint32_t number, CrashKind kind) override { cluster_.Crash(number, kind); }
  void EndStreams(uint32_t number) override { cluster_.EndStreams(number); }
  void CountFault(const Fault& fault) override { ++result_.faults[fault.row]; }
  void OnFault(const Fault& fault, bool began) override;
  void Reconnect() override { cluster_.Reconnect(); }

  std::optional<network::PeerMessage> Decode(const FramePtr& frame);
  void SayAsLiar(uint32_t number, ValidatorIndex to, const FramePtr& frame);
  void Heal();
  void Finish();
  void CountDiskFaults(const DiskFaultCounters& counters);
  void Violated(absl::string_view invariant, std::string what);
  uint64_t now_us() const { return cluster_.now_us(); }

  const Scenario& scenario_;
  SimCluster cluster_;
  std::vector<std::unique_ptr<Liar>> liars_;  // by replica; null for the honest
  std::optional<network::PeerMessage> said_;  // what a liar is sending just now
  // Requests for blocks and their answers, by replica and the validator at the other end.
  struct Traffic {
    uint64_t requested_bytes = 0;
    uint64_t answered_bytes = 0;
  };
  std::map<std::pair<uint32_t, uint32_t>, Traffic> traffic_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<SimClients> clients_;
  std::unique_ptr<FaultDriver> faults_;
  RunMeter meter_;
  RunResult result_;
  uint64_t end_us_ = 0;
};

World::World(const Scenario& scenario, Recorder* recorder)
    : scenario_(scenario),
      cluster_(
          scenario, MakeSimGenesis(scenario), [] { return std::make_unique<SimApplication>(); },
          this, recorder),
      liars_(cluster_.size()),
      meter_(scenario.measure_from_ms * 1000, scenario.chaos_ms * 1000, cluster_.size()) {
  MakeObserver();
  clients_ = std::make_unique<SimClients>(scenario_, &queue(), this, cluster_.random().Fork());
  faults_ = std::make_unique<FaultDriver>(scenario_, this, cluster_.random().Fork());
  MakeLiars();
}

// --- Making it

void World::MakeObserver() {
  ObserverContext watched;
  watched.scenario = &scenario_;
  watched.genesis = &cluster_.genesis();
  watched.validators = &cluster_.validators();
  watched.leaders = &cluster_.leaders();
  watched.signatures = &cluster_.signatures();
  for (uint32_t number = 0; number < replicas(); ++number) {
    watched.validator_of.push_back(replica(number).validator());
  }
  watched.is_honest = Honest();
  watched.violated = [this](absl::string_view invariant, std::string what) {
    Violated(invariant, std::move(what));
  };
  observer_ = sim::MakeObserver(std::move(watched));
}

// Whoever lies, has a twin, or has a disk that breaks what the protocol rests on, is not.
std::vector<bool> World::Honest() const {
  std::vector<bool> honest(replicas(), true);
  const auto exempt = [&](uint32_t validator) {
    for (const uint32_t number : cluster_.replicas_of(validator)) honest[number] = false;
  };
  for (const uint32_t twin : scenario_.twins) exempt(twin);
  for (const Fault& fault : scenario_.faults) {
    if (!BreaksTrust(fault)) continue;
    for (const uint32_t number : fault.nodes) {
      if (number < replicas()) exempt(cluster_.replica(number).validator().value);
    }
  }
  return honest;
}

LiarContext World::ContextFor(uint32_t number) {
  LiarContext context;
  context.self = replica(number).validator();
  context.genesis = &cluster_.genesis();
  context.validators = &cluster_.validators();
  context.leaders = &cluster_.leaders();
  context.signer = &replica(number).signer();
  context.random = cluster_.random().Fork();
  context.round_timeout_min_us = scenario_.round_timeout_min_ms * 1000;
  context.now_us = [this] { return now_us(); };
  context.send = [this, number](ValidatorIndex to, FramePtr frame) {
    SayAsLiar(number, to, frame);
  };
  context.at = [this](uint64_t at_us, absl::AnyInvocable<void() &&> action) {
    queue().At(at_us, std::move(action));
  };
  context.forget = [this, number](uint64_t rounds) { faults_->Forget(number, rounds); };
  return context;
}

void World::MakeLiars() {
  std::map<uint32_t, std::vector<Fault>> lies;
  for (const Fault& fault : scenario_.faults) {
    if (fault.row.front() != 'B') continue;
    for (const uint32_t number : fault.nodes) {
      if (number < replicas()) lies[number].push_back(fault);
    }
  }
  for (const auto& [number, faults] : lies) {
    LiarContext context = ContextFor(number);
    context.count = [this](absl::string_view row) { ++result_.faults[std::string(row)]; };
    liars_[number] = MakeLiar(faults, std::move(context));
  }
}

// --- A run

RunResult World::Run() {
  for (uint32_t number = 0; number < replicas(); ++number) {
    queue().At(cluster_.random().Below(2000), [this, number] { StartReplica(number); });
  }
  clients_->Start();
  faults_->Schedule();
  const uint64_t chaos_us = scenario_.chaos_ms * 1000;
  end_us_ = chaos_us + scenario_.calm_ms * 1000;
  queue().At(chaos_us, [this] { Heal(); });
  uint64_t next_look_us = chaos_us;
  while (!queue().empty() && queue().next_us() <= end_us_) {
    queue().RunNext();
    if (queue().executed() > kEventsMax) {
      Violated("L6", "the run does not come to an end: too many events");
      break;
    }
    if (now_us() <= next_look_us) continue;
    next_look_us = now_us() + 20'000;
    if (observer_->IsSatisfied(now_us())) break;
  }
  Finish();
  return std::move(result_);
}

// A sync that a slow disk has begun, and a message that a slow line holds up, end when they end:
// the second phase begins after the last.
void World::Heal() {
  faults_->Heal();
  uint64_t begins_us = std::max(now_us(), network().busy_until_us());
  for (uint32_t number = 0; number < replicas(); ++number) {
    StartReplica(number);
    if (replica(number).is_up()) {
      begins_us = std::max(begins_us, replica(number).busy_until_us());
    }
  }
  cluster_.Reconnect();
  cluster_.Record({.kind = Kind::kHealed});
  if (result_.violations.empty()) end_us_ = begins_us + scenario_.calm_ms * 1000;
  cluster_.queue().At(begins_us, [this] {
    std::vector<bool> up;
    for (uint32_t number = 0; number < replicas(); ++number) up.push_back(replica(number).is_up());
    observer_->OnHealed(now_us(), up);
  });
}

void World::Finish() {
  clients_->Stop();
  std::vector<const storage::Store*> stores;
  for (uint32_t number = 0; number < replicas(); ++number) {
    stores.push_back(replica(number).store());
  }
  observer_->OnEnd(now_us(), stores);
  result_.committed_blocks = observer_->highest_committed();
  result_.rounds = observer_->highest_round();
  result_.committed_transactions = clients_->receipts();
  result_.simulated_us = now_us();
  result_.events = queue().executed();
  for (const auto& [row, count] : network().effects()) result_.faults[row] += count;
  result_.frames_dropped = network().frames_dropped();
  for (uint32_t number = 0; number < replicas(); ++number) {
    CountDiskFaults(replica(number).disk().counters());
  }
  result_.figures = meter_.Figures();
  result_.trace_hash = cluster_.trace_hash();
}

void World::CountDiskFaults(const DiskFaultCounters& counters) {
  const std::pair<const char*, uint64_t> rows[] = {
      {"D1", counters.torn_records},
      {"D2", counters.lossy_crashes},
      {"D3", counters.failed_syncs},
      {"D4", counters.lying_syncs},
      {"D5", counters.rotten_values},
      {"D6", counters.full_writes},
      {"D8",
       counters.stale_restores + counters.safety_deletions + counters.exchanges + counters.losses}};
  for (const auto& [row, count] : rows) {
    if (count > 0) result_.faults[row] += count;
  }
}

void World::Violated(absl::string_view invariant, std::string what) {
  if (result_.violations.empty()) end_us_ = std::min(end_us_, now_us() + kAfterViolationUs);
  if (result_.violations.size() >= kViolationsMax) return;
  cluster_.Record({.kind = Kind::kViolation, .text = absl::StrCat(invariant, ": ", what)});
  result_.violations.push_back(
      {.invariant = std::string(invariant), .at_us = now_us(), .what = std::move(what)});
}

// --- Replicas

void World::OnStarted(SimReplica& replica, const absl::Status& why) {
  observer_->OnStarted(replica.number(), now_us(), &replica.disk(), replica.store(), why);
}

void World::OnStopped(SimReplica& replica, const absl::Status& why) {
  observer_->OnStopped(replica.number(), now_us(), why);
  faults_->OnStopped(replica.number());
}

void World::OnRecovered(SimReplica& replica, const consensus::SafetyRecord& record) {
  ++result_.recoveries;
  observer_->OnRecovered(replica.number(), record);
}

void World::OnCrashed(SimReplica& replica) {
  observer_->OnCrashed(replica.number(), now_us());
}

void World::OnStatus(SimReplica& replica) {
  const uint32_t number = replica.number();
  const consensus::ReplicaStatus status = replica.core()->replica_status();
  observer_->OnStatus(number, now_us(), status);
  meter_.OnRound(now_us(), status.round.value);
  observer_->OnQueue(number, now_us(), "inbox", replica.inbox_events(),
                     SimReplica::kInboxEventsMax);
  observer_->OnQueue(number, now_us(), "mempool", replica.core()->mempool_total().transactions,
                     scenario_.mempool_transactions_max);
}

void World::OnCommitted(SimReplica& replica, Height height) {
  observer_->OnCommitted(replica.number(), now_us(), height, *replica.store());
  meter_.OnHeight(now_us(), height.value);
}

void World::OnExecuted(SimReplica& replica, Height height) {
  observer_->OnExecuted(replica.number(), now_us(), height, *replica.store());
}

// --- Messages

// The message that a frame holds, as a liar wants it. Nothing for what does not decode.
std::optional<network::PeerMessage> World::Decode(const FramePtr& frame) {
  const absl::StatusOr<network::PeerMessage>& message = cluster_.frames().Decode(frame);
  return message.ok() ? std::make_optional(*message) : std::nullopt;
}

void World::OnSent(SimReplica& replica, std::optional<ValidatorIndex> to,
                   const consensus::Message* message, const FramePtr& frame) {
  said_.reset();
  if (to.has_value() && frame->kind == network::FrameKind::kBlocks) {
    Traffic& traffic = traffic_[{replica.number(), to->value}];
    traffic.answered_bytes += frame->bytes();
    observer_->OnTraffic(replica.number(), *to, traffic.requested_bytes, traffic.answered_bytes);
  }
  if (liars_[replica.number()] != nullptr) {
    said_ = Decode(frame);
  } else if (message != nullptr) {
    observer_->OnSent(replica.number(), now_us(), to, *message, &replica.disk());
  }
}

bool World::LetsGo(SimReplica& replica, ValidatorIndex to, const FramePtr&) {
  if (!said_.has_value()) return true;
  liars_[replica.number()]->OnSend(to, *said_);
  return false;
}

// What a liar says in the end, the observer hears.
void World::SayAsLiar(uint32_t number, ValidatorIndex to, const FramePtr& frame) {
  const std::optional<network::PeerMessage> said = Decode(frame);
  const auto* message = said.has_value() ? std::get_if<consensus::Message>(&*said) : nullptr;
  if (message != nullptr) {
    observer_->OnSent(number, now_us(), to, *message, &replica(number).disk());
  }
  cluster_.Transmit(number, to, frame);
}

bool World::LetsIn(SimReplica& replica, ValidatorIndex from, const FramePtr& frame) {
  const uint32_t number = replica.number();
  if (frame->kind == network::FrameKind::kBlockRequest) {
    traffic_[{number, from.value}].requested_bytes += frame->bytes();
  }
  if (liars_[number] == nullptr) return true;
  const std::optional<network::PeerMessage> message = Decode(frame);
  return !message.has_value() || liars_[number]->OnReceive(from, *message);
}

// --- Clients

void World::Submit(uint32_t number, const Hash& id, absl::string_view key,
                   absl::string_view payload, uint64_t deadline_us,
                   std::shared_ptr<network::SubmitSink> sink) {
  observer_->OnSubmitted(number, now_us(), id, key, payload);
  replica(number).Submit(network::BatchOfOne(key, payload), deadline_us, std::move(sink));
}

void World::OnAnswered(uint32_t number, const Hash& id, uint64_t since_us,
                       const absl::StatusOr<Receipt>& answer) {
  if (answer.ok()) {
    meter_.OnReceipt(now_us(), since_us);
  } else {
    meter_.OnRefused(now_us());
  }
  observer_->OnAnswered(number, now_us(), id, answer);
  cluster_.Record({.kind = Kind::kAnswered,
                   .replica = number,
                   .height = answer.ok() ? answer->height : 0,
                   .text = answer.ok() ? "receipt" : std::string(answer.status().message())});
}

void World::OnFault(const Fault& fault, bool began) {
  cluster_.Record(
      {.kind = began ? Kind::kFaultBegan : Kind::kFaultEnded,
       .replica = fault.nodes.size() == 1 ? fault.nodes.front() : UINT32_MAX,
       .text = absl::StrCat(
           fault.row, " ", fault.kind,
           fault.nodes.empty() ? "" : absl::StrCat(" of ", absl::StrJoin(fault.nodes, ",")))});
}

}  // namespace

RunResult RunScenario(const Scenario& scenario, Recorder* recorder) {
  SetLogSink([](absl::string_view) {});
  SetLogLevel(LogLevel::kError);
  RunResult result = World(scenario, recorder).Run();
  SetLogLevel(LogLevel::kInfo);
  SetLogSink(nullptr);
  return result;
}

}  // namespace kiln::sim
