// Clients of a simulated cluster.
#ifndef KILN_SIM_SIM_CLIENTS_H_
#define KILN_SIM_SIM_CLIENTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/types.h"
#include "network/client_service.h"
#include "sim/event_queue.h"
#include "sim/scenario.h"
#include "sim/sim_random.h"

namespace kiln::sim {

// Where clients' transactions go, and who hears of the answers.
class ClientHost {
 public:
  virtual ~ClientHost() = default;
  virtual uint32_t replicas() const = 0;
  virtual bool IsUp(uint32_t replica) const = 0;
  virtual void Submit(uint32_t replica, const Hash& id, absl::string_view key,
                      absl::string_view payload, uint64_t deadline_us,
                      std::shared_ptr<network::SubmitSink> sink) = 0;
  // `since_us`: when it was handed to the first replica.
  virtual void OnAnswered(uint32_t replica, const Hash& id, uint64_t since_us,
                          const absl::StatusOr<Receipt>& answer) = 0;
};

// Submits key=value writes at the scenario's rate, each to a replica of its choice. Whoever gets no
// receipt hands the same transaction to another replica, as a careful client does, a few times.
// Must be owned by a shared_ptr's owner that outlives every sink: the world. Not thread-safe.
class SimClients {
 public:
  SimClients(const Scenario& scenario, EventQueue* queue, ClientHost* host, SimRandom random);

  // From now until Stop.
  void Start();
  void Stop() { stopped_ = true; }
  uint64_t submitted() const { return submitted_; }
  uint64_t receipts() const { return receipts_; }

 private:
  // Few keys, so that writes meet.
  static constexpr uint64_t kKeys = 40;
  static constexpr int kAttemptsMax = 4;
  static constexpr uint64_t kRetryAfterUs = 50'000;

  struct Request {
    Hash id;
    std::string key;
    std::string payload;
    uint64_t since_us = 0;
    int attempts_left = kAttemptsMax;
  };
  class Sink;

  void ScheduleNext();
  void SubmitNew();
  void Attempt(Request request);
  void OnOutcome(uint32_t replica, Request request, absl::StatusOr<Receipt> outcome);

  const Scenario& scenario_;
  EventQueue* const queue_;
  ClientHost* const host_;
  SimRandom random_;
  bool stopped_ = false;
  uint64_t submitted_ = 0;
  uint64_t receipts_ = 0;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_CLIENTS_H_
