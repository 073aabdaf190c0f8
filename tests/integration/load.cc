#include "tests/integration/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "tests/integration/test_process.h"
#include "tools/chain_target.h"
#include "tools/kv_application.h"

namespace kiln::integration {
namespace {

constexpr size_t kChunksInFlight = 4;  // transactions of one SubmitMany, in multiples of in_flight
constexpr size_t kErrorsShown = 5;

}  // namespace

bool IsOutcomeUnknown(const absl::Status& error) {
  return absl::IsUnavailable(error) || absl::IsDeadlineExceeded(error) || absl::IsCancelled(error);
}

Load::Load(const ClientOptions& chain, const LoadOptions& options)
    : chain_(chain), options_(options), run_(tools::FreshKey()) {
  for (size_t i = 0; i < options_.clients; ++i) threads_.emplace_back([this, i] { Run(i); });
}

Load::~Load() {
  Stop();
}

void Load::Stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool Load::WaitForMore(uint64_t count) {
  const uint64_t wanted = acknowledged() + count;
  if (WaitUntil([&] { return acknowledged() >= wanted; })) return true;
  absl::MutexLock lock(&mutex_);
  ADD_FAILURE() << wanted - acknowledged_.size() << " of " << count << " transactions are not yet "
                << "acknowledged; errors so far: " << errors_.size()
                << (errors_.empty() ? "" : ", the last: " + errors_.back().ToString());
  return false;
}

uint64_t Load::acknowledged() const {
  absl::MutexLock lock(&mutex_);
  return acknowledged_.size();
}

uint64_t Load::highest_height() const {
  absl::MutexLock lock(&mutex_);
  return highest_height_;
}

std::vector<Hash> Load::acknowledged_ids() const {
  absl::MutexLock lock(&mutex_);
  return acknowledged_;
}

std::vector<absl::Status> Load::errors() const {
  absl::MutexLock lock(&mutex_);
  return errors_;
}

void Load::ExpectOnlyUnknownOutcomes() const {
  for (const absl::Status& error : errors()) EXPECT_TRUE(IsOutcomeUnknown(error)) << error;
}

void Load::ExpectNoErrors() const {
  const std::vector<absl::Status> all = errors();
  EXPECT_EQ(all.size(), 0U);
  for (size_t i = 0; i < std::min(all.size(), kErrorsShown); ++i) ADD_FAILURE() << all[i];
}

void Load::Run(size_t index) {
  const size_t first = index % chain_.endpoints.size();
  absl::StatusOr<std::unique_ptr<Client>> client =
      Client::Connect(tools::StartingAt(chain_, first));
  KILN_CHECK_OK(client.status());
  while (!stopping_) {
    if (index % 2 == 0) {
      SubmitMany(**client, index);
    } else {
      SubmitOne(**client, index);
    }
  }
}

void Load::SubmitMany(Client& client, size_t index) {
  std::vector<Transaction> transactions;
  while (transactions.size() < options_.in_flight * kChunksInFlight) {
    transactions.push_back(Next(index));
  }
  // What SubmitMany returns says no more than the answers it gave.
  (void)client.SubmitMany(
      transactions, options_.in_flight, options_.submit_timeout,
      [&](size_t i, const absl::StatusOr<Receipt>& receipt) { Take(transactions[i], receipt); });
}

void Load::SubmitOne(Client& client, size_t index) {
  const Transaction transaction = Next(index);
  Take(transaction, client.Submit(transaction, options_.submit_timeout));
}

Transaction Load::Next(size_t index) {
  const std::string name = absl::StrCat("load-", run_, "-", index, "-", next_++);
  return {tools::EncodeKvPut(name, std::string(options_.value_bytes, 'v')), /*key=*/""};
}

void Load::Take(const Transaction& transaction, const absl::StatusOr<Receipt>& receipt) {
  absl::MutexLock lock(&mutex_);
  if (!receipt.ok()) return errors_.push_back(receipt.status());
  if (!receipt->reply.ok()) {
    return errors_.push_back(absl::InternalError(absl::StrCat(
        "reply ", receipt->reply.code, " to a fresh transaction: ", receipt->reply.bytes)));
  }
  acknowledged_.push_back(TransactionId(transaction));
  highest_height_ = std::max(highest_height_, receipt->height);
}

}  // namespace kiln::integration
