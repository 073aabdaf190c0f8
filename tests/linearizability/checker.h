// Whether there is an order in which one copy of a register would have given the answers that
// clients got, each operation at one moment between its call and its return.
//
// The search is that of J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (Journal of
// Parallel and Distributed Computing 17, 1993), with what G. Lowe added in "Testing for
// Linearizability" (Concurrency and Computation: Practice and Experience 29(4), 2017): a
// configuration, which is the set of operations that have taken effect and the register's value
// then, is visited once. As in A. Athalye's Porcupine, operations are tried in the order of their
// calls, and each register is searched by itself: a history of many is linearizable when each
// register's part is (M. Herlihy, J. Wing, "Linearizability", ACM TOPLAS 12(3), 1990).
#ifndef KILN_TESTS_LINEARIZABILITY_CHECKER_H_
#define KILN_TESTS_LINEARIZABILITY_CHECKER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tests/linearizability/register_history.h"

namespace kiln::linearizability {

// More than any history of a register needs whose clients are few: about a gigabyte.
inline constexpr uint64_t kConfigurationsMax = 10'000'000;

// OK: linearizable. FailedPrecondition: it is not, and the message names the first operation that
// no order explains. ResourceExhausted: not decided within `configurations_max`. InvalidArgument:
// two writes have one value, or one writes kAbsent, or something returns before it is called.
absl::Status CheckRegister(const RegisterHistory& history,
                           uint64_t configurations_max = kConfigurationsMax);

}  // namespace kiln::linearizability

#endif  // KILN_TESTS_LINEARIZABILITY_CHECKER_H_
