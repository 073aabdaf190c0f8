#include "sim/sim_application.h"

#include <optional>
#include <utility>

namespace kiln::sim {
namespace {

constexpr absl::string_view kRefusal = "expected key=value";

struct Assignment {
  absl::string_view key;
  absl::string_view value;
};

std::optional<Assignment> Parse(absl::string_view transaction) {
  const size_t sign = transaction.find('=');
  if (sign == absl::string_view::npos || sign == 0 || sign > kStateKeyBytesMax) return std::nullopt;
  return Assignment{.key = transaction.substr(0, sign), .value = transaction.substr(sign + 1)};
}

}  // namespace

absl::StatusOr<Effects> SimApplication::Execute(const Block& block, State& state) {
  Effects effects;
  effects.replies.reserve(block.transactions.size());
  for (const absl::string_view transaction : block.transactions) {
    const std::optional<Assignment> assignment = Parse(transaction);
    if (!assignment.has_value()) {
      effects.replies.push_back(Reply::Refused(kRefusal));
      continue;
    }
    const absl::StatusOr<std::string> before = state.Get(assignment->key);
    if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
    effects.replies.push_back(Reply::Ok(before.ok() ? *before : ""));
    state.Put(assignment->key, assignment->value);
  }
  return effects;
}

absl::StatusOr<std::string> SimApplication::Query(const StateView& state,
                                                  absl::string_view key) const {
  return state.Get(key);
}

absl::Status SimApplication::Check(const StateView&, absl::string_view transaction) const {
  if (Parse(transaction).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(kRefusal);
}

}  // namespace kiln::sim
