#include "tests/soak/soak_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kiln::soak {
namespace {

constexpr char kNotChecked[] = "NOT CHECKED";

std::string Verdict(const SoakOptions& options, const SoakResult& result) {
  if (result.good()) return "Good: everything held";
  const std::string why =
      result.cut_short.empty()
          ? ""
          : absl::StrCat(" Not everything was checked: ", result.cut_short, ".");
  const std::string again = absl::StrCat(" Again: ", CommandOf(options));
  if (!result.has_failed) return absl::StrCat("UNFINISHED.", why, again);
  return absl::StrCat("FAILED: see above.", why, again, "; homes and logs are in ", result.folder);
}

std::string LedgersText(const std::optional<Executions>& ledgers) {
  if (!ledgers.has_value()) return kNotChecked;
  return absl::StrCat(ledgers->lost, " lost, ", ledgers->duplicated, " duplicated");
}

std::string VotesText(const std::optional<uint64_t>& votes) {
  return votes.has_value() ? absl::StrCat(*votes, " seen") : kNotChecked;
}

}  // namespace

std::string CommandOf(const SoakOptions& options) {
  const std::string only =
      options.only.has_value() ? absl::StrCat(" --only \"", NameOf(*options.only), "\"") : "";
  return absl::StrCat("kiln_soak --seconds ", absl::ToInt64Seconds(options.duration), " --seed ",
                      options.seed, only);
}

std::string ReportText(const SoakOptions& options, const SoakResult& result) {
  const RegisterLog::Counts& registers = result.registers;
  return absl::StrCat(
      result.faults.Table(),
      "(seconds are min/median/max since the start, or since SIGCONT or room)\n\n",
      absl::StrFormat(
          "faults         %d in %d s of %d\n"
          "height         %d\n"
          "transactions   %d acknowledged, %d with unknown outcome\n"
          "registers      %d reads, %d writes, %d writes with unknown outcome, %d reads "
          "without answer\n",
          result.faults.faults(), absl::ToInt64Seconds(result.faults_took),
          absl::ToInt64Seconds(options.duration), result.height, result.acknowledged,
          result.unknown, registers.reads, registers.writes, registers.unknown_writes,
          registers.unanswered_reads),
      "histories      ", result.registers_checked ? "checked" : kNotChecked, "\n",
      "ledgers        ", LedgersText(result.ledgers), "\n", "votes          ",
      VotesText(result.votes), "\n", Verdict(options, result), "\n");
}

nlohmann::ordered_json ReportJson(const SoakOptions& options, const SoakResult& result) {
  const RegisterLog::Counts& registers = result.registers;
  nlohmann::ordered_json report = {
      {"good", result.good()},
      {"verdict", Verdict(options, result)},
      {"cut_short", result.cut_short},
      {"seed", options.seed},
      {"seconds", absl::ToInt64Seconds(options.duration)},
      {"faults_took_seconds", absl::ToDoubleSeconds(result.faults_took)},
      {"height", result.height},
      {"faults", result.faults.Json()},
      {"transactions", {{"acknowledged", result.acknowledged}, {"unknown", result.unknown}}},
      {"registers",
       {{"reads", registers.reads},
        {"writes", registers.writes},
        {"unknown_writes", registers.unknown_writes},
        {"unanswered_reads", registers.unanswered_reads},
        {"histories_checked", result.registers_checked}}},
      {"ledgers", nullptr},  // not checked
      {"votes", nullptr}};
  if (result.ledgers.has_value()) {
    report["ledgers"] = {{"lost", result.ledgers->lost},
                         {"duplicated", result.ledgers->duplicated}};
  }
  if (result.votes.has_value()) report["votes"] = *result.votes;
  return report;
}

}  // namespace kiln::soak
