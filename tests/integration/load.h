// Clients that keep a chain busy while a test does things to it.
#ifndef KILN_TESTS_INTEGRATION_LOAD_H_
#define KILN_TESTS_INTEGRATION_LOAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kiln/client.h"

namespace kiln::integration {

// Whether what was sent may still be committed, and sending it again is safe.
bool IsOutcomeUnknown(const absl::Status& error);

struct LoadOptions {
  size_t clients = 4;     // the odd ones submit one transaction at a time, the even ones many
  size_t in_flight = 32;  // of each client that submits many
  size_t value_bytes = 64;
  absl::Duration submit_timeout = absl::Seconds(40);
};

// Each client asks another validator first, and goes on to the others when that one is gone. All
// transactions are puts under keys of their own. Thread-safe.
class Load {
 public:
  explicit Load(const ClientOptions& chain, const LoadOptions& options = {});
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Until this many transactions more are acknowledged.
  [[nodiscard]] bool WaitForMore(uint64_t count);
  // Returns when every transaction has its answer. Idempotent.
  void Stop();

  uint64_t acknowledged() const;
  uint64_t highest_height() const;  // of what was acknowledged
  // REQUIRES of the rest: stopped.
  std::vector<Hash> acknowledged_ids() const;
  std::vector<absl::Status> errors() const;
  // Fails the test for each error of a kind that does not mean "outcome unknown, try again".
  void ExpectOnlyUnknownOutcomes() const;
  void ExpectNoErrors() const;

 private:
  void Run(size_t index);
  void SubmitMany(Client& client, size_t index);
  void SubmitOne(Client& client, size_t index);
  Transaction Next(size_t index);
  void Take(const Transaction& transaction, const absl::StatusOr<Receipt>& receipt);

  const ClientOptions chain_;
  const LoadOptions options_;
  const std::string run_;  // tells this load's keys from those of another
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> next_ = 0;
  mutable absl::Mutex mutex_;
  std::vector<Hash> acknowledged_ ABSL_GUARDED_BY(mutex_);
  uint64_t highest_height_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<absl::Status> errors_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace kiln::integration

#endif  // KILN_TESTS_INTEGRATION_LOAD_H_
