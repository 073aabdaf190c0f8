#include "sim/world.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/log.h"
#include "consensus/codec.h"
#include "sim/event_queue.h"
#include "sim/fault_driver.h"
#include "sim/faults.h"
#include "sim/liar.h"
#include "sim/network_model.h"
#include "sim/observer.h"
#include "sim/sim_application.h"
#include "sim/sim_clients.h"
#include "sim/sim_keys.h"
#include "sim/sim_replica.h"
#include "sim/trace_hash.h"

namespace kiln::sim {
namespace {

using network::FrameKind;
using network::FramePtr;

// After the first violation the run goes on for this long: what follows helps to understand it.
constexpr uint64_t kAfterViolationUs = 200'000;
constexpr size_t kViolationsMax = 20;
// Work that no run within its bounds needs; a run that does has lost its way.
constexpr uint64_t kEventsMax = 50'000'000;

Genesis MakeGenesis(const Scenario& scenario) {
  Genesis genesis;
  genesis.chain_name = "simulated";
  genesis.time_us = 1'690'000'000'000'000;
  for (uint32_t i = 0; i < scenario.powers.size(); ++i) {
    genesis.validators.push_back(SimGenesisValidator(i, scenario.powers[i]));
  }
  genesis.limits.block_bytes_max = scenario.block_bytes_max;
  genesis.limits.transaction_bytes_max =
      std::min<uint64_t>(genesis.limits.transaction_bytes_max, scenario.block_bytes_max / 2);
  genesis.limits.block_transactions_max = scenario.block_transactions_max;
  genesis.limits.duplicate_window_blocks = scenario.duplicate_window_blocks;
  genesis.limits.execution_lag_max = scenario.execution_lag_max;
  return genesis;
}

// Checks the genesis, too. Checking keys takes longer than all of a short run, and thousands of
// worlds have the same genesis.
consensus::ValidatorSet MakeValidators(const Genesis& genesis) {
  constexpr size_t kRememberedMax = 64;
  static auto& remembered = *new absl::flat_hash_map<Hash, consensus::ValidatorSet>();
  const Hash chain_id = genesis.ChainId();
  if (const auto known = remembered.find(chain_id); known != remembered.end()) {
    return known->second;
  }
  KILN_CHECK_OK(genesis.Validate());
  absl::StatusOr<consensus::ValidatorSet> validators =
      consensus::ValidatorSet::FromGenesis(genesis);
  KILN_CHECK_OK(validators.status());
  if (remembered.size() >= kRememberedMax) remembered.clear();
  return remembered.emplace(chain_id, *std::move(validators)).first->second;
}

consensus::LeaderElection MakeLeaders(const Scenario& scenario,
                                      const consensus::ValidatorSet& validators) {
  if (scenario.leaders.empty()) return consensus::LeaderElection(validators);
  std::vector<ValidatorIndex> schedule;
  for (const uint32_t leader : scenario.leaders) schedule.push_back({leader});
  return consensus::LeaderElection::FromSchedule(std::move(schedule));
}

// The message that a frame holds, as a liar wants it. Nothing for what does not decode.
std::optional<network::PeerMessage> Decode(const network::Frame& frame, const ChainLimits& limits) {
  absl::StatusOr<network::PeerMessage> message = network::DecodeFrame(frame, limits);
  if (!message.ok()) return std::nullopt;
  return *std::move(message);
}

class World final : public ReplicaHost, public ClientHost, public FaultHost {
 public:
  World(const Scenario& scenario, Recorder* recorder);
  // Processes end first: they answer the clients that still wait.
  ~World() override { replicas_.clear(); }

  RunResult Run();

 private:
  using Kind = TraceEvent::Kind;

  // Making it.
  std::vector<bool> Honest() const;
  void MakeReplicas();
  void MakeLiars();
  LiarContext ContextFor(uint32_t replica);

  // ReplicaHost
  void OnStarted(SimReplica& replica, const absl::Status& why) override;
  void OnStopped(SimReplica& replica, const absl::Status& why) override;
  void OnSent(SimReplica& replica, std::optional<ValidatorIndex> to,
              const consensus::Message* message, const FramePtr& frame) override;
  void OnStatus(SimReplica& replica) override;
  void OnCommitted(SimReplica& replica, Height height) override;
  void OnExecuted(SimReplica& replica, Height height) override;
  void OnRefused(SimReplica& replica, ValidatorIndex from, absl::string_view why) override;
  bool OnEffect(SimReplica& replica) override;

  // ClientHost
  uint32_t replicas() const override { return static_cast<uint32_t>(replicas_.size()); }
  bool IsUp(uint32_t replica) const override { return replicas_[replica]->is_up(); }
  void Submit(uint32_t replica, const Hash& id, absl::string_view key, absl::string_view payload,
              uint64_t deadline_us, std::shared_ptr<network::SubmitSink> sink) override;
  void OnAnswered(uint32_t replica, const Hash& id, const absl::StatusOr<Receipt>& answer) override;

  // FaultHost
  EventQueue& queue() override { return queue_; }
  NetworkModel& network() override { return *network_; }
  SimReplica& replica(uint32_t number) override { return *replicas_[number]; }
  void StartReplica(uint32_t number) override;
  void CrashReplica(uint32_t number, CrashKind kind) override;
  void CountFault(const Fault& fault) override { ++result_.faults[fault.row]; }
  void OnFault(const Fault& fault, bool began) override;
  void Reconnect() override;

  // Messages on their way.
  void RecordSigned(uint32_t number, const consensus::Message& message);
  void SayAsLiar(uint32_t number, ValidatorIndex to, const FramePtr& frame);
  void Transmit(uint32_t from, ValidatorIndex to, const FramePtr& frame);
  void TransmitTo(uint32_t from, uint32_t to, const FramePtr& frame);
  void Arrive(uint32_t from, uint32_t to, const FramePtr& frame, uint64_t id);
  void Connect(uint32_t a, uint32_t b);

  void Heal();
  void Finish();
  void CountDiskFaults(const DiskFaultCounters& counters);
  void Violated(absl::string_view invariant, std::string what);
  void Record(TraceEvent event);
  uint64_t now_us() const { return queue_.now_us(); }

  const Scenario& scenario_;
  Recorder* const recorder_;
  const Genesis genesis_;
  const consensus::ValidatorSet validators_;
  const consensus::LeaderElection leaders_;
  EventQueue queue_;
  SimRandom random_;
  ReplicaEnvironment environment_;
  std::vector<std::unique_ptr<SimReplica>> replicas_;
  std::vector<std::vector<uint32_t>> replicas_of_;  // by validator
  std::vector<std::unique_ptr<Liar>> liars_;        // by replica; null for the honest
  std::vector<Round> seen_rounds_;                  // by replica
  std::unique_ptr<NetworkModel> network_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<SimClients> clients_;
  std::unique_ptr<FaultDriver> faults_;
  TraceHash hash_;
  RunResult result_;
  uint64_t next_message_ = 1;
  uint64_t end_us_ = 0;
};

World::World(const Scenario& scenario, Recorder* recorder)
    : scenario_(scenario),
      recorder_(recorder),
      genesis_(MakeGenesis(scenario)),
      validators_(MakeValidators(genesis_)),
      leaders_(MakeLeaders(scenario, validators_)),
      random_(scenario.seed),
      replicas_of_(scenario.powers.size()) {
  environment_ = {.scenario = &scenario_,
                  .genesis = &genesis_,
                  .validators = &validators_,
                  .leaders = &leaders_,
                  .signatures = &SimVerifier(scenario.real_signatures),
                  .queue = &queue_,
                  .host = this,
                  .make_application = [] { return std::make_unique<SimApplication>(); }};
  MakeReplicas();
  network_ = std::make_unique<NetworkModel>(
      scenario_, replicas(), random_.Fork(), [this](uint32_t number) {
        return replicas_[number]->is_up() &&
               leaders_.LeaderOf(seen_rounds_[number]) == replicas_[number]->validator();
      });
  ObserverContext watched;
  watched.scenario = &scenario_;
  watched.genesis = &genesis_;
  watched.validators = &validators_;
  watched.leaders = &leaders_;
  watched.signatures = environment_.signatures;
  for (const auto& replica : replicas_) watched.validator_of.push_back(replica->validator());
  watched.is_honest = Honest();
  watched.violated = [this](absl::string_view invariant, std::string what) {
    Violated(invariant, std::move(what));
  };
  observer_ = MakeObserver(std::move(watched));
  clients_ = std::make_unique<SimClients>(scenario_, &queue_, this, random_.Fork());
  faults_ = std::make_unique<FaultDriver>(scenario_, this, random_.Fork());
  MakeLiars();
}

// --- Making it

void World::MakeReplicas() {
  const uint32_t count = static_cast<uint32_t>(scenario_.powers.size() + scenario_.twins.size());
  for (uint32_t number = 0; number < count; ++number) {
    const uint32_t validator = number < scenario_.powers.size()
                                   ? number
                                   : scenario_.twins[number - scenario_.powers.size()];
    replicas_.push_back(std::make_unique<SimReplica>(&environment_, number,
                                                     ValidatorIndex{validator}, random_.Fork()));
    replicas_of_[validator].push_back(number);
  }
  liars_.resize(count);
  seen_rounds_.resize(count);
}

// Whoever lies, has a twin, or has a disk that breaks what the protocol rests on, is not.
std::vector<bool> World::Honest() const {
  std::vector<bool> honest(replicas_.size(), true);
  const auto exempt = [&](uint32_t validator) {
    for (const uint32_t number : replicas_of_[validator]) honest[number] = false;
  };
  for (const uint32_t twin : scenario_.twins) exempt(twin);
  for (const Fault& fault : scenario_.faults) {
    if (!BreaksTrust(fault)) continue;
    for (const uint32_t number : fault.nodes) {
      if (number < replicas_.size()) exempt(replicas_[number]->validator().value);
    }
  }
  return honest;
}

LiarContext World::ContextFor(uint32_t number) {
  SimReplica& replica = *replicas_[number];
  LiarContext context;
  context.self = replica.validator();
  context.genesis = &genesis_;
  context.validators = &validators_;
  context.leaders = &leaders_;
  context.signer = &replica.signer();
  context.random = random_.Fork();
  context.round_timeout_min_us = scenario_.round_timeout_min_ms * 1000;
  context.now_us = [this] { return now_us(); };
  context.send = [this, number](ValidatorIndex to, FramePtr frame) {
    SayAsLiar(number, to, frame);
  };
  context.at = [this](uint64_t at_us, absl::AnyInvocable<void() &&> action) {
    queue_.At(at_us, std::move(action));
  };
  context.forget = [this, number](uint64_t rounds) { faults_->Forget(number, rounds); };
  return context;
}

void World::MakeLiars() {
  std::map<uint32_t, std::vector<Fault>> lies;
  for (const Fault& fault : scenario_.faults) {
    if (fault.row.front() != 'B') continue;
    for (const uint32_t number : fault.nodes) {
      if (number < replicas_.size()) lies[number].push_back(fault);
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
    queue_.At(random_.Below(2000), [this, number] { StartReplica(number); });
  }
  clients_->Start();
  faults_->Schedule();
  const uint64_t chaos_us = scenario_.chaos_ms * 1000;
  end_us_ = chaos_us + scenario_.calm_ms * 1000;
  queue_.At(chaos_us, [this] { Heal(); });
  uint64_t next_look_us = chaos_us;
  while (!queue_.empty() && queue_.next_us() <= end_us_) {
    queue_.RunNext();
    if (queue_.executed() > kEventsMax) {
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

void World::Heal() {
  faults_->Heal();
  std::vector<bool> up;
  for (uint32_t number = 0; number < replicas(); ++number) {
    StartReplica(number);
    up.push_back(replicas_[number]->is_up());
  }
  Reconnect();
  Record({.kind = Kind::kHealed});
  observer_->OnHealed(now_us(), up);
}

void World::Finish() {
  clients_->Stop();
  std::vector<const storage::Store*> stores;
  for (const auto& replica : replicas_) stores.push_back(replica->store());
  observer_->OnEnd(now_us(), stores);
  result_.committed_blocks = observer_->highest_committed();
  result_.rounds = observer_->highest_round();
  result_.committed_transactions = clients_->receipts();
  result_.simulated_us = now_us();
  result_.events = queue_.executed();
  for (const auto& [row, count] : network_->effects()) result_.faults[row] += count;
  for (const auto& replica : replicas_) {
    CountDiskFaults(replica->disk().counters());
  }
  result_.trace_hash = hash_.value();
}

void World::CountDiskFaults(const DiskFaultCounters& counters) {
  const std::pair<const char*, uint64_t> rows[] = {
      {"D1", counters.torn_records},
      {"D2", counters.lossy_crashes},
      {"D3", counters.failed_syncs},
      {"D4", counters.lying_syncs},
      {"D5", counters.rotten_values},
      {"D6", counters.full_writes},
      {"D8", counters.stale_restores + counters.safety_deletions + counters.exchanges}};
  for (const auto& [row, count] : rows) {
    if (count > 0) result_.faults[row] += count;
  }
}

void World::Violated(absl::string_view invariant, std::string what) {
  if (result_.violations.empty()) end_us_ = std::min(end_us_, now_us() + kAfterViolationUs);
  if (result_.violations.size() >= kViolationsMax) return;
  Record({.kind = Kind::kViolation, .text = absl::StrCat(invariant, ": ", what)});
  result_.violations.push_back(
      {.invariant = std::string(invariant), .at_us = now_us(), .what = std::move(what)});
}

void World::Record(TraceEvent event) {
  if (recorder_ == nullptr) return;
  event.at_us = now_us();
  recorder_->Record(event);
}

// --- Replicas

void World::StartReplica(uint32_t number) {
  SimReplica& replica = *replicas_[number];
  if (replica.is_up()) return;
  replica.Start();
  if (!replica.is_up()) return;
  for (uint32_t peer = 0; peer < replicas(); ++peer) {
    if (peer != number && replicas_[peer]->is_up()) Connect(number, peer);
  }
}

void World::CrashReplica(uint32_t number, CrashKind kind) {
  SimReplica& replica = *replicas_[number];
  if (!replica.is_up()) return;
  replica.Crash(kind);
  hash_.Add(now_us(), number, 2);
  Record({.kind = Kind::kCrashed, .replica = number});
  observer_->OnCrashed(number, now_us());
}

// Streams take a moment to be made.
void World::Connect(uint32_t a, uint32_t b) {
  if (replicas_[a]->validator() == replicas_[b]->validator()) return;
  const uint64_t at_us = now_us() + 2 * scenario_.delay_mean_us + random_.Below(1000);
  queue_.At(at_us, [this, a, b, life_a = replicas_[a]->life(), life_b = replicas_[b]->life()] {
    if (replicas_[a]->life() != life_a || replicas_[b]->life() != life_b) return;
    replicas_[a]->Connected(replicas_[b]->validator());
    replicas_[b]->Connected(replicas_[a]->validator());
  });
}

// After a network fault some streams are made anew; others lived through it.
void World::Reconnect() {
  for (uint32_t a = 0; a < replicas(); ++a) {
    for (uint32_t b = a + 1; b < replicas(); ++b) {
      if (random_.Below(2) == 0) continue;
      if (replicas_[a]->is_up() && replicas_[b]->is_up()) Connect(a, b);
    }
  }
}

void World::OnStarted(SimReplica& replica, const absl::Status& why) {
  const uint32_t number = replica.number();
  hash_.Add(now_us(), number, why.ok() ? 3 : 4);
  observer_->OnStarted(number, now_us(), &replica.disk(), replica.store(), why);
  if (!why.ok()) {
    Record({.kind = Kind::kStopped, .replica = number, .text = std::string(why.message())});
    return;
  }
  seen_rounds_[number] = replica.core()->replica_status().round;
  Record({.kind = Kind::kStarted,
          .replica = number,
          .round = seen_rounds_[number].value,
          .height = replica.store()->committed_height().value});
}

void World::OnStopped(SimReplica& replica, const absl::Status& why) {
  hash_.Add(now_us(), replica.number(), 5);
  Record({.kind = Kind::kStopped, .replica = replica.number(), .text = std::string(why.message())});
  observer_->OnStopped(replica.number(), now_us(), why);
  faults_->OnStopped(replica.number());
}

void World::OnStatus(SimReplica& replica) {
  const consensus::ReplicaStatus status = replica.core()->replica_status();
  const uint32_t number = replica.number();
  if (status.round != seen_rounds_[number]) {
    seen_rounds_[number] = status.round;
    hash_.Add(now_us(), number, status.round.value);
    Record({.kind = Kind::kRound, .replica = number, .round = status.round.value});
  }
  observer_->OnStatus(number, now_us(), status);
}

void World::OnCommitted(SimReplica& replica, Height height) {
  hash_.Add(now_us(), replica.number(), height.value);
  if (recorder_ != nullptr) {
    const absl::StatusOr<consensus::Header> header = replica.store()->HeaderAt(height);
    Record({.kind = Kind::kCommitted,
            .replica = replica.number(),
            .round = header.ok() ? header->round.value : 0,
            .height = height.value,
            .text = header.ok() ? consensus::HashOf(*header).Short() : ""});
  }
  observer_->OnCommitted(replica.number(), now_us(), height, *replica.store());
}

void World::OnExecuted(SimReplica& replica, Height height) {
  hash_.Add(now_us(), replica.number(), height.value);
  Record({.kind = Kind::kExecuted, .replica = replica.number(), .height = height.value});
  observer_->OnExecuted(replica.number(), now_us(), height, *replica.store());
}

void World::OnRefused(SimReplica& replica, ValidatorIndex from, absl::string_view why) {
  if (recorder_ == nullptr) return;
  Record({.kind = Kind::kRefused,
          .replica = replica.number(),
          .peer = from.value,
          .text = std::string(why)});
}

bool World::OnEffect(SimReplica& replica) {
  return faults_->OnEffect(replica.number());
}

// --- Messages

void World::OnSent(SimReplica& replica, std::optional<ValidatorIndex> to,
                   const consensus::Message* message, const FramePtr& frame) {
  const uint32_t number = replica.number();
  hash_.Add(now_us(), number, *frame);
  if (message != nullptr && liars_[number] == nullptr) {
    observer_->OnSent(number, now_us(), to, *message, &replica.disk());
  }
  if (recorder_ != nullptr && message != nullptr) RecordSigned(number, *message);
  std::optional<network::PeerMessage> said;
  if (liars_[number] != nullptr) said = Decode(*frame, genesis_.limits);
  for (uint32_t i = 0; i < validators_.size(); ++i) {
    const ValidatorIndex receiver{i};
    if (receiver == replica.validator() || (to.has_value() && *to != receiver)) continue;
    if (said.has_value()) {
      liars_[number]->OnSend(receiver, *said);
    } else {
      Transmit(number, receiver, frame);
    }
  }
}

void World::RecordSigned(uint32_t number, const consensus::Message& message) {
  TraceEvent event;
  event.replica = number;
  if (const auto* proposal = std::get_if<consensus::Proposal>(&message)) {
    event.kind = Kind::kProposed;
    event.round = proposal->block->header.round.value;
    event.height = proposal->block->header.height.value;
    event.text = proposal->block->id.Short();
  } else if (const auto* vote = std::get_if<consensus::Vote>(&message)) {
    event.kind = Kind::kVoted;
    event.round = vote->round.value;
    event.text = vote->block_id.Short();
  } else if (const auto* timeout = std::get_if<consensus::Timeout>(&message)) {
    event.kind = Kind::kTimedOut;
    event.round = timeout->round.value;
    event.text = absl::StrCat("high QC of round ", timeout->high_qc.round.value);
  } else {
    return;
  }
  Record(std::move(event));
}

// What a liar says in the end, the observer hears.
void World::SayAsLiar(uint32_t number, ValidatorIndex to, const FramePtr& frame) {
  const std::optional<network::PeerMessage> said = Decode(*frame, genesis_.limits);
  const auto* message = said.has_value() ? std::get_if<consensus::Message>(&*said) : nullptr;
  if (message != nullptr) {
    observer_->OnSent(number, now_us(), to, *message, &replicas_[number]->disk());
  }
  Transmit(number, to, frame);
}

void World::Transmit(uint32_t from, ValidatorIndex to, const FramePtr& frame) {
  for (const uint32_t number : replicas_of_[to.value]) TransmitTo(from, number, frame);
}

void World::TransmitTo(uint32_t from, uint32_t to, const FramePtr& frame) {
  const NetworkModel::Fate fate =
      network_->Route(from, to, frame->kind, frame->bytes() + 64, now_us());
  const uint64_t id = next_message_++;
  if (recorder_ != nullptr) {
    if (fate.lost_to != nullptr) {
      Record({.kind = Kind::kLost,
              .replica = from,
              .peer = to,
              .id = id,
              .text = absl::StrCat(NameOf(frame->kind), " (", fate.lost_to->row, " ",
                                   fate.lost_to->kind, ")")});
    } else {
      Record({.kind = Kind::kSent,
              .replica = from,
              .peer = to,
              .id = id,
              .round = seen_rounds_[from].value,
              .text = std::string(NameOf(frame->kind))});
    }
  }
  // A stream ends with either process: what is under way then is lost.
  for (const uint64_t at_us : fate.arrives_us) {
    queue_.At(at_us, [this, from, to, frame, id, life = replicas_[to]->life()] {
      if (replicas_[to]->life() == life) Arrive(from, to, frame, id);
    });
  }
}

void World::Arrive(uint32_t from, uint32_t to, const FramePtr& frame, uint64_t id) {
  if (!replicas_[to]->is_up()) return;
  if (recorder_ != nullptr) {
    Record({.kind = Kind::kReceived,
            .replica = to,
            .peer = from,
            .id = id,
            .text = std::string(NameOf(frame->kind))});
  }
  const ValidatorIndex sender = replicas_[from]->validator();
  if (liars_[to] != nullptr) {
    const std::optional<network::PeerMessage> message = Decode(*frame, genesis_.limits);
    if (message.has_value() && !liars_[to]->OnReceive(sender, *message)) return;
  }
  replicas_[to]->Receive(sender, *frame);
}

// --- Clients

void World::Submit(uint32_t number, const Hash& id, absl::string_view key,
                   absl::string_view payload, uint64_t deadline_us,
                   std::shared_ptr<network::SubmitSink> sink) {
  observer_->OnSubmitted(number, now_us(), id, key, payload);
  replicas_[number]->Submit(network::BatchOfOne(key, payload), deadline_us, std::move(sink));
}

void World::OnAnswered(uint32_t number, const Hash& id, const absl::StatusOr<Receipt>& answer) {
  observer_->OnAnswered(number, now_us(), id, answer);
  if (recorder_ == nullptr) return;
  Record({.kind = Kind::kAnswered,
          .replica = number,
          .height = answer.ok() ? answer->height : 0,
          .text = answer.ok() ? "receipt" : std::string(answer.status().message())});
}

void World::OnFault(const Fault& fault, bool began) {
  Record({.kind = began ? Kind::kFaultBegan : Kind::kFaultEnded,
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
