// Where each fault of our own has to be noticed, and within how many seeds.
#ifndef KILN_TESTS_MUTANTS_BUDGETS_H_
#define KILN_TESTS_MUTANTS_BUDGETS_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace kiln::mutants {

// Seeds 1 to `seeds` of one profile.
struct Budget {
  absl::string_view profile;
  uint64_t seeds = 0;
};

struct MutantBudget {
  absl::string_view mutant;     // as in KILN_MUTANT(...)
  std::vector<Budget> budgets;  // in turn
};

// For mutants that Budgets() does not name.
inline const std::vector<Budget>& DefaultBudgets() {
  static const auto& budgets =
      *new std::vector<Budget>{{"crash", 300}, {"swarm", 300}, {"byzzfuzz", 500}, {"twins", 2000}};
  return budgets;
}

// Those whose profile is known, so that the tool need not look in the others first.
inline const std::vector<MutantBudget>& Budgets() {
  static const auto& budgets = *new std::vector<MutantBudget>{};
  return budgets;
}

}  // namespace kiln::mutants

#endif  // KILN_TESTS_MUTANTS_BUDGETS_H_
