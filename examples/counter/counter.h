// Named counters, replicated: a transaction is a counter's name, and adds one; the reply and the
// answer to a query are its value.
#ifndef KILN_EXAMPLES_COUNTER_COUNTER_H_
#define KILN_EXAMPLES_COUNTER_COUNTER_H_

#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kiln/application.h"

class Counter final : public kiln::Application {
  absl::StatusOr<kiln::Effects> Execute(const kiln::Block& block, kiln::State& state) override {
    kiln::Effects effects;
    for (absl::string_view name : block.transactions) {
      if (name.size() > kiln::kStateKeyBytesMax) {
        effects.replies.push_back(kiln::Reply::Refused("the name is too long"));
        continue;
      }
      absl::StatusOr<uint64_t> count = Count(state, name);
      if (!count.ok()) return count.status();
      const std::string next = absl::StrCat(*count + 1);
      state.Put(name, next);
      effects.replies.push_back(kiln::Reply::Ok(next));
    }
    return effects;
  }

  absl::StatusOr<std::string> Query(const kiln::StateView& state,
                                    absl::string_view name) const override {
    absl::StatusOr<uint64_t> count = Count(state, name);
    if (!count.ok()) return count.status();
    return absl::StrCat(*count);
  }

  // A counter that nobody has touched is at 0.
  static absl::StatusOr<uint64_t> Count(const kiln::StateView& state, absl::string_view name) {
    absl::StatusOr<std::string> text = state.Get(name);
    if (absl::IsNotFound(text.status())) return 0;
    if (!text.ok()) return text.status();
    uint64_t count = 0;
    if (absl::SimpleAtoi(*text, &count)) return count;
    return absl::DataLossError("a counter does not hold a number");
  }
};

#endif  // KILN_EXAMPLES_COUNTER_COUNTER_H_
