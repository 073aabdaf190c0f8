#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "kiln/v1/client.grpc.pb.h"
#include "network/convert.h"
#include "network/kiln_service.h"

namespace kiln::network {
namespace {

namespace health = ::grpc::health::v1;

// Metadata may hold printable ASCII only.
std::string ToMetadataValue(absl::string_view text) {
  std::string value(text.substr(0, kStatusMessageBytesMax));
  for (char& c : value) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return value;
}

// Thread-safe.
class HealthService final : public health::Health::CallbackService {
 public:
  explicit HealthService(ClientHandler* handler) : handler_(handler) {}

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const health::HealthCheckRequest* request,
                                  health::HealthCheckResponse* response) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    const std::string& service = request->service();
    if (!service.empty() && service != v1::Kiln::service_full_name()) {
      reactor->Finish({grpc::StatusCode::NOT_FOUND,
                       absl::StrCat("no service ", service.substr(0, kStatusMessageBytesMax))});
      return reactor;
    }
    const NodeStatus status = handler_->GetStatus();
    response->set_status(status.ready ? health::HealthCheckResponse::SERVING
                                      : health::HealthCheckResponse::NOT_SERVING);
    if (!status.ready) {
      context->AddTrailingMetadata(kNotReadyReasonMetadata,
                                   ToMetadataValue(status.not_ready_reason));
    }
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  ClientHandler* const handler_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeHealthService(ClientHandler* handler) {
  return std::make_unique<HealthService>(handler);
}

}  // namespace kiln::network
