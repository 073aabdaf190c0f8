// Faults of our own that a test rig switches on to see that it notices them. The product has none:
// apply.py puts them, and the include of this header, into a copy of its sources.
//
//   if (!KILN_MUTANT("vote twice in a round") && round <= last_voted_round) return Refuse(...);
#ifndef KILN_TESTS_MUTANTS_MUTANT_H_
#define KILN_TESTS_MUTANTS_MUTANT_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kiln::mutants {

// One switch. At most one in the program is on. Not thread-safe: the rig sets it before a run.
class Mutant {
 public:
  explicit Mutant(const char* name) : name_(name), next_(head_) { head_ = this; }
  Mutant(const Mutant&) = delete;
  Mutant& operator=(const Mutant&) = delete;

  bool is_on() const { return on_; }
  absl::string_view name() const { return name_; }

  // False when there is none of this name. "" switches all off.
  static bool Select(absl::string_view name) {
    bool found = name.empty();
    for (Mutant* mutant = head_; mutant != nullptr; mutant = mutant->next_) {
      mutant->on_ = mutant->name() == name;
      found = found || mutant->on_;
    }
    return found;
  }
  // In alphabetical order.
  static std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const Mutant* mutant = head_; mutant != nullptr; mutant = mutant->next_) {
      names.emplace_back(mutant->name());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  static inline Mutant* head_ = nullptr;  // grows before main() only

  const char* const name_;
  Mutant* const next_;
  bool on_ = false;
};

namespace internal {

template <size_t N>
struct MutantName {
  constexpr MutantName(const char (&literal)[N]) { std::copy_n(literal, N, text); }  // NOLINT
  char text[N];
};
template <MutantName Name>
struct MutantOf {
  static constexpr MutantName kName = Name;
  static inline Mutant mutant{kName.text};
};

}  // namespace internal
}  // namespace kiln::mutants

#define KILN_MUTANT(name) (::kiln::mutants::internal::MutantOf<name>::mutant.is_on())

#endif  // KILN_TESTS_MUTANTS_MUTANT_H_
