#include "sim/batch_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace kiln::sim {
namespace {

using nlohmann::ordered_json;

void AddTo(std::map<std::string, uint64_t>* total, const std::map<std::string, uint64_t>& part) {
  for (const auto& [name, count] : part) (*total)[name] += count;
}

uint64_t CountOf(const std::map<std::string, uint64_t>& counts, const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

double Seconds(uint64_t us) {
  return static_cast<double>(us) / 1e6;
}

double PerCpuSecond(double amount, const BatchReport& report) {
  return report.cpu_seconds > 0 ? amount / report.cpu_seconds : 0;
}

// Two digits behind the point: more would be noise.
double Rounded(double value) {
  return static_cast<double>(static_cast<int64_t>(value * 100 + 0.5)) / 100;
}

std::string CountsText(const std::map<std::string, uint64_t>& counts) {
  return absl::StrJoin(counts, "  ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first, " ", entry.second);
  });
}

std::string MissedText(absl::string_view what, const std::vector<std::string>& missed) {
  if (missed.empty()) return "";
  return absl::StrCat(what, " ", absl::StrJoin(missed, ", "), "\n");
}

}  // namespace

void BatchReport::Add(const SeedOutcome& outcome) {
  ++seeds;
  committed_blocks += outcome.result.committed_blocks;
  committed_transactions += outcome.result.committed_transactions;
  rounds += outcome.result.rounds;
  simulated_us += outcome.result.simulated_us;
  frames_dropped += outcome.result.frames_dropped;
  AddTo(&faults, outcome.result.faults);
  AddTo(&drawn, outcome.drawn);
  if (outcome.failures.empty()) return;
  // Seeds come in the order in which they end; reports do not depend on it.
  const auto later = [](uint64_t seed, const SeedFailure& failure) { return seed < failure.seed; };
  const auto place = std::upper_bound(failures.begin(), failures.end(), outcome.seed, later);
  failures.insert(place, {outcome.seed, outcome.failures.front()});
}

void BatchReport::AddMarks(const std::map<std::string, uint64_t>& hits) {
  AddTo(&marks, hits);
}

std::vector<std::string> BatchReport::MarksMissed() const {
  std::vector<std::string> missed;
  for (const auto& [name, hits] : marks) {
    if (hits == 0) missed.push_back(name);
  }
  return missed;
}

std::map<std::string, uint64_t> KindsOf(const Scenario& scenario) {
  std::map<std::string, uint64_t> kinds;
  for (const Fault& fault : scenario.faults) ++kinds[absl::StrCat(fault.row, " ", fault.kind)];
  return kinds;
}

std::vector<std::string> FaultsMissed(const BatchReport& report,
                                      const std::vector<std::string>& kinds) {
  std::vector<std::string> missed;
  for (const std::string& kind : kinds) {
    if (CountOf(report.drawn, kind) == 0) missed.push_back(kind);
    const std::string row = kind.substr(0, kind.find(' '));
    const bool is_named = std::count(missed.begin(), missed.end(), row) > 0;
    if (CountOf(report.faults, row) == 0 && !is_named) missed.push_back(row);
  }
  return missed;
}

std::string FailureText(const SeedFailure& failure, absl::string_view replay) {
  return absl::StrFormat("VIOLATION %s at %.3f s, seed %d: %s\n  replay: %s\n",
                         failure.violation.invariant, Seconds(failure.violation.at_us),
                         failure.seed, failure.violation.what, replay);
}

std::string BatchReportJson(const BatchReport& report,
                            const std::vector<std::string>& faults_missed, const ReplayOf& replay) {
  ordered_json document = {
      {"seeds", report.seeds},
      {"violations", report.failures.size()},
      {"committed_blocks", report.committed_blocks},
      {"committed_transactions", report.committed_transactions},
      {"rounds", report.rounds},
      {"simulated_seconds", Rounded(Seconds(report.simulated_us))},
      {"cpu_seconds", Rounded(report.cpu_seconds)},
      {"wall_seconds", Rounded(report.wall_seconds)},
      {"rounds_per_cpu_second", Rounded(PerCpuSecond(static_cast<double>(report.rounds), report))},
      {"simulated_seconds_per_cpu_second",
       Rounded(PerCpuSecond(Seconds(report.simulated_us), report))},
      {"run_twice", report.run_twice},
      {"frames_dropped", report.frames_dropped},
      {"faults", report.faults},
      {"fault_kinds_drawn", report.drawn},
      {"faults_missed", faults_missed},
      {"marks", report.marks},
      {"marks_missed", report.MarksMissed()},
      {"failures", ordered_json::array()}};
  for (const SeedFailure& failure : report.failures) {
    document["failures"].push_back({{"seed", failure.seed},
                                    {"invariant", failure.violation.invariant},
                                    {"at", Seconds(failure.violation.at_us)},
                                    {"what", failure.violation.what},
                                    {"replay", replay(failure.seed)}});
  }
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

std::string BatchReportText(const BatchReport& report,
                            const std::vector<std::string>& faults_missed, const ReplayOf& replay,
                            size_t failures_max) {
  std::string text;
  const size_t shown = std::min(failures_max, report.failures.size());
  for (size_t i = 0; i < shown; ++i) {
    absl::StrAppend(&text, FailureText(report.failures[i], replay(report.failures[i].seed)));
  }
  if (report.failures.size() > shown) {
    absl::StrAppend(&text, "and ", report.failures.size() - shown, " more\n");
  }
  absl::StrAppendFormat(
      &text,
      "seeds %d  violations %d  run twice %d\n"
      "committed %d blocks and %d transactions in %d rounds\n"
      "simulated %.1f s with %.1f s of CPU: %.0f simulated s and %.0f rounds per CPU second\n",
      report.seeds, report.failures.size(), report.run_twice, report.committed_blocks,
      report.committed_transactions, report.rounds, Seconds(report.simulated_us),
      report.cpu_seconds, PerCpuSecond(Seconds(report.simulated_us), report),
      PerCpuSecond(static_cast<double>(report.rounds), report));
  if (!report.faults.empty()) {
    absl::StrAppend(&text, "faults that took effect: ", CountsText(report.faults), "\n");
  }
  absl::StrAppend(&text, MissedText("faults never seen:", faults_missed));
  return absl::StrCat(text, MissedText("marks never reached:", report.MarksMissed()));
}

}  // namespace kiln::sim
