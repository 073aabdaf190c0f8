// kiln.v1.Kiln, grpc.health.v1.Health and kiln.v1.Admin on top of a ClientHandler.
#ifndef KILN_NETWORK_KILN_SERVICE_H_
#define KILN_NETWORK_KILN_SERVICE_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "network/service_state.h"

namespace kiln::network {

std::unique_ptr<grpc::Service> MakeKilnService(std::shared_ptr<ServiceState> state);

// SERVING when the node is ready; else NOT_SERVING, with the reason in the trailing metadata
// kNotReadyReasonMetadata. Watching is not offered: orchestrators poll.
std::unique_ptr<grpc::Service> MakeHealthService(ClientHandler* handler);
inline constexpr char kNotReadyReasonMetadata[] = "kiln-not-ready-reason";

std::unique_ptr<grpc::Service> MakeAdminService(ClientHandler* handler);

}  // namespace kiln::network

#endif  // KILN_NETWORK_KILN_SERVICE_H_
