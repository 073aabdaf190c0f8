#include "tools/schedule.h"

namespace kiln::tools {

uint64_t Schedule::CountBefore(uint64_t end_us) const {
  uint64_t low = 0;
  uint64_t high = static_cast<uint64_t>(static_cast<double>(end_us) * rate / 1e6) + 2;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (DueUs(middle) < end_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace kiln::tools
