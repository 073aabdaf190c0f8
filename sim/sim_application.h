// The state machine that simulated clusters replicate.
#ifndef KILN_SIM_SIM_APPLICATION_H_
#define KILN_SIM_SIM_APPLICATION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/application.h"
#include "kiln/state.h"

namespace kiln::sim {

// "key=value" (split at the first '='; the key is not empty) stores the value and replies with the
// one before, empty when there was none. Everything else is refused: "expected key=value". So every
// reply depends on the order of all that came before. Stateless.
class SimApplication final : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override;
  // The value of the key.
  absl::StatusOr<std::string> Query(const StateView& state, absl::string_view key) const override;
  // InvalidArgument for what Execute would refuse.
  absl::Status Check(const StateView& state, absl::string_view transaction) const override;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_APPLICATION_H_
