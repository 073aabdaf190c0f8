// Between the wire messages of proto/kiln/v1 and the types of the public API.
#ifndef KILN_NETWORK_CONVERT_H_
#define KILN_NETWORK_CONVERT_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kiln/types.h"

namespace kiln::v1 {
class StatusReply;
class SubmitReply;
}  // namespace kiln::v1

namespace kiln::network {

// The codes of both are the same numbers. Messages are cut to kStatusMessageBytesMax: they travel
// in trailers, whose size is limited.
inline constexpr size_t kStatusMessageBytesMax = 1024;
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);
// Any number outside the known codes is Unknown.
absl::StatusCode ToStatusCode(int code);

// InvalidArgument unless there are exactly 32 bytes; `what` names the field.
absl::StatusOr<Hash> HashFromBytes(absl::string_view what, absl::string_view bytes);

void ToProto(const NodeStatus& status, v1::StatusReply* to);
absl::StatusOr<NodeStatus> FromProto(const v1::StatusReply& reply);

void ToProto(const Receipt& receipt, v1::SubmitReply* to);
// Takes the bytes out of `reply`.
absl::StatusOr<Receipt> FromProto(v1::SubmitReply&& reply);

// The machine's wall clock, which gRPC's deadlines are on too.
absl::Time WallNow();

}  // namespace kiln::network

#endif  // KILN_NETWORK_CONVERT_H_
