#include "node/validator_core.h"

#include <utility>

#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/effects.h"

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
  return engine;
}

}  // namespace

ValidatorCore::ValidatorCore(const Options& options, const Environment& environment)
    : options_(options),
      environment_(environment),
      window_(options.genesis.limits.duplicate_window_blocks),
      snapshots_(options.genesis.limits, environment.store, options.snapshots_kept),
      replies_(environment.profile),
      shares_(MempoolShares::Divide(options.mempool_max, environment.validators->size())),
      budget_(shares_.own) {}

absl::StatusOr<std::unique_ptr<ValidatorCore>> ValidatorCore::Recover(
    const Options& options, const Environment& environment, Now now) {
  std::unique_ptr<ValidatorCore> core(new ValidatorCore(options, environment));
  KILN_RETURN_IF_ERROR(core->Replay());
  KILN_RETURN_IF_ERROR(core->MakeEngine(now));
  core->MakeInputs();
  return core;
}

absl::Status ValidatorCore::Replay() {
  storage::Store& store = *environment_.store;
  KILN_RETURN_IF_ERROR(window_.Restore(store));
  KILN_RETURN_IF_ERROR(snapshots_.Restore());
  uint64_t total_transactions = 0;
  if (const Height executed = store.executed_state().height; executed.value > 0) {
    KILN_ASSIGN_OR_RETURN(const storage::BlockResults results, store.ResultsAt(executed));
    total_transactions = results.total_transactions;
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

void ValidatorCore::MakeInputs() {
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
      Submission::Hooks{.enqueue = sinks.event, .deadline_added = sinks.deadline_added},
      environment_.profile);
  peer_input_ = std::make_unique<PeerInput>(
      options_.genesis, environment_.validators, environment_.leaders, environment_.signatures,
      environment_.store, &window_, environment_.vote_log,
      PeerInput::Sinks{.event = sinks.event,
                       .answer =
                           [this](ValidatorIndex to, network::FramePtr frame) {
                             if (!failed_) environment_.sinks.answer(to, std::move(frame));
                           },
                       .refused = sinks.refused},
      environment_.profile);
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
  for (const EngineEvent& event : events) engine_->Handle(event, clock.Read());
  const Now now = clock.Read();
  if (now.monotonic_us >= engine_->NextDeadline()) {
    engine_->Handle(consensus::Event(consensus::Tick{}), now);
  }
  timer.End();
  peer_input_->SetCertifiedRound(engine_->status().high_qc_round);
  return Flush();
}

// Execution may have failed meanwhile, on its own thread.
absl::Status ValidatorCore::Flush() {
  return failed_ ? failure() : NoteFailure(engine_->Flush());
}

absl::Status ValidatorCore::ExecuteNext(Height height) {
  return NoteFailure(runner_->ExecuteNext(height));
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
