#include "tools/ledger_check.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/status_macros.h"
#include "tools/chain_target.h"
#include "tools/offline_home.h"

namespace kiln::tools {
namespace {

constexpr absl::Duration kStatusPollInterval = absl::Milliseconds(10);

absl::Status WaitForOne(const ClientOptions& one_endpoint, uint64_t height, uint64_t give_up_us) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, Client::Connect(one_endpoint));
  for (;;) {
    const absl::StatusOr<NodeStatus> status = client->GetStatus();
    if (status.ok() && status->committed_height >= height) return absl::OkStatus();
    if (SystemClock()->Read().monotonic_us >= give_up_us) {
      return absl::DeadlineExceededError(absl::StrCat(
          one_endpoint.endpoints.front(), " has not reached height ", height,
          status.ok() ? absl::StrCat(", it is at ", status->committed_height) : std::string()));
    }
    absl::SleepFor(kStatusPollInterval);
  }
}

}  // namespace

LostCount::LostCount(std::vector<Hash> acknowledged) : acknowledged_(std::move(acknowledged)) {
  std::sort(acknowledged_.begin(), acknowledged_.end());
  acknowledged_.erase(std::unique(acknowledged_.begin(), acknowledged_.end()), acknowledged_.end());
  lost_.assign(acknowledged_.size(), false);
}

absl::Status LostCount::CheckLedger(absl::FunctionRef<absl::Status(IdSink)> read) {
  std::vector<bool> seen(acknowledged_.size(), false);
  const absl::Status status = read([&](const Hash& id) {
    const auto found = std::lower_bound(acknowledged_.begin(), acknowledged_.end(), id);
    if (found == acknowledged_.end() || *found != id) return;
    seen[static_cast<size_t>(found - acknowledged_.begin())] = true;
  });
  for (size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]) lost_[i] = true;
  }
  return status;
}

uint64_t LostCount::lost() const {
  return static_cast<uint64_t>(std::count(lost_.begin(), lost_.end(), true));
}

absl::Status CheckStoredLedger(const std::string& home, const HeightRange& range, LostCount* lost) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, OpenStoredLedger(home));
  const uint64_t last = std::min(range.last, store->committed_height().value);
  return lost->CheckLedger([&](LostCount::IdSink visit) -> absl::Status {
    for (uint64_t height = range.first; height <= last; ++height) {
      KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store->BlockAt(Height{height}));
      for (const auto& entry : block->index->entries) visit(entry.id);
    }
    return absl::OkStatus();
  });
}

absl::Status CheckServedLedger(const ClientOptions& one_endpoint, const HeightRange& range,
                               LostCount* lost) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, Client::Connect(one_endpoint));
  return lost->CheckLedger([&](LostCount::IdSink visit) -> absl::Status {
    for (uint64_t height = range.first; height <= range.last; ++height) {
      KILN_ASSIGN_OR_RETURN(const BlockInfo block, client->GetBlock(height));
      for (const Hash& id : block.transaction_ids) visit(id);
    }
    return absl::OkStatus();
  });
}

absl::Status WaitForHeight(const ClientOptions& chain, uint64_t height, absl::Duration timeout) {
  const uint64_t give_up_us = SystemClock()->Read().monotonic_us +
                              static_cast<uint64_t>(absl::ToInt64Microseconds(timeout));
  for (size_t i = 0; i < chain.endpoints.size(); ++i) {
    KILN_RETURN_IF_ERROR(WaitForOne(OnlyAt(chain, i), height, give_up_us));
  }
  return absl::OkStatus();
}

}  // namespace kiln::tools
