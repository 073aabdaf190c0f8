#include "network/unary_calls.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/status_macros.h"
#include "network/check_transaction.h"
#include "network/convert.h"

namespace kiln::network {
namespace {

// One waiting call: finished once, by an answer, by the client or by the deadline, whichever is
// first. Whoever answers may do so after the call is over.
class UnaryCall : public grpc::ServerUnaryReactor,
                  public TrackedCall,
                  public std::enable_shared_from_this<UnaryCall> {
 public:
  explicit UnaryCall(std::shared_ptr<ServiceState> state) : state_(std::move(state)) {}

  // False when the call was refused, and is finished.
  bool Begin() {
    self_ = shared_from_this();
    const absl::Status admitted = state_->unary_calls.Add(this);
    tracked_ = admitted.ok();
    if (!admitted.ok()) FinishWith(admitted);
    return admitted.ok();
  }

  // Waiting calls are drained, then cancelled by the server.
  void OnServerStopping() override {}
  void OnCancel() override { FinishWith(absl::CancelledError("cancelled")); }
  void OnDone() override {
    const std::shared_ptr<UnaryCall> self = std::move(self_);
    if (tracked_) state_->unary_calls.Remove(this);
  }

  void FinishWith(const absl::Status& status) {
    FinishAfter([&status] { return status; });
  }

 protected:
  // `answer` writes the reply, unless the call is over already: then the reply is no longer there.
  template <typename Answer>
  void FinishAfter(Answer answer) {
    absl::MutexLock lock(&mutex_);
    if (finished_) return;
    finished_ = true;
    Finish(ToGrpcStatus(answer()));
  }

  const std::shared_ptr<ServiceState> state_;

 private:
  std::shared_ptr<UnaryCall> self_;  // until OnDone
  bool tracked_ = false;             // set by Begin, read by OnDone
  absl::Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

class SubmitCall final : public UnaryCall, public SubmitSink {
 public:
  SubmitCall(std::shared_ptr<ServiceState> state, v1::SubmitReply* reply)
      : UnaryCall(std::move(state)), reply_(reply) {}

  void Deliver(SubmitOutcomes outcomes) override {
    FinishAfter([this, &outcomes] { return Answer(std::move(outcomes)); });
  }

 private:
  absl::Status Answer(SubmitOutcomes outcomes) {
    KILN_ASSIGN_OR_RETURN(const Receipt receipt, TakeReceipt(std::move(outcomes)));
    ToProto(receipt, reply_);
    return absl::OkStatus();
  }

  v1::SubmitReply* const reply_;
};

class QueryCall final : public UnaryCall {
 public:
  QueryCall(std::shared_ptr<ServiceState> state, v1::QueryReply* reply)
      : UnaryCall(std::move(state)), reply_(reply) {}

  void Deliver(absl::StatusOr<Answer> answer) {
    FinishAfter([this, &answer] { return Reply(std::move(answer)); });
  }

 private:
  absl::Status Reply(absl::StatusOr<Answer> answer) {
    KILN_RETURN_IF_ERROR(answer.status());
    if (answer->value.size() > state_->limits.block_bytes_max) {
      return absl::ResourceExhaustedError(absl::StrCat("answer: ", answer->value.size(),
                                                       " bytes, the limit is ",
                                                       state_->limits.block_bytes_max));
    }
    reply_->set_height(answer->height);
    reply_->set_value(std::move(answer->value));
    return absl::OkStatus();
  }

  v1::QueryReply* const reply_;
};

absl::Time DeadlineOf(const ServiceState& state, const grpc::CallbackServerContext& context) {
  return std::min(absl::FromChrono(context.deadline()), WallNow() + state.submit_timeout_max);
}

grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext* context, const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* ServeSubmit(const std::shared_ptr<ServiceState>& state,
                                      grpc::CallbackServerContext* context,
                                      const v1::SubmitRequest* request, v1::SubmitReply* reply) {
  if (const absl::Status bounds =
          CheckTransaction(request->payload(), request->key(), state->limits);
      !bounds.ok()) {
    return Refuse(context, bounds);
  }
  const auto call = std::make_shared<SubmitCall>(state, reply);
  if (call->Begin()) {
    state->handler->Submit(0, BatchOfOne(request->key(), request->payload()),
                           DeadlineOf(*state, *context), call);
  }
  return call.get();
}

grpc::ServerUnaryReactor* ServeQuery(const std::shared_ptr<ServiceState>& state,
                                     grpc::CallbackServerContext* context,
                                     const v1::QueryRequest* request, v1::QueryReply* reply) {
  if (request->query().size() > kQueryBytesMax) {
    return Refuse(
        context, absl::InvalidArgumentError(absl::StrCat("query: ", request->query().size(),
                                                         " bytes, the limit is ", kQueryBytesMax)));
  }
  const auto call = std::make_shared<QueryCall>(state, reply);
  if (call->Begin()) {
    state->handler->Query(
        request->query(), request->linearizable() ? Read::kLinearizable : Read::kLocal,
        DeadlineOf(*state, *context),
        [call](absl::StatusOr<Answer> answer) { call->Deliver(std::move(answer)); });
  }
  return call.get();
}

}  // namespace kiln::network
