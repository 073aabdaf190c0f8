// A thread for application queries, so that a slow one holds up neither gRPC nor execution.
#ifndef KILN_NODE_QUERY_POOL_H_
#define KILN_NODE_QUERY_POOL_H_

#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "base/bounded_queue.h"

namespace kiln::node {

// Runs jobs in order of arrival on a few threads. Thread-safe.
class QueryPool {
 public:
  static constexpr size_t kJobsMax = 1024;
  using Job = absl::AnyInvocable<void() &&>;

  explicit QueryPool(int threads) : jobs_(kJobsMax, kJobsMax) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }
  ~QueryPool() { Stop(); }

  // False, and `job` untouched, when there is no room.
  bool TryAdd(Job&& job) { return jobs_.TryPush(std::move(job)); }

  // Runs what waits, then ends. Idempotent.
  void Stop() {
    jobs_.Close();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  void Run() {
    while (true) {
      std::vector<Job> taken = jobs_.TakeUpTo(1, absl::InfiniteFuture());
      if (taken.empty()) return;
      std::move(taken.front())();
    }
  }

  BoundedQueue<Job> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_QUERY_POOL_H_
