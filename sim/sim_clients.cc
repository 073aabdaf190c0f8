#include "sim/sim_clients.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "consensus/payload.h"

namespace kiln::sim {

// Takes the one outcome of a batch of one.
class SimClients::Sink final : public network::SubmitSink {
 public:
  Sink(SimClients* clients, uint32_t replica, Request request)
      : clients_(clients), replica_(replica), request_(std::move(request)) {}

  void Deliver(network::SubmitOutcomes outcomes) override {
    KILN_CHECK(!delivered_) << "a transaction was answered twice";
    delivered_ = true;
    absl::StatusOr<Receipt> receipt = network::TakeReceipt(std::move(outcomes));
    // The answer travels; whoever delivers it is in the middle of something.
    clients_->queue_->At(clients_->queue_->now_us() + 1,
                         [clients = clients_, replica = replica_, request = std::move(request_),
                          receipt = std::move(receipt)]() mutable {
                           clients->OnOutcome(replica, std::move(request), std::move(receipt));
                         });
  }

 private:
  SimClients* const clients_;
  const uint32_t replica_;
  Request request_;
  bool delivered_ = false;
};

SimClients::SimClients(const Scenario& scenario, EventQueue* queue, ClientHost* host,
                       SimRandom random)
    : scenario_(scenario), queue_(queue), host_(host), random_(random) {}

void SimClients::Start() {
  if (scenario_.transactions_per_s > 0) ScheduleNext();
}

void SimClients::ScheduleNext() {
  const double mean_us = 1e6 / static_cast<double>(scenario_.transactions_per_s);
  const uint64_t wait_us = 1 + static_cast<uint64_t>(random_.Exponential(mean_us));
  queue_->At(queue_->now_us() + wait_us, [this] {
    if (stopped_) return;
    SubmitNew();
    ScheduleNext();
  });
}

void SimClients::SubmitNew() {
  ++submitted_;
  Request request;
  request.since_us = queue_->now_us();
  request.key = absl::StrCat("client-", submitted_);
  request.payload = absl::StrCat("k", random_.Below(kKeys), "=", submitted_);
  // One in 64 is not what the application expects, and is ordered all the same.
  if (random_.Below(64) == 0) request.payload = absl::StrCat("nothing ", submitted_);
  if (request.payload.size() < scenario_.transaction_bytes) {
    request.payload.resize(scenario_.transaction_bytes, '.');
  }
  request.id = consensus::EnvelopeId({.key = request.key, .payload = request.payload});
  Attempt(std::move(request));
}

void SimClients::Attempt(Request request) {
  std::vector<uint32_t> up;
  for (uint32_t replica = 0; replica < host_->replicas(); ++replica) {
    if (host_->IsUp(replica)) up.push_back(replica);
  }
  if (up.empty() || request.attempts_left == 0) return;
  --request.attempts_left;
  const uint32_t replica = random_.Pick(up);
  const Request copy = request;
  host_->Submit(replica, copy.id, copy.key, copy.payload,
                queue_->now_us() + 4 * scenario_.round_timeout_max_ms * 1000,
                std::make_shared<Sink>(this, replica, std::move(request)));
}

void SimClients::OnOutcome(uint32_t replica, Request request, absl::StatusOr<Receipt> outcome) {
  if (outcome.ok()) ++receipts_;
  host_->OnAnswered(replica, request.id, request.since_us, outcome);
  if (outcome.ok() || absl::IsInvalidArgument(outcome.status())) return;
  queue_->At(queue_->now_us() + kRetryAfterUs,
             [this, request = std::move(request)]() mutable { Attempt(std::move(request)); });
}

}  // namespace kiln::sim
