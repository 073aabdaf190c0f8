// Whether an address can be reached from this machine only.
#ifndef KILN_NETWORK_LOOPBACK_H_
#define KILN_NETWORK_LOOPBACK_H_

#include "absl/strings/string_view.h"

namespace kiln::network {

// True for "127.x.y.z:port", "[::1]:port" and "localhost:port", and for nothing else.
bool IsLoopbackAddress(absl::string_view host_and_port);

}  // namespace kiln::network

#endif  // KILN_NETWORK_LOOPBACK_H_
