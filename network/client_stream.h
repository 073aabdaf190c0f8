// The client's side of one SubmitStream call, for a caller that waits.
#ifndef KILN_NETWORK_CLIENT_STREAM_H_
#define KILN_NETWORK_CLIENT_STREAM_H_

#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kiln/v1/client.grpc.pb.h"

namespace kiln::network {

// One thread, the owner's, calls Await, Write and Close; gRPC's threads run the reactions. At most
// kResultsWaitingMax messages wait to be taken: beyond that the stream is not read.
// The owner closes the stream before it destroys it: a call keeps its channel alive, and the last
// channel must not go on one of gRPC's own threads, which would then wait for itself.
class ClientStream final : public grpc::ClientBidiReactor<v1::SubmitBatch, v1::SubmitResults> {
 public:
  static constexpr size_t kResultsWaitingMax = 16;

  static std::unique_ptr<ClientStream> Start(v1::Kiln::Stub* stub);

  struct Wakeup {
    std::vector<v1::SubmitResults> results;  // in the order in which they came
    bool can_write = false;
    bool over = false;  // and every result was taken
  };
  // Returns when there are results, when the call is over, when `want_write` and a batch could be
  // written, or at `deadline`.
  Wakeup Await(bool want_write, absl::Time deadline);

  // REQUIRES: the last Wakeup said can_write, and nothing was written since.
  void Write(v1::SubmitBatch batch);

  // Cancels the call unless it is over, waits for its end and returns its status. Last call.
  absl::Status Close();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  ClientStream() = default;

  void ReadMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsAwake() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool CanWrite() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !writing_ && !broken_; }

  grpc::ClientContext context_;
  v1::SubmitBatch batch_;       // gRPC's while writing_
  v1::SubmitResults incoming_;  // gRPC's while reading_

  absl::Mutex mutex_;
  std::deque<v1::SubmitResults> results_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool want_write_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) =
      false;  // a read or write failed: nothing further will succeed
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_CLIENT_STREAM_H_
