// What `kiln bench --profile-stages` says: where validators' time went between two readings.
#ifndef KILN_TOOLS_STAGE_REPORT_H_
#define KILN_TOOLS_STAGE_REPORT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/stage_profile.h"

namespace kiln::tools {

// What was counted from `before` to `after`. The highest lengths of queues are since the process
// started. Never negative: a process that started anew meanwhile counts from its start.
ProfileSnapshot Difference(const ProfileSnapshot& after, const ProfileSnapshot& before);

// Of the steady part of a load.
struct StageReport {
  struct Validator {
    std::string name;
    ProfileSnapshot profile;  // a difference; monotonic_ns is its length
  };
  std::vector<Validator> validators;
  uint64_t committed = 0;  // transactions, in the same time

  // Sums; the length is the longest.
  ProfileSnapshot Total() const;
};

// {"seconds", "committed", "total": {...}, "validators": [{"validator", ...}, ...]}
nlohmann::ordered_json StageReportJson(const StageReport& report);
// The tables of CPU by stage, of a commit's life, and of the queues.
std::string StageReportText(const StageReport& report);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_STAGE_REPORT_H_
