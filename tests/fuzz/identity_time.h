// When the certificates of the corpus are valid.
#ifndef KILN_TESTS_FUZZ_IDENTITY_TIME_H_
#define KILN_TESTS_FUZZ_IDENTITY_TIME_H_

#include "absl/time/time.h"

namespace kiln::fuzz {

inline const absl::Time kIdentityTime = absl::FromUnixSeconds(1'700'000'000);

}  // namespace kiln::fuzz

#endif  // KILN_TESTS_FUZZ_IDENTITY_TIME_H_
