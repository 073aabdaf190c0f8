#include "network/client_stream.h"

#include <utility>

#include "base/check.h"
#include "network/convert.h"

namespace kiln::network {

std::unique_ptr<ClientStream> ClientStream::Start(v1::Kiln::Stub* stub) {
  std::unique_ptr<ClientStream> stream(new ClientStream());
  stub->async()->SubmitStream(&stream->context_, stream.get());
  stream->AddHold();  // for Write and for reads that Await resumes; Close lets go
  {
    absl::MutexLock lock(&stream->mutex_);
    stream->ReadMore();
  }
  stream->StartCall();
  return stream;
}

ClientStream::Wakeup ClientStream::Await(bool want_write, absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  want_write_ = want_write;
  mutex_.AwaitWithDeadline(absl::Condition(this, &ClientStream::IsAwake), deadline);
  Wakeup wakeup;
  wakeup.over = broken_ && results_.empty();
  wakeup.can_write = CanWrite();
  wakeup.results.assign(std::make_move_iterator(results_.begin()),
                        std::make_move_iterator(results_.end()));
  results_.clear();
  ReadMore();
  return wakeup;
}

void ClientStream::Write(v1::SubmitBatch batch) {
  absl::MutexLock lock(&mutex_);
  if (broken_) return;
  KILN_CHECK(!writing_) << "one batch at a time";
  batch_ = std::move(batch);
  writing_ = true;
  StartWrite(&batch_);
}

absl::Status ClientStream::Close() {
  {
    absl::MutexLock lock(&mutex_);
    if (!broken_) context_.TryCancel();
  }
  RemoveHold();
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&done_));
  return status_;
}

void ClientStream::OnReadDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  reading_ = false;
  if (!ok) {
    broken_ = true;
    return;
  }
  results_.push_back(std::move(incoming_));
  ReadMore();
}

void ClientStream::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  // The reads still bring what was answered before, and then their end.
  if (!ok) context_.TryCancel();
}

void ClientStream::OnDone(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  status_ = FromGrpcStatus(status);
  broken_ = true;
  done_ = true;
}

void ClientStream::ReadMore() {
  if (reading_ || broken_ || results_.size() >= kResultsWaitingMax) return;
  reading_ = true;
  incoming_.Clear();
  StartRead(&incoming_);
}

bool ClientStream::IsAwake() const {
  return !results_.empty() || broken_ || (want_write_ && CanWrite());
}

}  // namespace kiln::network
