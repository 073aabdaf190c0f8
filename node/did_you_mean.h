// Hints for mistyped keys.
#ifndef KILN_NODE_DID_YOU_MEAN_H_
#define KILN_NODE_DID_YOU_MEAN_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kiln::node {

// `unknown key "validatrs" (did you mean "validators"?)`; without a near candidate, the keys that
// there are: `unknown key "x" (known: "name", "power")`.
std::string UnknownKey(absl::string_view key, absl::Span<const absl::string_view> known);

}  // namespace kiln::node

#endif  // KILN_NODE_DID_YOU_MEAN_H_
