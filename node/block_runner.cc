#include "node/block_runner.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "consensus/block.h"
#include "node/receipts.h"

namespace kiln::node {

BlockRunner::BlockRunner(const ChainLimits& limits, storage::Store* store,
                         const DuplicateWindow* window, Executor* executor, PendingReplies* replies,
                         std::shared_ptr<CommitSubscribers> subscribers, Executed executed,
                         StageProfile* profile)
    : limits_(limits),
      store_(store),
      window_(window),
      executor_(executor),
      replies_(replies),
      subscribers_(std::move(subscribers)),
      executed_(std::move(executed)),
      profile_(profile),
      executed_height_(executor->executed().height.value),
      total_transactions_(executor->total_transactions()) {}

absl::Status BlockRunner::ExecuteNext(Height height) {
  if (profile_ != nullptr) profile_->BlockStarted(height);
  KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store_->BlockAt(height));
  KILN_ASSIGN_OR_RETURN(const ExecutedBlock executed, executor_->Execute(block));
  total_transactions_ = executor_->total_transactions();
  executed_height_ = height.value;

  StageTimer timer(profile_, Stage::kAnswer, block->index->entries.size());
  consensus::SharedBytes finality;
  const auto get_finality = [&]() -> absl::StatusOr<consensus::SharedBytes> {
    if (finality != nullptr) return finality;
    absl::StatusOr<std::string> proof = store_->FinalityAt(height);
    if (!proof.ok()) return proof.status();
    finality = std::make_shared<const std::string>(*std::move(proof));
    return finality;
  };
  replies_->Resolve(executed, get_finality, [this](absl::Span<const Hash> ids) {
    return FindRecentReceipts(*store_, *window_, ids);
  });
  if (!subscribers_->empty()) {
    if (const absl::StatusOr<consensus::SharedBytes> proof = get_finality(); proof.ok()) {
      Notify(executed, *proof);
    }
  }
  timer.End();
  if (profile_ != nullptr) profile_->BlockAnswered(height);
  executed_(height, executed.state_root);
  return absl::OkStatus();
}

void BlockRunner::Notify(const ExecutedBlock& executed, const consensus::SharedBytes& finality) {
  const consensus::Block& block = *executed.block;
  std::vector<absl::string_view> transactions;
  for (size_t i = 0; i < block.index->entries.size(); ++i) {
    if (executed.results.replies[i].code >= Reply::kFirstEngineCode) continue;
    const absl::StatusOr<consensus::Envelope> envelope =
        consensus::DecodeEnvelope(block.index->EnvelopeAt(*block.payload, i), limits_);
    if (envelope.ok() && !envelope->payload.empty()) transactions.push_back(envelope->payload);
  }
  subscribers_->Notify({.height = block.header.height.value,
                        .time = absl::FromUnixMicros(static_cast<int64_t>(block.header.time_us)),
                        .transactions = transactions},
                       {.block_id = block.id, .inclusion = "", .finality = *finality});
}

}  // namespace kiln::node
