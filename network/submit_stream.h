// The server's side of SubmitStream: many transactions in flight over one call.
#ifndef KILN_NETWORK_SUBMIT_STREAM_H_
#define KILN_NETWORK_SUBMIT_STREAM_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/genesis.h"
#include "kiln/v1/client.grpc.pb.h"
#include "network/service_state.h"

namespace kiln::network {

// How many transactions a batch says it has; InvalidArgument when it cannot have so many or is
// larger than a block. What is inside each is the handler's to judge.
absl::StatusOr<uint32_t> CountBatch(absl::string_view batch, const ChainLimits& limits);

// The reactor of a new call. It owns itself until the call is done.
grpc::ServerBidiReactor<v1::SubmitBatch, v1::SubmitResults>* ServeSubmitStream(
    std::shared_ptr<ServiceState> state);

}  // namespace kiln::network

#endif  // KILN_NETWORK_SUBMIT_STREAM_H_
