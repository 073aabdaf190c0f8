#include "sim/sim_cluster.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "consensus/codec.h"
#include "sim/sim_keys.h"

namespace kiln::sim {
namespace {

using network::FramePtr;

// From the end of `kiln recover` to the start of the node.
constexpr uint64_t kOperatorStartsAfterUs = 1000;

// Checking keys takes longer than all of a short run, and thousands of worlds have the same
// genesis.
consensus::ValidatorSet MakeValidators(const Genesis& genesis) {
  constexpr size_t kRememberedMax = 64;
  static auto& remembered = *new absl::flat_hash_map<Hash, consensus::ValidatorSet>();
  const Hash chain_id = genesis.ChainId();
  if (const auto known = remembered.find(chain_id); known != remembered.end()) {
    return known->second;
  }
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

}  // namespace

Genesis MakeSimGenesis(const Scenario& scenario) {
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
  genesis.limits.snapshot_interval_blocks = scenario.snapshot_interval_blocks;
  return genesis;
}

void ClusterHost::OnStarted(SimReplica&, const absl::Status&) {}
void ClusterHost::OnStopped(SimReplica&, const absl::Status&) {}
void ClusterHost::OnRecovered(SimReplica&, const consensus::SafetyRecord&) {}
void ClusterHost::OnSnapshotFetched(SimReplica&) {}
void ClusterHost::OnCrashed(SimReplica&) {}
void ClusterHost::OnStatus(SimReplica&) {}
void ClusterHost::OnCommitted(SimReplica&, Height) {}
void ClusterHost::OnExecuted(SimReplica&, Height) {}
bool ClusterHost::OnEffect(SimReplica&) {
  return true;
}
void ClusterHost::OnSent(SimReplica&, std::optional<ValidatorIndex>, const consensus::Message*,
                         const FramePtr&) {}
void ClusterHost::OnLeft(uint32_t, const network::Frame&) {}
bool ClusterHost::LetsGo(SimReplica&, ValidatorIndex, const FramePtr&) {
  return true;
}
bool ClusterHost::LetsIn(SimReplica&, ValidatorIndex, const FramePtr&) {
  return true;
}

SimCluster::SimCluster(const Scenario& scenario, Genesis genesis, MakeApplication make_application,
                       ClusterHost* host, Recorder* recorder)
    : scenario_(scenario),
      host_(host),
      recorder_(recorder),
      genesis_(std::move(genesis)),
      validators_(MakeValidators(genesis_)),
      leaders_(MakeLeaders(scenario, validators_)),
      frames_(&genesis_.limits),
      random_(scenario.seed),
      replicas_of_(scenario.powers.size()) {
  KILN_CHECK_OK(genesis_.Validate());
  environment_ = {.scenario = &scenario_,
                  .genesis = &genesis_,
                  .validators = &validators_,
                  .leaders = &leaders_,
                  .signatures = &SimVerifier(scenario.real_signatures),
                  .frames = &frames_,
                  .queue = &queue_,
                  .host = this,
                  .make_application = std::move(make_application)};
  MakeReplicas();
  network_ = std::make_unique<NetworkModel>(scenario_, size(), random_.Fork(), &queue_,
                                            static_cast<NetworkHost*>(this));
}

void SimCluster::MakeReplicas() {
  const uint32_t count = static_cast<uint32_t>(scenario_.powers.size() + scenario_.twins.size());
  for (uint32_t number = 0; number < count; ++number) {
    const uint32_t validator = number < scenario_.powers.size()
                                   ? number
                                   : scenario_.twins[number - scenario_.powers.size()];
    replicas_.push_back(std::make_unique<SimReplica>(&environment_, number,
                                                     ValidatorIndex{validator}, random_.Fork()));
    replicas_of_[validator].push_back(number);
  }
  seen_rounds_.resize(count);
}

bool SimCluster::IsLeading(uint32_t number) const {
  return replicas_[number]->is_up() &&
         leaders_.LeaderOf(seen_rounds_[number]) == replicas_[number]->validator();
}

void SimCluster::Record(TraceEvent event) {
  if (recorder_ == nullptr) return;
  event.at_us = now_us();
  recorder_->Record(event);
}

// --- Replicas

void SimCluster::Start(uint32_t number) {
  SimReplica& replica = *replicas_[number];
  if (replica.is_up()) return;
  replica.Start();
  if (!replica.is_up()) return;
  for (uint32_t peer = 0; peer < size(); ++peer) {
    if (replicas_[peer]->validator() == replica.validator()) continue;
    replica.Disconnected(replicas_[peer]->validator());
    if (replicas_[peer]->is_up()) Connect(number, peer);
  }
}

void SimCluster::Crash(uint32_t number, CrashKind kind) {
  SimReplica& replica = *replicas_[number];
  if (!replica.hears()) return;
  replica.Crash(kind);
  network_->Disconnect(number);
  Disconnect(number);
  hash_.Add(now_us(), number, 2);
  Record({.kind = Kind::kCrashed, .replica = number});
  host_->OnCrashed(replica);
}

// A process that ends closes its streams; a machine that loses power is missed only when its
// timer runs out, or never before it is back.
void SimCluster::Disconnect(uint32_t number) {
  if (random_.Below(4) == 0) return;
  const ValidatorIndex gone = replicas_[number]->validator();
  for (const std::unique_ptr<SimReplica>& peer : replicas_) {
    if (peer->validator() != gone) peer->Disconnected(gone);
  }
}

void SimCluster::EndStreams(uint32_t number) {
  const ValidatorIndex gone = replicas_[number]->validator();
  for (uint32_t peer = 0; peer < size(); ++peer) {
    if (replicas_[peer]->validator() == gone) continue;
    queue_.At(network_->EndArrivesUs(number, peer),
              [this, number, peer, gone, life = replicas_[number]->life(),
               peers_life = replicas_[peer]->life()] {
                if (replicas_[number]->life() != life) return;
                if (replicas_[peer]->life() == peers_life) replicas_[peer]->Disconnected(gone);
              });
  }
}

// Streams take a moment to be made.
void SimCluster::Connect(uint32_t a, uint32_t b) {
  if (replicas_[a]->validator() == replicas_[b]->validator()) return;
  const uint64_t delay_us =
      scenario_.delay_mean_us +
      RegionDelayUs(scenario_, replicas_[a]->validator().value, replicas_[b]->validator().value);
  const uint64_t at_us = now_us() + 2 * delay_us + random_.Below(1000);
  queue_.At(at_us, [this, a, b, life_a = replicas_[a]->life(), life_b = replicas_[b]->life()] {
    if (replicas_[a]->life() != life_a || replicas_[b]->life() != life_b) return;
    replicas_[a]->Connected(replicas_[b]->validator());
    replicas_[b]->Connected(replicas_[a]->validator());
  });
}

// After a network fault some streams are made anew; others lived through it.
void SimCluster::Reconnect() {
  for (uint32_t a = 0; a < size(); ++a) {
    for (uint32_t b = a + 1; b < size(); ++b) {
      if (random_.Below(2) == 0) continue;
      if (replicas_[a]->is_up() && replicas_[b]->is_up()) Connect(a, b);
    }
  }
}

void SimCluster::OnStarted(SimReplica& replica, const absl::Status& why) {
  const uint32_t number = replica.number();
  hash_.Add(now_us(), number, why.ok() ? 3 : 4);
  if (!why.ok()) {
    host_->OnStarted(replica, why);
    Record({.kind = Kind::kStopped, .replica = number, .text = std::string(why.message())});
    return;
  }
  seen_rounds_[number] = replica.core()->replica_status().round;
  host_->OnStarted(replica, why);
  Record({.kind = Kind::kStarted,
          .replica = number,
          .round = seen_rounds_[number].value,
          .height = replica.store()->committed_height().value});
}

void SimCluster::OnStopped(SimReplica& replica, const absl::Status& why) {
  network_->Disconnect(replica.number());
  hash_.Add(now_us(), replica.number(), 5);
  Record({.kind = Kind::kStopped, .replica = replica.number(), .text = std::string(why.message())});
  host_->OnStopped(replica, why);
}

void SimCluster::OnRecovered(SimReplica& replica, const consensus::SafetyRecord& record) {
  const uint32_t number = replica.number();
  hash_.Add(now_us(), number, record.last_voted_round.value);
  Record({.kind = Kind::kStopped,
          .replica = number,
          .text = absl::StrCat("has recovered its safety record and abstains up to round ",
                               record.last_voted_round.value)});
  host_->OnRecovered(replica, record);
  queue_.At(now_us() + kOperatorStartsAfterUs, [this, number] { Start(number); });
}

void SimCluster::OnSnapshotFetched(SimReplica& replica) {
  constexpr uint64_t kStartsAfterUs = 10'000;
  const uint32_t number = replica.number();
  network_->Disconnect(number);
  hash_.Add(now_us(), number, 6);
  Record({.kind = Kind::kStopped, .replica = number, .text = "has fetched a snapshot"});
  host_->OnSnapshotFetched(replica);
  queue_.At(now_us() + kStartsAfterUs, [this, number] { Start(number); });
}

void SimCluster::OnStatus(SimReplica& replica) {
  const Round round = replica.core()->replica_status().round;
  const uint32_t number = replica.number();
  if (round != seen_rounds_[number]) {
    seen_rounds_[number] = round;
    hash_.Add(now_us(), number, round.value);
    Record({.kind = Kind::kRound, .replica = number, .round = round.value});
  }
  host_->OnStatus(replica);
}

void SimCluster::OnCommitted(SimReplica& replica, Height height) {
  hash_.Add(now_us(), replica.number(), height.value);
  if (recorder_ != nullptr) {
    const absl::StatusOr<consensus::Header> header = replica.store()->HeaderAt(height);
    Record({.kind = Kind::kCommitted,
            .replica = replica.number(),
            .round = header.ok() ? header->round.value : 0,
            .height = height.value,
            .text = header.ok() ? consensus::HashOf(*header).Short() : ""});
  }
  host_->OnCommitted(replica, height);
}

void SimCluster::OnExecuted(SimReplica& replica, Height height) {
  hash_.Add(now_us(), replica.number(), height.value);
  Record({.kind = Kind::kExecuted, .replica = replica.number(), .height = height.value});
  host_->OnExecuted(replica, height);
}

void SimCluster::OnRefused(SimReplica& replica, ValidatorIndex from, absl::string_view why) {
  if (recorder_ == nullptr) return;
  Record({.kind = Kind::kRefused,
          .replica = replica.number(),
          .peer = from.value,
          .text = std::string(why)});
}

// --- Messages

void SimCluster::OnSent(SimReplica& replica, std::optional<ValidatorIndex> to,
                        const consensus::Message* message, const FramePtr& frame) {
  hash_.Add(now_us(), replica.number(), *frame);
  host_->OnSent(replica, to, message, frame);
  if (recorder_ != nullptr && message != nullptr) RecordSigned(replica.number(), *message);
  for (uint32_t i = 0; i < validators_.size(); ++i) {
    const ValidatorIndex receiver{i};
    if (receiver == replica.validator() || (to.has_value() && *to != receiver)) continue;
    if (host_->LetsGo(replica, receiver, frame)) Transmit(replica.number(), receiver, frame);
  }
}

void SimCluster::RecordSigned(uint32_t number, const consensus::Message& message) {
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

void SimCluster::Transmit(uint32_t from, ValidatorIndex to, const FramePtr& frame) {
  for (const uint32_t number : replicas_of_[to.value]) TransmitTo(from, number, frame);
}

// There is no stream to whoever is down.
void SimCluster::TransmitTo(uint32_t from, uint32_t to, const FramePtr& frame) {
  if (!replicas_[to]->hears()) return OnLeft(from, to, frame, FrameFate());
  network_->Send(from, to, frame);
}

void SimCluster::OnLeft(uint32_t from, uint32_t to, const FramePtr& frame, const FrameFate& fate) {
  const uint64_t id = next_message_++;
  const bool was_carried = !fate.arrives_us.empty() || fate.lost_to != nullptr;
  if (was_carried) host_->OnLeft(from, *frame);
  if (recorder_ != nullptr) RecordFate(from, to, *frame, id, fate);
  // A stream ends with either process: what is under way then is lost.
  for (const uint64_t at_us : fate.arrives_us) {
    queue_.At(at_us, [this, from, to, frame, id, life = replicas_[to]->life()] {
      if (replicas_[to]->life() == life) Arrive(from, to, frame, id);
    });
  }
}

void SimCluster::OnDropped(uint32_t from, uint32_t to, uint64_t frames) {
  for (; frames > 0; --frames) {
    Record({.kind = Kind::kLost,
            .replica = from,
            .peer = to,
            .id = next_message_++,
            .text = "the oldest frame (send queue full)"});
  }
}

void SimCluster::RecordFate(uint32_t from, uint32_t to, const network::Frame& frame, uint64_t id,
                            const FrameFate& fate) {
  TraceEvent event{.kind = Kind::kSent,
                   .replica = from,
                   .peer = to,
                   .id = id,
                   .round = seen_rounds_[from].value,
                   .text = std::string(NameOf(frame.kind))};
  if (fate.lost_to != nullptr) {
    event.kind = Kind::kLost;
    event.round = 0;
    absl::StrAppend(&event.text, " (", fate.lost_to->row, " ", fate.lost_to->kind, ")");
  }
  Record(std::move(event));
}

void SimCluster::Arrive(uint32_t from, uint32_t to, const FramePtr& frame, uint64_t id) {
  SimReplica& replica = *replicas_[to];
  if (!replica.hears()) return;
  if (recorder_ != nullptr) {
    Record({.kind = Kind::kReceived,
            .replica = to,
            .peer = from,
            .id = id,
            .text = std::string(NameOf(frame->kind))});
  }
  const ValidatorIndex sender = replicas_[from]->validator();
  if (host_->LetsIn(replica, sender, frame)) replica.Receive(sender, frame);
}

}  // namespace kiln::sim
