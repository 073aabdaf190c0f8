#include "node/engine.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "node/recovery.h"
#include "node/trusted_block.h"

namespace kiln::node {
namespace {

constexpr uint64_t kDropExpiredEveryBlocks = 64;

template <typename T>
void Append(std::vector<T>&& from, std::vector<T>* to) {
  to->insert(to->end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Engine::Engine(const EngineOptions& options, const EngineEnvironment& environment)
    : store_(environment.store),
      trusted_(options.trusted),
      replies_(environment.replies),
      output_(environment.output),
      profile_(environment.profile),
      mempool_(options.replica.limits, options.mempool_each_peer_max, environment.budget,
               environment.store->committed_height()),
      forwards_(options.replica.limits) {}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const EngineOptions& options,
                                                       const EngineEnvironment& environment,
                                                       Now now) {
  KILN_ASSIGN_OR_RETURN(consensus::RecoveredReplica recovered,
                        RecoverReplica(*environment.store, options.replica.self));
  std::unique_ptr<Engine> engine(new Engine(options, environment));
  consensus::PayloadSource* const payloads = engine.get();
  engine->replica_ = std::make_unique<consensus::Replica>(options.replica, environment.validators,
                                                          environment.leaders, environment.signer,
                                                          payloads, std::move(recovered), now);
  return engine;
}

void Engine::Start(Now now) {
  Keep(replica_->Start(now));
}

void Engine::Handle(const EngineEvent& event, Now now) {
  if (const auto* arrived = std::get_if<TransactionsArrived>(&event)) {
    Take(*arrived, now);
  } else {
    Step(std::get<consensus::Event>(event), now);
  }
}

void Engine::Take(const TransactionsArrived& arrived, Now now) {
  const bool was_empty = !HasTransactions();
  const size_t taken = mempool_.Add(arrived.batch, arrived.origin);
  if (taken == 0) return;
  if (!arrived.origin.has_value()) forwards_.Add(arrived.batch);
  if (was_empty) Step(consensus::TransactionsWaiting{}, now);
}

// A leader drops them as it builds; this is for whoever does not lead for long.
void Engine::DropExpired() {
  RefuseExpired(mempool_.DropExpired());
}

void Engine::RefuseExpired(const std::vector<Hash>& ids) {
  if (ids.empty()) return;
  KILN_MARK("a client is told that its transaction waited too long");
  replies_->RefuseIds(ids, absl::UnavailableError(
                               "the transaction waited too long to be ordered: submit it again"));
}

void Engine::Step(const consensus::Event& event, Now now) {
  Keep(replica_->Step(event, now));
}

void Engine::Keep(consensus::Effects effects) {
  if (effects.halt.has_value()) pending_.halt = std::move(effects.halt);
  // What an unflushed step promised covers nothing yet.
  const bool is_covered = !pending_.durable.safety.has_value();
  if (!is_covered && !effects.send_early.empty()) KILN_MARK("an early proposal waits for the disk");
  Append(std::move(effects.send_early), is_covered ? &pending_.send_early : &pending_.send);
  if (effects.durable.safety.has_value())
    pending_.durable.safety = std::move(effects.durable.safety);
  Append(std::move(effects.durable.blocks), &pending_.durable.blocks);
  Append(std::move(effects.durable.commits), &pending_.durable.commits);
  Append(std::move(effects.send), &pending_.send);
  Append(std::move(effects.fetch), &pending_.fetch);
  Append(std::move(effects.refusals), &pending_.refusals);
}

absl::Status Engine::Flush() {
  const consensus::Effects effects = std::exchange(pending_, consensus::Effects());
  for (const consensus::Refusal& refusal : effects.refusals) output_->Refused(refusal);
  if (effects.halt.has_value()) {
    return absl::AbortedError(absl::StrCat("height ", effects.halt->height.value, ": ",
                                           effects.halt->cause, "; ", effects.halt->what_to_do));
  }
  // Neither promises anything.
  Forward();
  for (const consensus::Fetch& fetch : effects.fetch) output_->Fetch(fetch.from, fetch.request);
  SendAll(effects.send_early);
  if (trusted_.has_value()) {
    for (const consensus::Commit& commit : effects.durable.commits) {
      KILN_RETURN_IF_ERROR(CheckTrusted(*trusted_, commit));
    }
  }
  KILN_RETURN_IF_ERROR(Persist(effects.durable));
  SendAll(effects.send);
  if (!effects.durable.commits.empty()) {
    output_->Committed(effects.durable.commits.back().blocks.back()->header.height);
  }
  return absl::OkStatus();
}

void Engine::Forward() {
  const consensus::ReplicaStatus now = replica_->status();
  for (const consensus::SharedBytes& batch :
       forwards_.Take({.round = now.round, .votes_signed = now.votes_signed})) {
    output_->Forward(batch);
  }
}

absl::Status Engine::Persist(const consensus::DurableWrite& write) {
  if (write.empty()) return absl::OkStatus();
  StageTimer timer(profile_, Stage::kPersist);
  for (const consensus::BlockPtr& block : write.blocks) {
    timer.AddItems(block->index->entries.size());
    if (profile_ != nullptr && block->has_transactions()) {
      profile_->BlockSeen(block->header.height);
    }
  }
  KILN_RETURN_IF_ERROR(store_->Persist(write));
  timer.End();
  if (profile_ == nullptr) return absl::OkStatus();
  for (const consensus::BlockPtr& block : write.blocks) {
    profile_->BlockDurable(block->header.height);
  }
  for (const consensus::Commit& commit : write.commits) {
    for (const consensus::BlockPtr& block : commit.blocks) {
      profile_->BlockCommitted(block->header.height);
    }
  }
  return absl::OkStatus();
}

void Engine::SendAll(const std::vector<consensus::Outbound>& messages) {
  if (messages.empty()) return;
  const StageTimer timer(profile_, Stage::kSend, messages.size());
  for (const consensus::Outbound& outbound : messages) {
    output_->Send(outbound.to, outbound.message);
  }
}

// All that is not committed counts: while a transaction is in an uncommitted block, and until it is
// known that the block will stay, leaders have reason to go on.
bool Engine::HasTransactions() const {
  return mempool_.total().transactions > 0;
}

void Engine::Committed(const consensus::BlockPtr& block) {
  mempool_.Remove(block);
  if (block->header.height.value % kDropExpiredEveryBlocks == 0) DropExpired();
}

consensus::PayloadSource::Payload Engine::Build(Height height,
                                                absl::Span<const consensus::BlockPtr> ancestors) {
  BuiltPayload built = mempool_.BuildPayload(height, ancestors);
  RefuseExpired(built.expired);
  return {std::move(built.payload), std::move(built.index)};
}

}  // namespace kiln::node
