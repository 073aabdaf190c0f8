#include "sim/verdict.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace kiln::sim {

std::vector<Violation> Failures(const Scenario& scenario, const RunResult& result) {
  if (scenario.must_violate.empty()) return result.violations;
  std::vector<Violation> failures;
  for (const Violation& violation : result.violations) {
    const auto& wanted = scenario.must_violate;
    if (std::count(wanted.begin(), wanted.end(), violation.invariant) == 0) {
      failures.push_back(violation);
    }
  }
  if (failures.size() < result.violations.size()) return failures;
  failures.push_back({"must_violate", result.simulated_us,
                      absl::StrCat(absl::StrJoin(scenario.must_violate, " or "),
                                   " had to be violated, and was not")});
  return failures;
}

std::string ViolationText(const Violation& violation) {
  return absl::StrFormat("%s at %.3f s: %s", violation.invariant,
                         static_cast<double>(violation.at_us) / 1e6, violation.what);
}

}  // namespace kiln::sim
