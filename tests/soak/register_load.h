// Clients that write and read a few registers, and remember what they saw.
#ifndef KILN_TESTS_SOAK_REGISTER_LOAD_H_
#define KILN_TESTS_SOAK_REGISTER_LOAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kiln/client.h"
#include "tests/linearizability/register_history.h"

namespace kiln::soak {

struct RegisterLoadOptions {
  size_t clients = 8;
  size_t registers = 4;
  // Of an operation. Short, so that a fault leaves outcomes unknown.
  absl::Duration timeout = absl::Seconds(1);
  uint64_t seed = 0;  // of which operation comes next
};

// Each register is a key of the key-value store, each written value a number of its own. Reads are
// linearizable ones. A write without an answer is not tried again: it stays in the history as one
// whose outcome is unknown, which may take effect at any time after its call, or never. A read
// without an answer is left out. Thread-safe.
class RegisterLoad {
 public:
  struct Counts {
    uint64_t reads = 0;
    uint64_t writes = 0;  // acknowledged
    uint64_t unknown_writes = 0;
    uint64_t unanswered_reads = 0;

    uint64_t answered() const { return reads + writes; }
  };

  RegisterLoad(const ClientOptions& chain, const RegisterLoadOptions& options);
  ~RegisterLoad();
  RegisterLoad(const RegisterLoad&) = delete;
  RegisterLoad& operator=(const RegisterLoad&) = delete;

  Counts counts() const;
  // Until this many operations more are answered; fails the test when they are not.
  [[nodiscard]] bool WaitForMore(uint64_t operations) const;
  // Returns when every operation has ended. Idempotent.
  void Stop();

  // REQUIRES of the rest: stopped. Fails the test for each register whose history is not
  // linearizable, and writes that history into `folder`; likewise for errors that do not mean
  // "outcome unknown".
  void ExpectLinearizable(const std::string& folder) const;
  std::vector<Hash> acknowledged_ids() const;

 private:
  void Run(size_t index);
  void Read(Client& client, size_t reg);
  void Write(Client& client, size_t reg);
  void TakeError(const absl::Status& error, bool is_write) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string KeyOf(size_t reg) const;

  const ClientOptions chain_;
  const RegisterLoadOptions options_;
  const std::string run_;  // tells these registers from those of another load
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> last_written_ = linearizability::kAbsent;
  mutable absl::Mutex mutex_;
  std::vector<linearizability::RegisterHistory> histories_ ABSL_GUARDED_BY(mutex_);
  std::vector<Hash> acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Status> unexpected_ ABSL_GUARDED_BY(mutex_);
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_REGISTER_LOAD_H_
