// host:port, as people write it.
#ifndef KILN_NODE_ADDRESS_H_
#define KILN_NODE_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln::node {

// A name or an address, and a port. IPv6 addresses are written in brackets and kept without them.
struct HostPort {
  std::string host;
  uint16_t port = 0;

  std::string ToString() const;
};

// InvalidArgument says what is wrong: "\"localhost\" is not host:port".
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// Whether only this machine can reach it: 127.0.0.0/8, ::1 and localhost.
bool IsLoopback(const HostPort& address);
// Whether it means every address of the machine, which one can listen on but not connect to.
bool IsWildcard(const HostPort& address);

}  // namespace kiln::node

#endif  // KILN_NODE_ADDRESS_H_
