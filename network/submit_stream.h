// The server's side of SubmitStream: many transactions in flight over one call.
#ifndef KILN_NETWORK_SUBMIT_STREAM_H_
#define KILN_NETWORK_SUBMIT_STREAM_H_

#include <memory>

#include "kiln/v1/client.grpc.pb.h"
#include "network/service_state.h"

namespace kiln::network {

// The reactor of a new call. It owns itself until the call is done.
grpc::ServerBidiReactor<v1::SubmitBatch, v1::SubmitResults>* ServeSubmitStream(
    std::shared_ptr<ServiceState> state);

}  // namespace kiln::network

#endif  // KILN_NETWORK_SUBMIT_STREAM_H_
