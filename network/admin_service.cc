#include <memory>

#include "kiln/v1/admin.grpc.pb.h"
#include "network/admin_client.h"
#include "network/convert.h"
#include "network/kiln_service.h"

namespace kiln::network {
namespace {

constexpr size_t kLogLevelBytesMax = 16;

// Thread-safe.
class AdminService final : public v1::Admin::CallbackService {
 public:
  explicit AdminService(ClientHandler* handler) : handler_(handler) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest*,
                                      v1::StatusReply* reply) override {
    ToProto(handler_->GetStatus(), reply);
    return Finish(context, absl::OkStatus());
  }

  grpc::ServerUnaryReactor* GetProfile(grpc::CallbackServerContext* context,
                                       const v1::GetProfileRequest*,
                                       v1::ProfileReply* reply) override {
    ToProto(handler_->GetProfile(), reply);
    return Finish(context, absl::OkStatus());
  }

  grpc::ServerUnaryReactor* SetLogLevel(grpc::CallbackServerContext* context,
                                        const v1::SetLogLevelRequest* request,
                                        v1::SetLogLevelReply*) override {
    if (request->level().size() > kLogLevelBytesMax) {
      return Finish(context, absl::InvalidArgumentError("level: no such log level"));
    }
    return Finish(context, handler_->SetLogLevel(request->level()));
  }

  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* context, const v1::StopRequest*,
                                 v1::StopReply*) override {
    handler_->RequestStop();
    return Finish(context, absl::OkStatus());
  }

 private:
  static grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context,
                                          const absl::Status& status) {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  }

  ClientHandler* const handler_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdminService(ClientHandler* handler) {
  return std::make_unique<AdminService>(handler);
}

}  // namespace kiln::network
