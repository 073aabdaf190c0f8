// What an operator's tool asks a validator on its admin socket.
#ifndef KILN_NETWORK_ADMIN_CLIENT_H_
#define KILN_NETWORK_ADMIN_CLIENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/stage_profile.h"

namespace kiln::v1 {
class ProfileReply;
}  // namespace kiln::v1

namespace kiln::network {

// Unavailable when no validator listens on the socket; Unimplemented by an older one.
absl::StatusOr<ProfileSnapshot> AskProfile(const std::string& admin_socket, absl::Duration timeout);

void ToProto(const ProfileSnapshot& profile, v1::ProfileReply* to);
// Names that this version does not know are passed over.
ProfileSnapshot FromProto(const v1::ProfileReply& reply);

}  // namespace kiln::network

#endif  // KILN_NETWORK_ADMIN_CLIENT_H_
