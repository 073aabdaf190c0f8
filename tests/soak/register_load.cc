#include "tests/soak/register_load.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/clock.h"
#include "tests/integration/load.h"
#include "tests/integration/test_process.h"
#include "tests/linearizability/checker.h"
#include "tools/chain_target.h"
#include "tools/kv_application.h"

namespace kiln::soak {

using linearizability::Operation;

RegisterLoad::RegisterLoad(const ClientOptions& chain, const RegisterLoadOptions& options)
    : chain_(chain), options_(options), run_(tools::FreshKey()), histories_(options.registers) {
  for (size_t i = 0; i < options_.clients; ++i) threads_.emplace_back([this, i] { Run(i); });
}

RegisterLoad::~RegisterLoad() {
  Stop();
}

void RegisterLoad::Stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

RegisterLoad::Counts RegisterLoad::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

bool RegisterLoad::WaitForMore(uint64_t operations) const {
  const uint64_t wanted = counts().answered() + operations;
  if (integration::WaitUntil([&] { return counts().answered() >= wanted; })) return true;
  ADD_FAILURE() << wanted - counts().answered() << " of " << operations
                << " operations on registers are not yet answered";
  return false;
}

void RegisterLoad::ExpectLinearizable(const std::string& folder) const {
  absl::MutexLock lock(&mutex_);
  for (size_t reg = 0; reg < histories_.size(); ++reg) {
    const absl::Status checked = linearizability::CheckRegister(histories_[reg]);
    if (checked.ok()) continue;
    const std::string path = absl::StrCat(folder, "/", KeyOf(reg), ".txt");
    std::ofstream file(path);
    for (const Operation& operation : histories_[reg]) file << Describe(operation) << "\n";
    ADD_FAILURE() << checked << "; the history is in " << path;
  }
  for (const absl::Status& error : unexpected_) ADD_FAILURE() << error;
}

std::vector<Hash> RegisterLoad::acknowledged_ids() const {
  absl::MutexLock lock(&mutex_);
  return acknowledged_;
}

void RegisterLoad::Run(size_t index) {
  std::mt19937_64 random(options_.seed + index);
  const size_t first = index % chain_.endpoints.size();
  ClientOptions chain = tools::StartingAt(chain_, first);
  chain.attempt_timeout = options_.timeout / 2;  // time for a second validator
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(std::move(chain));
  KILN_CHECK_OK(client.status());
  while (!stopping_) {
    const size_t reg = random() % options_.registers;
    if (random() % 2 == 0) {
      Read(**client, reg);
    } else {
      Write(**client, reg);
    }
  }
}

void RegisterLoad::Read(Client& client, size_t reg) {
  Operation operation = {.kind = Operation::Kind::kRead,
                         .called_us = SystemClock()->Read().monotonic_us};
  const absl::StatusOr<Answer> answer =
      client.Query(KeyOf(reg), kiln::Read::kLinearizable, options_.timeout);
  operation.returned_us = SystemClock()->Read().monotonic_us;
  absl::MutexLock lock(&mutex_);
  if (!answer.ok() && !absl::IsNotFound(answer.status())) {
    return TakeError(answer.status(), /*is_write=*/false);
  }
  if (answer.ok() && !absl::SimpleAtoi(answer->value, &operation.value)) {
    unexpected_.push_back(absl::DataLossError(absl::StrCat("a register holds ", answer->value)));
    return;
  }
  ++counts_.reads;
  histories_[reg].push_back(operation);
}

void RegisterLoad::Write(Client& client, size_t reg) {
  Operation operation = {.kind = Operation::Kind::kWrite, .value = ++last_written_};
  const Transaction put = {tools::EncodeKvPut(KeyOf(reg), absl::StrCat(operation.value)), ""};
  operation.called_us = SystemClock()->Read().monotonic_us;
  const absl::StatusOr<Receipt> receipt = client.Submit(put, options_.timeout);
  const uint64_t returned_us = SystemClock()->Read().monotonic_us;
  absl::MutexLock lock(&mutex_);
  if (receipt.ok() && receipt->reply.ok()) {
    operation.returned_us = returned_us;
    acknowledged_.push_back(TransactionId(put));
    ++counts_.writes;
  } else {
    TakeError(receipt.ok() ? absl::InternalError(receipt->reply.bytes) : receipt.status(),
              /*is_write=*/true);
  }
  histories_[reg].push_back(operation);
}

void RegisterLoad::TakeError(const absl::Status& error, bool is_write) {
  ++(is_write ? counts_.unknown_writes : counts_.unanswered_reads);
  if (!integration::IsOutcomeUnknown(error)) unexpected_.push_back(error);
}

std::string RegisterLoad::KeyOf(size_t reg) const {
  return absl::StrCat("register-", run_, "-", reg);
}

}  // namespace kiln::soak
