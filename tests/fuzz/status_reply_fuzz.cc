#include <google/protobuf/stubs/logging.h>

#include <string>

#include "kiln/v1/client.pb.h"
#include "network/convert.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(status_reply) {
  // Not a line for every string that is no UTF-8.
  [[maybe_unused]] static const auto* const silencer = new google::protobuf::LogSilencer;
  v1::StatusReply reply;
  if (!reply.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  const absl::StatusOr<NodeStatus> status = network::FromProto(reply);
  if (!status.ok()) {
    ExpectReadable(status.status());
    return false;
  }
  v1::StatusReply again;
  network::ToProto(*status, &again);
  reply.DiscardUnknownFields();
  Expect(again.SerializeAsString() == reply.SerializeAsString(),
         "a status that converts converts back to an equal message");
  return true;
}

}  // namespace kiln::fuzz
