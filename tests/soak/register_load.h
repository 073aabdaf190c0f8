// Clients that write and read a few registers.
#ifndef KILN_TESTS_SOAK_REGISTER_LOAD_H_
#define KILN_TESTS_SOAK_REGISTER_LOAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "kiln/client.h"
#include "tests/soak/register_log.h"

namespace kiln::soak {

struct RegisterLoadOptions {
  size_t clients = 24;
  size_t registers = 4;
  // Of an operation. Short, so that a fault leaves outcomes unknown.
  absl::Duration timeout = absl::Seconds(1);
  uint64_t seed = 0;  // of which operation comes next
};

// Each register is a key of the key-value store. Reads are linearizable ones. No operation is tried
// again. Thread-safe.
class RegisterLoad {
 public:
  RegisterLoad(const ClientOptions& chain, const RegisterLoadOptions& options);
  ~RegisterLoad();
  RegisterLoad(const RegisterLoad&) = delete;
  RegisterLoad& operator=(const RegisterLoad&) = delete;

  RegisterLog::Counts counts() const { return log_.counts(); }
  // Until this many operations more are answered; fails the test when they are not.
  [[nodiscard]] bool WaitForMore(uint64_t operations) const;
  // Returns when every operation has ended. Idempotent.
  void Stop();

  // REQUIRES of the rest: stopped. Fails the test for each register whose history is not
  // linearizable, and writes that history into `folder`; likewise for errors that do not mean
  // "outcome unknown".
  void ExpectLinearizable(const std::string& folder) const;
  std::vector<Hash> acknowledged_ids() const { return log_.acknowledged_ids(); }

 private:
  void Run(size_t index);
  void Read(Client& client, size_t reg);
  void Write(Client& client, size_t reg);
  std::string KeyOf(size_t reg) const;

  const ClientOptions chain_;
  const RegisterLoadOptions options_;
  const std::string run_;  // tells these registers from those of another load
  std::atomic<bool> stopping_ = false;
  RegisterLog log_;
  std::vector<std::thread> threads_;
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_REGISTER_LOAD_H_
