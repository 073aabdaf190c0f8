// One stream of an open loop: transactions are due at fixed times, whatever became of the earlier
// ones, and each is sent at most once. A load above what the chain can take shows what validators
// do about it, not what a patient client does.
#ifndef KILN_TOOLS_OPEN_LOOP_H_
#define KILN_TOOLS_OPEN_LOOP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "consensus/receipt.h"
#include "kiln/client.h"
#include "network/client_stream.h"
#include "network/endpoint.h"
#include "tools/load_payload.h"
#include "tools/load_recorder.h"
#include "tools/schedule.h"

namespace kiln::tools {

// Sends what is due over one stream to one validator. What is due within kGathered goes into one
// batch, as a busy client would send it (docs/performance.md has what the time costs and saves).
// What is refused as too much is counted and not sent again, and so is what the stream's flow
// control held back for longer than kPatience after it was due. Every receipt is verified. Run is
// called once; for one thread.
class OpenLoop {
 public:
  static constexpr absl::Duration kPatience = absl::Milliseconds(100);
  static constexpr absl::Duration kGathered = absl::Milliseconds(5);

  // `chain` has one endpoint. What is borrowed outlives the loop.
  static absl::StatusOr<std::unique_ptr<OpenLoop>> Connect(const ClientOptions& chain,
                                                           const LoadPayload* payload,
                                                           const LoadClock* clock,
                                                           LoadRecorder* recorder,
                                                           Schedule schedule);

  void Run(absl::Duration duration);

 private:
  OpenLoop(const ClientOptions& chain, const LoadPayload* payload, const LoadClock* clock,
           LoadRecorder* recorder, Schedule schedule)
      : limits_(chain.genesis.limits),
        payload_(payload),
        clock_(clock),
        recorder_(recorder),
        schedule_(schedule) {}

  // Until all that was sent is answered. An error: the stream is of no use any more.
  absl::Status Pump(network::ClientStream& stream);
  void GiveUpOverdue(uint64_t now_us);
  bool IsDue(uint64_t now_us) const { return next_ < count_ && schedule_.DueUs(next_) <= now_us; }
  bool WantsToWrite(uint64_t now_us) const {
    return now_us < end_us_ && now_us >= next_write_us_ && IsDue(now_us);
  }
  // When there is something to do although nobody answers.
  uint64_t WakeAtUs(uint64_t now_us) const;
  v1::SubmitBatch NextBatch(uint64_t now_us);

  // Errors of these are lies: an answer that does not hold.
  absl::Status Handle(const v1::SubmitResults& results);
  absl::Status HandleCommitted(const v1::SubmitResults& results);
  absl::Status HandleRefused(const v1::SubmitResults::Refused& refused);
  // The index in the schedule of what was sent under this sequence number; it is answered now.
  absl::StatusOr<uint64_t> Land(uint64_t sequence);

  const ChainLimits limits_;
  const LoadPayload* const payload_;
  const LoadClock* const clock_;
  LoadRecorder* const recorder_;
  const Schedule schedule_;
  std::unique_ptr<network::Endpoints> endpoints_;
  std::unique_ptr<consensus::ReceiptVerifier> verifier_;

  uint64_t end_us_ = 0;
  uint64_t count_ = 0;          // due before end_us_
  uint64_t next_ = 0;           // neither sent nor given up
  std::vector<uint64_t> sent_;  // by sequence number; kAnswered once answered
  uint64_t in_flight_ = 0;
  uint64_t next_write_us_ = 0;  // not before
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_OPEN_LOOP_H_
