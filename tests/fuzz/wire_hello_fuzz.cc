#include <string>

#include "network/peer_wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wire.h"

namespace kiln::fuzz {
namespace {

bool Equal(const network::Hello& a, const network::Hello& b) {
  return a.protocol_version == b.protocol_version && a.chain_id == b.chain_id &&
         a.node_key == b.node_key && a.index == b.index;
}

}  // namespace

// The length of slices, the hello.
KILN_FUZZ_TARGET(wire_hello) {
  const size_t slice_bytes = 1 + TakeByte(&input);
  const absl::StatusOr<network::Hello> hello =
      network::DecodeWireHello(ToByteBuffer(input, slice_bytes));
  if (!hello.ok()) {
    ExpectReadable(hello.status());
    return false;
  }
  const absl::StatusOr<network::Hello> again =
      network::DecodeWireHello(network::EncodeWireHello(*hello));
  Expect(again.ok() && Equal(*hello, *again), "what decodes encodes to an equal hello");
  return true;
}

}  // namespace kiln::fuzz
