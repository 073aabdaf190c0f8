// Early return of errors, in the shape of newer Abseil's macros.
#ifndef KILN_BASE_STATUS_MACROS_H_
#define KILN_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kiln {

// The same error with `context` and ": " in front of its message. OK stays OK.
inline absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(context, ": ", status.message()));
}

}  // namespace kiln

#define KILN_RETURN_IF_ERROR(expression)                                \
  do {                                                                  \
    if (::absl::Status kiln_status = (expression); !kiln_status.ok()) { \
      return kiln_status;                                               \
    }                                                                   \
  } while (false)

#define KILN_STATUS_CONCAT_INNER(a, b) a##b
#define KILN_STATUS_CONCAT(a, b) KILN_STATUS_CONCAT_INNER(a, b)
#define KILN_ASSIGN_OR_RETURN_IMPL(result, lhs, expression) \
  auto result = (expression);                               \
  if (!result.ok()) return result.status();                 \
  lhs = std::move(result).value()
// KILN_ASSIGN_OR_RETURN(const Vote vote, DecodeVote(bytes));
#define KILN_ASSIGN_OR_RETURN(lhs, expression) \
  KILN_ASSIGN_OR_RETURN_IMPL(KILN_STATUS_CONCAT(kiln_result_, __LINE__), lhs, expression)

#endif  // KILN_BASE_STATUS_MACROS_H_
