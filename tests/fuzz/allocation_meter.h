// How much memory a decoder takes for an input.
#ifndef KILN_TESTS_FUZZ_ALLOCATION_METER_H_
#define KILN_TESTS_FUZZ_ALLOCATION_METER_H_

#include <cstddef>

namespace kiln::fuzz {

// Counts what operator new gives out, of the whole program; see allocation_meter.cc. Starts at
// construction, one at a time. Counts nothing in sanitized builds, whose allocator has limits of
// its own.
class AllocationMeter {
 public:
  AllocationMeter();
  // The most that was held at once, beyond what was held at the start.
  size_t peak_bytes() const;
};

}  // namespace kiln::fuzz

#endif  // KILN_TESTS_FUZZ_ALLOCATION_METER_H_
