#include "tests/linearizability/register_history.h"

#include "absl/strings/str_cat.h"

namespace kiln::linearizability {

std::string ValueText(uint64_t value) {
  return value == kAbsent ? "nothing" : absl::StrCat(value);
}

std::string Describe(const Operation& operation) {
  const std::string end = operation.returned_us == kNever
                              ? ", outcome unknown"
                              : absl::StrCat(" to ", operation.returned_us, " us");
  return absl::StrCat(operation.is_write() ? "write of " : "read of ", ValueText(operation.value),
                      ", from ", operation.called_us, " us", end);
}

}  // namespace kiln::linearizability
