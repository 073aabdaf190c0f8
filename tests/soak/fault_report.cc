#include "tests/soak/fault_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/text_table.h"

namespace kiln::soak {
namespace {

using Member = absl::Duration RecoveryTimes::*;

// Seconds.
struct Spread {
  double min = 0;
  double median = 0;
  double max = 0;
};

Spread SpreadOf(const std::vector<RecoveryTimes>& all, Member member) {
  std::vector<double> seconds;
  for (const RecoveryTimes& times : all) seconds.push_back(absl::ToDoubleSeconds(times.*member));
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  return {seconds.front(), seconds[seconds.size() / 2], seconds.back()};
}

std::string SpreadText(const std::vector<RecoveryTimes>& all, Member member) {
  if (all.empty()) return "-";
  const Spread spread = SpreadOf(all, member);
  return absl::StrFormat("%.2f/%.2f/%.2f", spread.min, spread.median, spread.max);
}

nlohmann::ordered_json SpreadJson(const std::vector<RecoveryTimes>& all, Member member) {
  const Spread spread = SpreadOf(all, member);
  return {{"min", spread.min}, {"median", spread.median}, {"max", spread.max}};
}

std::string OutcomesText(const std::map<std::string, uint64_t>& outcomes) {
  return absl::StrJoin(outcomes, ", ", [](std::string* out, const auto& outcome) {
    absl::StrAppend(out, outcome.second, " ", outcome.first);
  });
}

}  // namespace

uint64_t FaultReport::faults() const {
  uint64_t sum = 0;
  for (const auto& [unused, kind] : kinds_) sum += kind.injected;
  return sum;
}

std::string FaultReport::Table() const {
  tools::TextTable table(
      {"fault", "count", "recoveries", "ready, s", "voting, s", "level, s", "outcomes"});
  for (const auto& [name, kind] : kinds_) {
    const std::vector<RecoveryTimes>& all = kind.recoveries;
    table.Add({std::string(NameOf(name)), absl::StrCat(kind.injected), absl::StrCat(all.size()),
               SpreadText(all, &RecoveryTimes::ready), SpreadText(all, &RecoveryTimes::voting),
               SpreadText(all, &RecoveryTimes::level),
               kind.skipped.empty() ? OutcomesText(kind.outcomes) : "SKIPPED: " + kind.skipped});
  }
  return table.Render();
}

nlohmann::ordered_json FaultReport::Json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& [name, kind] : kinds_) {
    list.push_back({{"fault", std::string(NameOf(name))},
                    {"count", kind.injected},
                    {"skipped", kind.skipped},
                    {"outcomes", kind.outcomes},
                    {"recoveries", kind.recoveries.size()},
                    {"ready_s", SpreadJson(kind.recoveries, &RecoveryTimes::ready)},
                    {"voting_s", SpreadJson(kind.recoveries, &RecoveryTimes::voting)},
                    {"level_s", SpreadJson(kind.recoveries, &RecoveryTimes::level)}});
  }
  return list;
}

}  // namespace kiln::soak
