#include "tests/soak/register_load.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/clock.h"
#include "tests/integration/test_process.h"
#include "tests/linearizability/checker.h"
#include "tools/chain_target.h"
#include "tools/kv_application.h"

namespace kiln::soak {

RegisterLoad::RegisterLoad(const ClientOptions& chain, const RegisterLoadOptions& options)
    : chain_(chain), options_(options), run_(tools::FreshKey()), log_(options.registers) {
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

bool RegisterLoad::WaitForMore(uint64_t operations) const {
  const uint64_t wanted = counts().answered() + operations;
  if (integration::WaitUntil([&] { return counts().answered() >= wanted; })) return true;
  ADD_FAILURE() << wanted - counts().answered() << " of " << operations
                << " operations on registers are not yet answered";
  return false;
}

void RegisterLoad::ExpectLinearizable(const std::string& folder) const {
  const std::vector<linearizability::RegisterHistory> histories = log_.histories();
  for (size_t reg = 0; reg < histories.size(); ++reg) {
    const absl::Status checked = linearizability::CheckRegister(histories[reg]);
    if (checked.ok()) continue;
    const std::string path = absl::StrCat(folder, "/", KeyOf(reg), ".txt");
    std::ofstream file(path);
    for (const auto& operation : histories[reg]) file << Describe(operation) << "\n";
    ADD_FAILURE() << checked << "; the history is in " << path;
  }
  for (const absl::Status& error : log_.unexpected()) ADD_FAILURE() << error;
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
  CallTime time = {.called_us = SystemClock()->Read().monotonic_us};
  const absl::StatusOr<Answer> answer =
      client.Query(KeyOf(reg), kiln::Read::kLinearizable, options_.timeout);
  time.returned_us = SystemClock()->Read().monotonic_us;
  log_.TakeRead(reg, time, answer);
}

void RegisterLoad::Write(Client& client, size_t reg) {
  const uint64_t value = log_.NextValue();
  const Transaction put = {tools::EncodeKvPut(KeyOf(reg), absl::StrCat(value)), ""};
  CallTime time = {.called_us = SystemClock()->Read().monotonic_us};
  const absl::StatusOr<Receipt> receipt = client.Submit(put, options_.timeout);
  time.returned_us = SystemClock()->Read().monotonic_us;
  log_.TakeWrite({.reg = reg, .value = value, .id = TransactionId(put)}, time, receipt);
}

std::string RegisterLoad::KeyOf(size_t reg) const {
  return absl::StrCat("register-", run_, "-", reg);
}

}  // namespace kiln::soak
