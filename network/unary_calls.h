// Calls with one answer that has to be waited for.
#ifndef KILN_NETWORK_UNARY_CALLS_H_
#define KILN_NETWORK_UNARY_CALLS_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "kiln/v1/client.pb.h"
#include "network/service_state.h"

namespace kiln::network {

// The reactors own themselves until their call is done. `request` and `reply` are gRPC's and live
// as long. The deadline of the call, at most submit_timeout_max away, bounds the wait.
grpc::ServerUnaryReactor* ServeSubmit(const std::shared_ptr<ServiceState>& state,
                                      grpc::CallbackServerContext* context,
                                      const v1::SubmitRequest* request, v1::SubmitReply* reply);
grpc::ServerUnaryReactor* ServeQuery(const std::shared_ptr<ServiceState>& state,
                                     grpc::CallbackServerContext* context,
                                     const v1::QueryRequest* request, v1::QueryReply* reply);

}  // namespace kiln::network

#endif  // KILN_NETWORK_UNARY_CALLS_H_
