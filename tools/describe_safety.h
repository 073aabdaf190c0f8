// A safety record for people and for programs.
#ifndef KILN_TOOLS_DESCRIBE_SAFETY_H_
#define KILN_TOOLS_DESCRIBE_SAFETY_H_

#include <nlohmann/json.hpp>

#include "consensus/safety_record.h"

namespace kiln::tools {

// Its rounds; null for what was never signed.
nlohmann::ordered_json SafetyJson(const consensus::SafetyRecord& record);
// The same as lines on stdout.
void PrintSafety(const consensus::SafetyRecord& record);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_DESCRIBE_SAFETY_H_
