// What a soak tells people and scripts at its end.
#ifndef KILN_TESTS_SOAK_SOAK_REPORT_H_
#define KILN_TESTS_SOAK_SOAK_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "tests/soak/soak.h"

namespace kiln::soak {

// The command that breaks the same things in the same order again.
std::string CommandOf(const SoakOptions& options);

// Neither claims what was not checked.
std::string ReportText(const SoakOptions& options, const SoakResult& result);
nlohmann::ordered_json ReportJson(const SoakOptions& options, const SoakResult& result);

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_SOAK_REPORT_H_
