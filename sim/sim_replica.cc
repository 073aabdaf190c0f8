#include "sim/sim_replica.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "sim/sim_keys.h"
#include "storage/ledger_store.h"

namespace kiln::sim {
namespace {

constexpr uint64_t kScrubRestUs = 500'000;

// Whether others sign with the replica's key, or it forgets what it signed: a twin or a liar, which
// goes on all the same.
bool SignsElsewhere(const Scenario& scenario, uint32_t number, ValidatorIndex validator) {
  const auto is_lie = [number](const Fault& fault) {
    return fault.row.starts_with('B') && absl::c_linear_search(fault.nodes, number);
  };
  return absl::c_linear_search(scenario.twins, validator.value) ||
         absl::c_any_of(scenario.faults, is_lie);
}

}  // namespace

SimReplica::SimReplica(const ReplicaEnvironment* environment, uint32_t number,
                       ValidatorIndex validator, SimRandom random)
    : environment_(environment),
      number_(number),
      validator_(validator),
      random_(random),
      signer_(MakeSimSigner(validator.value, environment->scenario->real_signatures)),
      disk_(absl::StrCat("disk of replica ", number),
            [this](size_t bytes) { return SyncCompletes(bytes); }),
      // Processes start counting at different moments.
      origin_local_us_(random_.Below(1'000'000'000)) {}

SimReplica::~SimReplica() {
  Release();
}

// --- Life and death

void SimReplica::Start() {
  if (hears()) return;
  ++life_;
  cursor_us_ = now_us();
  run_at_us_ = tick_at_us_ = UINT64_MAX;
  executing_ = pruning_ = false;
  absl::Status status = must_recover_ ? BeginRecovery() : Recover();
  if (!status.ok()) {
    Release();
    environment_->host->OnStarted(*this, status);
    return;
  }
  if (recovery_ != nullptr) return AskWhereOthersStand();
  environment_->host->OnStarted(*this, status);
  status = core_->Start(*this);
  if (!status.ok()) return Stop(status);
  environment_->host->OnStatus(*this);
  ScheduleTick();
  ScheduleExecution();
  if (core_->scrub() != nullptr) ScheduleScrub(now_us());
  SchedulePruning();
  if (environment_->scenario->retention_blocks > 0) TickSnapshotSync();
}

absl::Status SimReplica::Recover() {
  KILN_ASSIGN_OR_RETURN(database_, disk_.Open());
  KILN_ASSIGN_OR_RETURN(store_, storage::OpenStore(database_, *environment_->genesis,
                                                   /*read_only=*/false));
  committed_ = store_->committed_height();
  application_ = environment_->make_application();
  inbox_ = std::make_unique<BoundedQueue<node::EngineEvent>>(kInboxEventsMax, kInboxBytesMax);

  const Scenario& scenario = *environment_->scenario;
  node::ValidatorCore::Options options;
  options.genesis = *environment_->genesis;
  options.self = validator_;
  options.pacemaker = {.round_timeout_min_us = scenario.round_timeout_min_ms * 1000,
                       .round_timeout_max_us = scenario.round_timeout_max_ms * 1000,
                       .heartbeat_us = scenario.heartbeat_ms * 1000};
  options.listen_us = scenario.listen_ms * 1000;
  options.halts_at_unknown_signatures = !SignsElsewhere(scenario, number_, validator_);
  options.retention_blocks = scenario.retention_blocks;
  options.mempool_max = {scenario.mempool_transactions_max,
                         scenario.mempool_bytes_max != 0
                             ? scenario.mempool_bytes_max
                             : scenario.mempool_transactions_max * 1024};
  options.scrub_bytes_per_second = scenario.scrub_bytes_per_s;
  options.scrub_rest_us = kScrubRestUs;
  node::ValidatorCore::Environment around;
  around.validators = environment_->validators;
  around.leaders = environment_->leaders;
  around.signer = signer_.get();
  around.signatures = environment_->signatures;
  around.store = store_.get();
  around.database = database_.get();
  around.application = application_.get();
  around.output = this;
  around.sinks.event = [this](node::EngineEvent event, size_t bytes) {
    return Enqueue(std::move(event), bytes);
  };
  around.sinks.executed = [this](node::EngineEvent event) {
    KILN_CHECK(Enqueue(std::move(event), 0)) << "the inbox is full of execution results";
  };
  around.sinks.answer = [this](ValidatorIndex to, network::FramePtr frame) {
    environment_->host->OnSent(*this, to, nullptr, frame);
  };
  // Within the handling of a frame: the process ends after it.
  around.sinks.snapshot_ready = [this] {
    environment_->queue->At(now_us(), [this, life = life_] {
      if (life != life_) return;
      Crash(CrashKind::kProcessOnly);
      environment_->host->OnSnapshotFetched(*this);
    });
  };
  around.now_us = [this] { return Read().monotonic_us; };
  around.sinks.refused = [this](ValidatorIndex from, const absl::Status& why) {
    environment_->host->OnRefused(*this, from, why.message());
  };
  KILN_ASSIGN_OR_RETURN(core_, node::ValidatorCore::Recover(options, around, Read()));
  return absl::OkStatus();
}

absl::Status SimReplica::BeginRecovery() {
  KILN_ASSIGN_OR_RETURN(std::shared_ptr<storage::Database> database, disk_.Open());
  const SimRecovery::Around around{.genesis = environment_->genesis,
                                   .validators = environment_->validators,
                                   .leaders = environment_->leaders,
                                   .signatures = environment_->signatures,
                                   .send = [this](ValidatorIndex to, network::FramePtr frame) {
                                     environment_->host->OnSent(*this, to, nullptr, frame);
                                   }};
  KILN_ASSIGN_OR_RETURN(recovery_,
                        SimRecovery::Begin(around, validator_, std::move(database), &random_));
  return absl::OkStatus();
}

void SimReplica::AskWhereOthersStand() {
  recovery_->AskAgain();
  environment_->queue->At(now_us() + node::StandingQuery::kAskEveryUs, [this, life = life_] {
    if (life == life_) AskWhereOthersStand();
  });
}

void SimReplica::RecoverWith(ValidatorIndex from, const network::Frame& frame) {
  const absl::StatusOr<std::optional<consensus::SafetyRecord>> record =
      recovery_->Handle(from, frame);
  if (!record.ok()) return Stop(record.status());
  if (!record->has_value()) return;
  must_recover_ = false;
  Release();
  environment_->host->OnRecovered(*this, **record);
}

void SimReplica::Crash(CrashKind kind) {
  disk_.Crash(now_us(), kind, &random_);
  Release();
}

void SimReplica::Stop(const absl::Status& why) {
  environment_->host->OnStopped(*this, why);
  if (hears()) Crash(CrashKind::kProcessOnly);
}

// What is scheduled for this life finds another one.
void SimReplica::Release() {
  ++life_;
  if (core_ != nullptr) core_->replies().FailAll(absl::CancelledError("the validator stopped"));
  recovery_.reset();
  core_.reset();
  store_.reset();
  database_.reset();
  application_.reset();
  inbox_.reset();
}

// --- The replica's thread

bool SimReplica::Enqueue(node::EngineEvent event, size_t bytes) {
  if (!inbox_->TryPush(std::move(event), bytes)) return false;
  ScheduleRun(std::max(now_us(), cursor_us_));
  return true;
}

void SimReplica::ScheduleRun(uint64_t at_us) {
  at_us = std::max(at_us, paused_until_us_);
  if (run_at_us_ <= at_us) return;
  run_at_us_ = at_us;
  environment_->queue->At(at_us, [this, life = life_, at_us] {
    if (life != life_ || run_at_us_ != at_us) return;
    run_at_us_ = UINT64_MAX;
    if (now_us() < std::max(paused_until_us_, cursor_us_)) return ScheduleRun(cursor_us_);
    Run();
  });
}

void SimReplica::Run() {
  cursor_us_ = now_us();
  std::vector<node::EngineEvent> events;
  if (inbox_->size() > 0) {
    events = inbox_->TakeUpTo(node::ValidatorCore::kGroupEventsMax, absl::InfinitePast());
  }
  const uint64_t life = life_;
  const absl::Status status = core_->RunGroup(std::move(events), *this);
  if (life != life_) return;
  if (!status.ok()) return Stop(status);
  environment_->host->OnStatus(*this);
  if (life != life_) return;
  if (inbox_->size() > 0) ScheduleRun(cursor_us_);
  ScheduleTick();
}

void SimReplica::ScheduleTick() {
  const uint64_t deadline_us = core_->NextDeadline();
  if (deadline_us == UINT64_MAX) return;
  const uint64_t at_us = std::max({WorldTime(deadline_us), cursor_us_, now_us(), paused_until_us_});
  if (tick_at_us_ <= at_us && tick_at_us_ > now_us()) return;  // asks again by itself
  tick_at_us_ = at_us;
  environment_->queue->At(at_us, [this, life = life_, at_us] {
    if (life != life_ || tick_at_us_ != at_us) return;
    tick_at_us_ = UINT64_MAX;
    core_->replies().Expire(absl::FromUnixMicros(static_cast<int64_t>(now_us())));
    if (Read().monotonic_us < core_->NextDeadline()) return ScheduleTick();
    ScheduleRun(std::max(now_us(), cursor_us_));
  });
}

void SimReplica::Effect(absl::AnyInvocable<void() &&> action) {
  cursor_us_ = std::max(cursor_us_, now_us()) + 1;
  environment_->queue->At(cursor_us_, [this, life = life_, action = std::move(action)]() mutable {
    if (life != life_ || !environment_->host->OnEffect(*this)) return;
    std::move(action)();
  });
}

uint64_t SimReplica::SyncCompletes(size_t bytes) {
  const uint64_t usual_us = environment_->scenario->sync_us;
  const uint64_t takes_us =
      slow_sync_us_ != 0 ? slow_sync_us_ : usual_us / 2 + random_.Below(usual_us + 1);
  // A virtual disk writes some 250 bytes per microsecond.
  const uint64_t start_us = std::max({cursor_us_, disk_free_us_, now_us()});
  disk_free_us_ = start_us + takes_us + bytes / 250;
  cursor_us_ = disk_free_us_;
  // A crash may fall before the write, too.
  environment_->queue->At(start_us, [this, life = life_] {
    if (life == life_) environment_->host->OnEffect(*this);
  });
  return disk_free_us_;
}

// --- Effects

void SimReplica::Send(std::optional<ValidatorIndex> to, const consensus::Message& message) {
  Effect([this, to, message] {
    environment_->host->OnSent(*this, to, &message, network::EncodeFrame(message));
  });
}

void SimReplica::Fetch(ValidatorIndex from, const consensus::BlockRequest& request) {
  Effect([this, from, request] {
    environment_->host->OnSent(*this, from, nullptr, network::EncodeFrame(request));
  });
}

void SimReplica::Forward(const consensus::SharedBytes& batch) {
  Effect([this, batch] {
    environment_->host->OnSent(
        *this, std::nullopt, nullptr,
        network::EncodeFrame(network::TransactionBatch{.payload = batch, .index = nullptr}));
  });
}

void SimReplica::Committed(Height height) {
  Effect([this, height] {
    environment_->host->OnCommitted(*this, height);
    committed_ = std::max(committed_, height);
    ScheduleExecution();
  });
}

void SimReplica::Refused(const consensus::Refusal& refusal) {
  environment_->host->OnRefused(*this, refusal.from, refusal.cause);
}

// --- Execution, beside the replica

void SimReplica::ScheduleExecution() {
  if (executing_ || core_->executed_height() >= committed_) return;
  executing_ = true;
  const uint64_t at_us = std::max(now_us(), paused_until_us_) +
                         random_.Below(2 * environment_->scenario->execute_us + 1);
  environment_->queue->At(at_us, [this, life = life_] {
    if (life != life_) return;
    if (!environment_->host->OnEffect(*this)) return;
    executing_ = false;
    Execute();
  });
}

void SimReplica::Execute() {
  const Height next{core_->executed_height().value + 1};
  const uint64_t life = life_;
  const absl::Status status = core_->ExecuteNext(next);
  if (life != life_) return;
  if (!status.ok()) return Stop(status);
  environment_->host->OnExecuted(*this, next);
  ScheduleExecution();
  SchedulePruning();
}

// --- Pruning, beside both

void SimReplica::SchedulePruning() {
  if (pruning_ || environment_->scenario->retention_blocks == 0) return;
  pruning_ = true;
  const uint64_t at_us = std::max(now_us(), paused_until_us_) +
                         random_.Below(2 * environment_->scenario->execute_us + 1);
  environment_->queue->At(at_us, [this, life = life_] {
    if (life != life_) return;
    if (!environment_->host->OnEffect(*this)) return;
    pruning_ = false;
    Prune();
  });
}

// Roots that are served are worked out here too: production has a thread for them.
void SimReplica::TickSnapshotSync() {
  constexpr uint64_t kTickEveryUs = 100'000;
  while (core_->snapshots().WorkOne()) {
  }
  core_->TickSnapshots(Read().monotonic_us);
  environment_->queue->At(now_us() + kTickEveryUs, [this, life = life_] {
    if (life == life_) TickSnapshotSync();
  });
}

void SimReplica::Prune() {
  const absl::StatusOr<bool> pruned = core_->PruneStep();
  if (!pruned.ok()) return Stop(pruned.status());
  if (*pruned) SchedulePruning();
}

// --- The scrub, beside both

void SimReplica::ScheduleScrub(uint64_t at_us) {
  environment_->queue->At(std::max({at_us, now_us() + 1, paused_until_us_}), [this, life = life_] {
    if (life != life_) return;
    ScheduleScrub(WorldTime(core_->scrub()->Step(Read())));
  });
}

// --- What comes in

void SimReplica::Receive(ValidatorIndex from, const network::FramePtr& frame) {
  if (!hears()) return;
  if (now_us() >= paused_until_us_) {
    if (recovery_ != nullptr) return RecoverWith(from, *frame);
    return core_->peer_input().Handle(from, environment_->frames->Decode(frame), frame->bytes());
  }
  environment_->queue->At(paused_until_us_, [this, life = life_, from, frame] {
    if (life == life_) Receive(from, frame);
  });
}

void SimReplica::Connected(ValidatorIndex peer) {
  if (is_up()) Enqueue(consensus::Event(consensus::PeerConnected{peer}), 0);
}

void SimReplica::Disconnected(ValidatorIndex peer) {
  if (is_up()) Enqueue(consensus::Event(consensus::PeerDisconnected{peer}), 0);
}

void SimReplica::Submit(std::string batch, uint64_t deadline_us,
                        std::shared_ptr<network::SubmitSink> sink, bool may_be_barrier) {
  KILN_CHECK(is_up());
  core_->submission().Submit(0, std::move(batch),
                             absl::FromUnixMicros(static_cast<int64_t>(deadline_us)),
                             std::move(sink), may_be_barrier);
}

// --- Clocks

Now SimReplica::Read() {
  const uint64_t at_us = std::max(now_us(), cursor_us_);
  return {LocalMonotonic(at_us),
          static_cast<uint64_t>(static_cast<int64_t>(kWallStartUs + at_us) + wall_offset_us_)};
}

void SimReplica::SetDrift(double percent) {
  origin_local_us_ = LocalMonotonic(now_us());
  origin_world_us_ = now_us();
  rate_ = 1.0 + percent / 100.0;
  if (is_up()) {
    tick_at_us_ = UINT64_MAX;
    ScheduleTick();
  }
}

uint64_t SimReplica::LocalMonotonic(uint64_t world_us) const {
  if (rate_ == 1.0) return origin_local_us_ + (world_us - origin_world_us_);
  return origin_local_us_ +
         static_cast<uint64_t>(static_cast<double>(world_us - origin_world_us_) * rate_);
}

// When the local clock has reached `local_us` for certain.
uint64_t SimReplica::WorldTime(uint64_t local_us) const {
  if (local_us <= origin_local_us_) return origin_world_us_;
  if (rate_ == 1.0) return origin_world_us_ + (local_us - origin_local_us_);
  return origin_world_us_ + 2 +
         static_cast<uint64_t>(static_cast<double>(local_us - origin_local_us_) / rate_);
}

}  // namespace kiln::sim
