// When the transactions of an open loop are due.
#ifndef KILN_TOOLS_SCHEDULE_H_
#define KILN_TOOLS_SCHEDULE_H_

#include <cstdint>

namespace kiln::tools {

// The times at which one stream's transactions are due, in microseconds since the load began.
struct Schedule {
  uint64_t first = 0;   // sequence number of the first
  uint64_t stride = 1;  // between sequence numbers: the number of streams
  double rate = 1;      // due per second, over all streams; above 0

  uint64_t SequenceOf(uint64_t index) const { return first + index * stride; }
  uint64_t DueUs(uint64_t index) const {
    return static_cast<uint64_t>(static_cast<double>(first + index * stride) * 1e6 / rate);
  }
  // How many are due before `end_us`.
  uint64_t CountBefore(uint64_t end_us) const;
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_SCHEDULE_H_
