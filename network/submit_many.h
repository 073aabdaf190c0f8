// Many transactions over one stream at a time, over the next validator's when one fails.
#ifndef KILN_NETWORK_SUBMIT_MANY_H_
#define KILN_NETWORK_SUBMIT_MANY_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "consensus/receipt.h"
#include "kiln/client.h"
#include "kiln/types.h"
#include "network/client_stream.h"
#include "network/endpoint.h"
#include "network/fault_log.h"

namespace kiln::network {

// Until a validator that answers engine codes only is believed: how often one transaction is sent
// again because it was set aside as a duplicate or as expired.
inline constexpr int kSetAsideMax = 5;

// One call of Client::SubmitMany. Not thread-safe: everything runs on the caller's thread, and what
// it borrows outlives it. Invariant: every transaction is either still to be sent (fresh, again or
// elsewhere), in flight on the current stream, or answered; `done` ran exactly for the last.
class SubmitManyRun {
 public:
  using Done = absl::AnyInvocable<void(size_t, absl::StatusOr<Receipt>)>;
  struct Setup {
    const ChainLimits* limits = nullptr;
    Endpoints* endpoints = nullptr;
    consensus::ReceiptVerifier* verifier = nullptr;
    FaultLog* faults = nullptr;
    absl::Duration attempt_timeout;
    size_t in_flight_max = 0;
    absl::Time deadline;
  };
  SubmitManyRun(const Setup& setup, const std::vector<Transaction>* transactions, Done* done);

  // DeadlineExceeded when some had to be answered with that.
  absl::Status Run();

 private:
  static constexpr uint32_t kAnswered = UINT32_MAX;

  bool AllAnswered() const { return answered_count_ == transactions_.size(); }
  bool HasUnsent() const { return next_fresh_ < transactions_.size() || !again_.empty(); }
  bool MaySend(absl::Time now) const {
    return HasUnsent() && in_flight_ < setup_.in_flight_max && now >= paused_until_;
  }
  void RefuseTheImpossible();
  void AnswerTheRest();

  // Until all are answered, the stream fails, or there is nothing left that this validator could
  // do.
  void RunOver(const Endpoint& endpoint);
  absl::Status Pump(ClientStream& stream);
  absl::Time WakeAt(absl::Time now) const;
  v1::SubmitBatch NextBatch();
  // The next to be sent, or kAnswered when none is left.
  uint32_t TakeUnsent();
  void TakeBackAll();

  // Errors of these say why the stream is of no use any longer: a lie, or too busy for too long.
  absl::Status Handle(v1::SubmitResults& results);
  absl::Status HandleCommitted(v1::SubmitResults& results);
  absl::Status HandleRefused(const v1::SubmitResults::Refused& refused);
  absl::Status Pause(const absl::Status& why);

  // The transaction that came back under this sequence number; no longer in flight afterwards.
  absl::StatusOr<uint32_t> Land(uint64_t sequence);
  void Refuse(uint32_t index, const absl::Status& status);
  void SetAside(uint32_t index);
  void Answer(uint32_t index, absl::StatusOr<Receipt> answer);

  const Setup setup_;
  const std::vector<Transaction>& transactions_;
  Done& done_;

  std::vector<bool> answered_;
  size_t answered_count_ = 0;
  uint32_t next_fresh_ = 0;          // never sent from here on
  std::deque<uint32_t> again_;       // to be sent again, before fresh ones
  std::vector<uint32_t> elsewhere_;  // refused here, to be asked of the next validator
  absl::flat_hash_map<uint32_t, size_t> refusals_;  // by how many; lookup only
  absl::flat_hash_map<uint32_t, int> set_aside_;    // how often; lookup only
  std::string last_error_ = "no validator was asked";

  // Of the current stream.
  std::vector<uint32_t> sent_;  // index by sequence number; kAnswered once it came back
  size_t in_flight_ = 0;
  absl::Time last_progress_;
  absl::Time paused_until_;
  absl::Duration pause_;
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_SUBMIT_MANY_H_
