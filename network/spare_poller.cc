#include "network/spare_poller.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "network/tls_identity.h"

namespace kiln::network {
namespace {

// gRPC has half as many threads for callbacks as there are processors, and never fewer than two.
constexpr unsigned kProcessorsWithTwoThreads = 5;

}  // namespace

// A call that fails at once, because its channel leads nowhere; what it calls back waits.
struct SparePoller::Held {
  Held() : stub(grpc::CreateChannel("", nullptr)) {}

  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub;
  grpc::ClientContext context;
  const grpc::Slice no_bytes;
  grpc::ByteBuffer nothing{&no_bytes, 1};
  grpc::ByteBuffer answer;
  absl::Notification taken;
  absl::Notification released;
  absl::Notification returned;
};

SparePoller::SparePoller() {
  PrepareGrpc();
  if (std::thread::hardware_concurrency() > kProcessorsWithTwoThreads) return;
  held_ = std::make_unique<Held>();
  held_->stub.UnaryCall(&held_->context, "/none", grpc::StubOptions(), &held_->nothing,
                        &held_->answer, [held = held_.get()](const grpc::Status&) {
                          held->taken.Notify();
                          held->released.WaitForNotification();
                          held->returned.Notify();
                        });
  held_->taken.WaitForNotification();
}

SparePoller::~SparePoller() {
  if (held_ == nullptr) return;
  held_->released.Notify();
  held_->returned.WaitForNotification();
}

}  // namespace kiln::network
