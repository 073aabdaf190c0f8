#include "kiln/application.h"

namespace kiln {

absl::Status Application::Check(const StateView& /*state*/,
                                absl::string_view /*transaction*/) const {
  return absl::OkStatus();
}

}  // namespace kiln
