#include "network/kiln_service.h"

#include <utility>

#include "kiln/v1/client.grpc.pb.h"
#include "network/block_stream.h"
#include "network/convert.h"
#include "network/submit_stream.h"
#include "network/unary_calls.h"

namespace kiln::network {
namespace {

grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context, const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

// Dispatches; whatever waits is a reactor of its own. Thread-safe.
class KilnService final : public v1::Kiln::CallbackService {
 public:
  explicit KilnService(std::shared_ptr<ServiceState> state)
      : state_(std::move(state)), feed_(std::make_shared<BlockFeed>(state_->handler)) {}

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const v1::SubmitRequest* request,
                                   v1::SubmitReply* reply) override {
    return ServeSubmit(state_, context, request, reply);
  }

  grpc::ServerBidiReactor<v1::SubmitBatch, v1::SubmitResults>* SubmitStream(
      grpc::CallbackServerContext*) override {
    return ServeSubmitStream(state_);
  }

  grpc::ServerUnaryReactor* Query(grpc::CallbackServerContext* context,
                                  const v1::QueryRequest* request, v1::QueryReply* reply) override {
    return ServeQuery(state_, context, request, reply);
  }

  grpc::ServerUnaryReactor* GetBlock(grpc::CallbackServerContext* context,
                                     const v1::GetBlockRequest* request,
                                     v1::BlockReply* reply) override {
    const absl::StatusOr<CommittedBlockView> view = state_->handler->GetBlock(request->height());
    return Finish(context, view.ok() ? FillBlockReply(*view, reply) : view.status());
  }

  grpc::ServerUnaryReactor* GetTransaction(grpc::CallbackServerContext* context,
                                           const v1::GetTransactionRequest* request,
                                           v1::TransactionReply* reply) override {
    return Finish(context, FillTransaction(*request, reply));
  }

  grpc::ServerWriteReactor<v1::BlockReply>* StreamBlocks(
      grpc::CallbackServerContext*, const v1::StreamBlocksRequest* request) override {
    return ServeStreamBlocks(state_, feed_, request);
  }

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest*,
                                      v1::StatusReply* reply) override {
    ToProto(state_->handler->GetStatus(), reply);
    return Finish(context, absl::OkStatus());
  }

 private:
  absl::Status FillTransaction(const v1::GetTransactionRequest& request,
                               v1::TransactionReply* reply) {
    const absl::StatusOr<Hash> id = HashFromBytes("id", request.id());
    if (!id.ok()) return id.status();
    absl::StatusOr<TransactionView> view = state_->handler->GetTransaction(*id);
    if (!view.ok()) return view.status();
    reply->set_envelope(std::move(view->envelope));
    ToProto(view->receipt, reply->mutable_receipt());
    return absl::OkStatus();
  }

  const std::shared_ptr<ServiceState> state_;
  const std::shared_ptr<BlockFeed> feed_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeKilnService(std::shared_ptr<ServiceState> state) {
  return std::make_unique<KilnService>(std::move(state));
}

}  // namespace kiln::network
