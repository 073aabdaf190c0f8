// What clients saw of registers: who wrote and read what, and when.
#ifndef KILN_TESTS_LINEARIZABILITY_REGISTER_HISTORY_H_
#define KILN_TESTS_LINEARIZABILITY_REGISTER_HISTORY_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace kiln::linearizability {

// What stands in a register that nobody has written yet. No write writes it.
inline constexpr uint64_t kAbsent = 0;
// When a write returned whose outcome is unknown: never. It may take effect at any time after its
// call, or not at all.
inline constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

// One call by one client. Times are microseconds of one monotonic clock, called_us <= returned_us.
// A read without an answer says nothing, and is no operation at all.
struct Operation {
  enum class Kind { kRead, kWrite };
  Kind kind = Kind::kRead;
  uint64_t value = kAbsent;  // read or written
  uint64_t called_us = 0;
  uint64_t returned_us = kNever;

  bool is_write() const { return kind == Kind::kWrite; }
};

// Of one register, in any order. No two writes have the same value.
using RegisterHistory = std::vector<Operation>;

// "7", or "nothing" for kAbsent.
std::string ValueText(uint64_t value);
// "write of 7, from 1200 us to 1950 us"
std::string Describe(const Operation& operation);

}  // namespace kiln::linearizability

#endif  // KILN_TESTS_LINEARIZABILITY_REGISTER_HISTORY_H_
