#include "node/execution.h"

#include <exception>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "node/application_root.h"
#include "node/id_table.h"
#include "node/state_overlay.h"
#include "storage/application_rollback.h"

namespace kiln::node {
namespace {

// What an application must not do, in the words of its author.
absl::Status CheckEffects(const Effects& effects, size_t transaction_count) {
  if (effects.replies.size() != transaction_count) {
    return absl::FailedPreconditionError(absl::StrCat("the application gave ",
                                                      effects.replies.size(), " replies for ",
                                                      transaction_count, " transactions"));
  }
  for (const Reply& reply : effects.replies) {
    if (reply.code >= Reply::kFirstEngineCode) {
      return absl::FailedPreconditionError(absl::StrCat("the application replied with code ",
                                                        reply.code, ", which is the engine's"));
    }
  }
  if (!effects.validators.empty()) {
    return absl::UnimplementedError(
        "the application changed the validators, which this version cannot do");
  }
  return absl::OkStatus();
}

}  // namespace

Executor::Executor(const ChainLimits& limits, storage::Store* store, Application* application,
                   DuplicateWindow* window, Snapshots* snapshots, uint64_t total_transactions,
                   StageProfile* profile)
    : limits_(limits),
      store_(store),
      application_(application),
      window_(window),
      snapshots_(snapshots),
      profile_(profile),
      state_(store->executed_state()),
      total_transactions_(total_transactions) {}

absl::StatusOr<ExecutedBlock> Executor::Execute(const consensus::BlockPtr& block) {
  KILN_CHECK_EQ(block->header.height.value, state_.height.value + 1);
  absl::StatusOr<ExecutedBlock> executed = ExecuteNext(block);
  if (executed.ok()) return executed;
  return Annotate(executed.status(), absl::StrCat("executing height ", block->header.height.value,
                                                  ", block ", block->id.ToHex()));
}

absl::StatusOr<ExecutedBlock> Executor::ExecuteNext(const consensus::BlockPtr& block) {
  KILN_RETURN_IF_ERROR(snapshots_->TakeIfDue());
  StageTimer timer(profile_, Stage::kExecute, block->index->entries.size());
  const storage::Store::View view = store_->state_view();
  KILN_CHECK_EQ(view.height, state_.height);
  Selection selection = Select(*block);
  StateOverlay overlay(view.state);
  absl::StatusOr<Effects> ran = RunApplication(*block, selection.shown, overlay);
  // First: what the application says of a disk that cannot be read is not its own fault.
  KILN_RETURN_IF_ERROR(storage::WithWayOut(overlay.status(), *store_));
  KILN_ASSIGN_OR_RETURN(Effects effects, std::move(ran));
  KILN_RETURN_IF_ERROR(CheckEffects(effects, selection.shown.size()));

  ExecutedBlock executed;
  executed.block = block;
  executed.results.total_transactions = total_transactions_ + selection.shown.size();
  executed.events = std::move(effects.events);
  executed.results.replies = std::move(selection.replies);
  for (size_t i = 0; i < selection.positions.size(); ++i) {
    executed.results.replies[selection.positions[i]] = std::move(effects.replies[i]);
  }
  executed.results.ids.reserve(block->index->entries.size());
  for (const auto& entry : block->index->entries) {
    executed.results.ids.push_back(PrefixOf(entry.id));
  }
  const std::vector<storage::StateWrite> writes = std::move(overlay).TakeWrites();
  executed.results.state = state_;  // channels and validators stay as they are
  executed.results.state.height = block->header.height;
  executed.results.state.time_us = block->header.time_us;
  executed.results.state.epoch = block->header.epoch;
  executed.results.state.application_root =
      ApplicationRoot(state_.application_root, block->header.height, writes,
                      executed.results.replies, executed.events);
  KILN_RETURN_IF_ERROR(
      storage::WithWayOut(snapshots_->Name(state_, &executed.results.state), *store_));
  executed.state_root = executed.results.state.Root();
  timer.Next(Stage::kApply, writes.size());
  KILN_RETURN_IF_ERROR(store_->ApplyBlock(writes, executed.results));
  window_->Add(block->header.height, selection.executed);
  state_ = executed.results.state;
  total_transactions_ = executed.results.total_transactions;
  return executed;
}

Executor::Selection Executor::Select(const consensus::Block& block) const {
  const size_t count = block.index->entries.size();
  const Height height = block.header.height;
  Selection selection;
  selection.replies.resize(count);
  const std::vector<uint32_t> known = window_->FindExecuted(*block.index);
  auto next_known = known.begin();
  absl::flat_hash_set<storage::TransactionIdPrefix> executed;  // lookup only
  executed.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    const bool in_window = next_known != known.end() && *next_known == i;
    if (in_window) ++next_known;
    const absl::StatusOr<consensus::Envelope> envelope =
        consensus::DecodeEnvelope(block.index->EnvelopeAt(*block.payload, i), limits_);
    KILN_CHECK(envelope.ok()) << envelope.status();  // was checked when the payload was indexed
    const storage::TransactionIdPrefix id = PrefixOf(block.index->entries[i].id);
    if (!MayExecuteAt(height, envelope->last_height, limits_.duplicate_window_blocks)) {
      KILN_MARK("an expired transaction in a block is set aside");
      selection.replies[i].code = Reply::kExpired;
    } else if (in_window || !executed.insert(id).second) {
      KILN_MARK("a duplicate in a block is set aside");
      selection.replies[i].code = Reply::kDuplicate;
    } else {
      selection.executed.push_back(id);
      if (envelope->payload.empty()) continue;  // a barrier
      selection.shown.push_back(envelope->payload);
      selection.positions.push_back(i);
    }
  }
  return selection;
}

absl::StatusOr<Effects> Executor::RunApplication(const consensus::Block& block,
                                                 const std::vector<absl::string_view>& transactions,
                                                 State& state) const {
  const Block shown = {.height = block.header.height.value,
                       .time = absl::FromUnixMicros(static_cast<int64_t>(block.header.time_us)),
                       .transactions = transactions};
  try {
    absl::StatusOr<Effects> effects = application_->Execute(shown, state);
    if (!effects.ok()) return Annotate(effects.status(), "the application refused the block");
    return effects;
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the application threw: ", error.what()));
  } catch (...) {
    return absl::InternalError("the application threw something that is no std::exception");
  }
}

}  // namespace kiln::node
