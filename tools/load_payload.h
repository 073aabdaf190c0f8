// The transactions of a load: key-value writes that are all different and can be made again from
// their sequence numbers, so that nobody has to keep them.
#ifndef KILN_TOOLS_LOAD_PAYLOAD_H_
#define KILN_TOOLS_LOAD_PAYLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "kiln/types.h"

namespace kiln::tools {

inline constexpr size_t kLoadPayloadBytesMin = 32;
inline constexpr uint64_t kLoadKeys = 100'000;  // keys written to, over and over

// Immutable; thread-safe. `run` tells apart two loads on one chain.
class LoadPayload {
 public:
  // REQUIRES: bytes >= kLoadPayloadBytesMin.
  LoadPayload(uint64_t run, size_t bytes);

  // The payload has exactly the bytes asked for; they do not compress.
  Transaction Make(uint64_t sequence) const;

 private:
  const uint64_t run_;
  const size_t bytes_;
  std::string filler_;  // random; each payload takes a piece of it
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LOAD_PAYLOAD_H_
