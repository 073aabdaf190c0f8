// What tells two runs apart.
#ifndef KILN_SIM_TRACE_HASH_H_
#define KILN_SIM_TRACE_HASH_H_

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "network/frames.h"

namespace kiln::sim {

// Over all that happened, in order: the same on every machine. Against accidents only. Not
// thread-safe.
class TraceHash {
 public:
  void Add(uint64_t at_us, uint32_t replica, uint64_t what) {
    Mix(at_us);
    Mix(uint64_t{replica} << 56 ^ what);
  }
  void Add(uint64_t at_us, uint32_t replica, const network::Frame& frame) {
    Add(at_us, replica, static_cast<uint64_t>(frame.kind));
    Mix(frame.body);
    if (frame.payload != nullptr) Mix(*frame.payload);
  }
  uint64_t value() const { return value_; }

 private:
  void Mix(uint64_t word) {
    value_ = (value_ ^ word) * 0x9E3779B97F4A7C15;
    value_ ^= value_ >> 29;
  }
  void Mix(absl::string_view bytes) {
    Mix(bytes.size());
    while (bytes.size() >= sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data(), sizeof(word));
      Mix(word);
      bytes.remove_prefix(sizeof(word));
    }
    for (const char byte : bytes) Mix(static_cast<uint8_t>(byte));
  }

  uint64_t value_ = 0;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_TRACE_HASH_H_
