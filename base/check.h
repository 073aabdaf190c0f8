// Checks that stay on in release builds, for our own mistakes only: what a peer, a client, a disk
// or a file can cause is an absl::Status. A failed check ends the process by FailStop before
// anything further can be signed.
//
//   KILN_CHECK(block != nullptr) << "round " << round.value;
//   KILN_CHECK_EQ(height, parent_height + 1);
#ifndef KILN_BASE_CHECK_H_
#define KILN_BASE_CHECK_H_

#include <ostream>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kiln/types.h"

namespace kiln {

// Ends the process at once with kFailStopExitStatus, after one last line on stderr that says what
// happened and what to do, on one line whatever the arguments hold. Nothing is flushed, nothing is
// unwound, no signature leaves afterwards. Thread-safe: the first caller's line is the one that is
// printed, later callers never return.
[[noreturn]] void FailStop(absl::string_view cause, absl::string_view what_to_do);

namespace base_internal {

// Collects what is streamed into a failed check; stops the process when destroyed.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  [[noreturn]] ~CheckFailure();
  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

struct Voidify {
  void operator&(std::ostream&) {}
};

}  // namespace base_internal
}  // namespace kiln

#define KILN_CHECK(condition)                          \
  __builtin_expect(static_cast<bool>(condition), true) \
      ? (void)0                                        \
      : ::kiln::base_internal::Voidify() &             \
            ::kiln::base_internal::CheckFailure(__FILE__, __LINE__, #condition).stream()
#define KILN_CHECK_OP(a, op, b) KILN_CHECK((a)op(b))
#define KILN_CHECK_EQ(a, b) KILN_CHECK_OP(a, ==, b)
#define KILN_CHECK_NE(a, b) KILN_CHECK_OP(a, !=, b)
#define KILN_CHECK_LT(a, b) KILN_CHECK_OP(a, <, b)
#define KILN_CHECK_LE(a, b) KILN_CHECK_OP(a, <=, b)
#define KILN_CHECK_GT(a, b) KILN_CHECK_OP(a, >, b)
#define KILN_CHECK_GE(a, b) KILN_CHECK_OP(a, >=, b)
#define KILN_CHECK_OK(expression)                                       \
  do {                                                                  \
    const ::absl::Status& kiln_check_status = (expression);             \
    KILN_CHECK(kiln_check_status.ok()) << kiln_check_status.ToString(); \
  } while (false)

#endif  // KILN_BASE_CHECK_H_
