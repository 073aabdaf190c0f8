#include <string>

#include "node/address.h"
#include "tests/fuzz/fuzz.h"

namespace kiln::fuzz {

KILN_FUZZ_TARGET(address) {
  const absl::StatusOr<node::HostPort> address = node::ParseHostPort(input);
  if (!address.ok()) {
    ExpectReadable(address.status());
    return false;
  }
  const absl::StatusOr<node::HostPort> again = node::ParseHostPort(address->ToString());
  Expect(again.ok() && again->host == address->host && again->port == address->port,
         "an address survives writing");
  Expect(!node::IsLoopback(*address) || !node::IsWildcard(*address),
         "no address is only this machine's and everybody's");
  return true;
}

}  // namespace kiln::fuzz
