#include "node/validator_core.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/effects.h"
#include "node/trusted_block.h"
#include "storage/application_rollback.h"

namespace kiln::node {
namespace {

constexpr uint64_t kReplayReportEveryBlocks = 10'000;

EngineOptions MakeEngineOptions(const ValidatorCore::Options& options,
                                const MempoolShares& shares) {
  EngineOptions engine;
  engine.replica.self = options.self;
  engine.replica.chain_id = options.genesis.ChainId();
  engine.replica.limits = options.genesis.limits;
  engine.replica.pacemaker = options.pacemaker;
  engine.replica.listen_us = options.listen_us;
  engine.replica.halts_at_unknown_signatures = options.halts_at_unknown_signatures;
  engine.mempool_each_peer_max = shares.each_peer;
  engine.trusted = options.trusted;
  return engine;
}

}  // namespace

ValidatorCore::ValidatorCore(const Options& options, const Environment& environment)
    : options_(options),
      environment_(environment),
      window_(options.genesis.limits.duplicate_window_blocks),
      snapshots_(options.genesis.limits, environment.store, options.snapshots_kept),
      pruner_(options.genesis.limits, environment.store, options.retention_blocks),
      replies_(environment.profile),
      shares_(MempoolShares::Divide(options.mempool_max, environment.validators->size())),
      budget_(shares_.own) {}

absl::StatusOr<std::unique_ptr<ValidatorCore>> ValidatorCore::Recover(
    const Options& options, const Environment& environment, Now now) {
  std::unique_ptr<ValidatorCore> core(new ValidatorCore(options, environment));
  if (options.trusted.has_value()) {
    KILN_RETURN_IF_ERROR(CheckTrusted(*options.trusted, *environment.store));
  }
  KILN_RETURN_IF_ERROR(core->Replay());
  KILN_RETURN_IF_ERROR(core->MakeEngine(now));
  KILN_RETURN_IF_ERROR(core->MakeScrub());
  KILN_RETURN_IF_ERROR(core->MakeInputs());
  return core;
}

absl::Status ValidatorCore::Replay() {
  storage::Store& store = *environment_.store;
  KILN_RETURN_IF_ERROR(storage::WithWayOut(window_.Restore(store), store));
  KILN_RETURN_IF_ERROR(snapshots_.Restore());
  uint64_t total_transactions = 0;
  {
    KILN_ASSIGN_OR_RETURN(const storage::HeightState executed,
                          store.StateAt(store.executed_state().height));
    total_transactions = executed.total_transactions;
  }
  executor_ =
      std::make_unique<Executor>(options_.genesis.limits, &store, environment_.application,
                                 &window_, &snapshots_, total_transactions, environment_.profile);
  const Height committed = store.committed_height();
  for (Height next{executor_->executed().height.value + 1}; next <= committed; ++next.value) {
    KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store.BlockAt(next));
    KILN_MARK("a start executes what was committed before");
    KILN_RETURN_IF_ERROR(executor_->Execute(block).status());
    if (next.value % kReplayReportEveryBlocks == 0 && environment_.replaying != nullptr) {
      environment_.replaying(next, committed);
    }
  }
  return absl::OkStatus();
}

absl::Status ValidatorCore::MakeEngine(Now now) {
  KILN_ASSIGN_OR_RETURN(engine_, Engine::Create(MakeEngineOptions(options_, shares_),
                                                {.validators = environment_.validators,
                                                 .leaders = environment_.leaders,
                                                 .signer = environment_.signer,
                                                 .store = environment_.store,
                                                 .budget = &budget_,
                                                 .replies = &replies_,
                                                 .output = environment_.output,
                                                 .profile = environment_.profile},
                                                now));
  return absl::OkStatus();
}

absl::Status ValidatorCore::MakeScrub() {
  if (options_.scrub_bytes_per_second == 0 || environment_.database == nullptr) {
    return absl::OkStatus();
  }
  const Scrub::Options options{.genesis = options_.genesis,
                               .self = options_.self,
                               .bytes_per_second = options_.scrub_bytes_per_second,
                               .rest_us = options_.scrub_rest_us};
  const Sinks& sinks = environment_.sinks;
  KILN_ASSIGN_OR_RETURN(
      scrub_, Scrub::Create(options,
                            {.store = environment_.store,
                             .database = environment_.database,
                             .signatures = environment_.signatures,
                             .snapshots = &snapshots_,
                             .ask =
                                 [this](ValidatorIndex to, const consensus::BlockRequest& request) {
                                   SendFrame(to, network::EncodeFrame(request));
                                 },
                             .state_lost = [this](absl::Status why) { NoteStateLost(why); },
                             .found = sinks.damage_found,
                             .mended = sinks.block_mended,
                             .passed = sinks.scrub_passed}));
  return absl::OkStatus();
}

void ValidatorCore::NoteStateLost(const absl::Status& why) {
  const absl::Status damaged =
      absl::DataLossError(absl::StrCat("the application's state is damaged: ", why.message()));
  NoteFailure(storage::WithWayOut(damaged, *environment_.store)).IgnoreError();
}

void ValidatorCore::SendFrame(ValidatorIndex to, network::FramePtr frame) {
  if (!failed_) environment_.sinks.answer(to, std::move(frame));
}

absl::Status ValidatorCore::MakeInputs() {
  const Sinks& sinks = environment_.sinks;
  const ChainLimits& limits = options_.genesis.limits;
  runner_ = std::make_unique<BlockRunner>(
      limits, environment_.store, &window_, executor_.get(), &replies_, subscribers_,
      [this](Height height, const Hash& root) {
        environment_.sinks.executed(consensus::Event(consensus::BlockExecuted{height, root}));
      },
      environment_.profile);
  submission_ = std::make_unique<Submission>(
      limits, environment_.store, environment_.application, &window_, &budget_, &replies_,
      Submission::Hooks{.enqueue = sinks.event,
                        .deadline_added = sinks.deadline_added,
                        .now_us = environment_.now_us},
      environment_.profile);
  const auto answer = [this](ValidatorIndex to, network::FramePtr frame) {
    SendFrame(to, std::move(frame));
  };
  const auto offer_to_scrub = [this](ValidatorIndex from, const consensus::Blocks& blocks) {
    return scrub_ != nullptr && scrub_->Offer(from, blocks);
  };
  snapshot_answers_ = std::make_unique<SnapshotAnswers>(
      options_.genesis, environment_.validators->size(), environment_.store, &snapshots_);
  snapshot_sync_ = std::make_unique<SnapshotSync>(
      options_.genesis, options_.self, environment_.validators, environment_.signatures,
      environment_.store,
      SnapshotSync::Options{.trusted = options_.trusted,
                            .catch_up_blocks = options_.snapshot_catch_up_blocks,
                            .archive = options_.archive},
      SnapshotSync::Sinks{.send = answer, .ready = sinks.snapshot_ready});
  KILN_RETURN_IF_ERROR(snapshot_sync_->Restore());
  peer_input_ = std::make_unique<PeerInput>(options_.genesis, environment_.validators,
                                            environment_.leaders, environment_.signatures,
                                            environment_.store, &window_, snapshot_answers_.get(),
                                            snapshot_sync_.get(), environment_.vote_log,
                                            PeerInput::Sinks{.event = sinks.event,
                                                             .answer = answer,
                                                             .refused = sinks.refused,
                                                             .blocks = offer_to_scrub,
                                                             .now_us = environment_.now_us},
                                            environment_.profile);
  return absl::OkStatus();
}

absl::Status ValidatorCore::Start(Clock& clock) {
  engine_->Start(clock.Read());
  return Flush();
}

absl::Status ValidatorCore::RunGroup(std::vector<EngineEvent> events, Clock& clock) {
  KILN_CHECK_LE(events.size(), kGroupEventsMax);
  if (failed_) return failure();
  if (events.size() > 1) KILN_MARK("several events share one write");
  StageTimer timer(environment_.profile, Stage::kStep, events.size());
  HoldBlocks(clock);
  for (const EngineEvent& event : events) engine_->Handle(event, clock.Read());
  const Now now = clock.Read();
  if (now.monotonic_us >= engine_->NextDeadline()) {
    engine_->Handle(consensus::Event(consensus::Tick{}), now);
  }
  timer.End();
  const consensus::ReplicaStatus status = engine_->status();
  peer_input_->SetCertifiedRound(status.high_qc_round);
  const bool is_behind = status.catching_up_to > status.committed_height;
  snapshot_sync_->NoteBehind(is_behind ? status.catching_up_to.value - status.committed_height.value
                                       : 0);
  return Flush();
}

void ValidatorCore::HoldBlocks(Clock& clock) {
  const bool holds = snapshot_sync_->holds_blocks();
  if (std::exchange(holds_blocks_, holds) == holds) return;
  engine_->Handle(consensus::Event(consensus::BlocksHeld{holds}), clock.Read());
}

// Execution may have failed meanwhile, on its own thread.
absl::Status ValidatorCore::Flush() {
  return failed_ ? failure() : NoteFailure(engine_->Flush());
}

absl::Status ValidatorCore::ExecuteNext(Height height) {
  absl::Status executed = NoteFailure(runner_->ExecuteNext(height));
  pruner_.Wake();
  return executed;
}

absl::StatusOr<bool> ValidatorCore::PruneStep() {
  if (failed_) return false;
  absl::StatusOr<bool> pruned = pruner_.Step();
  if (!pruned.ok()) return NoteFailure(Annotate(pruned.status(), "pruning"));
  return pruned;
}

absl::Status ValidatorCore::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

absl::Status ValidatorCore::NoteFailure(absl::Status status) {
  if (status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  if (failure_.ok()) failure_ = status;
  failed_ = true;
  return status;
}

}  // namespace kiln::node
