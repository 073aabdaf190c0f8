// kiln-mutants: switches on each fault of our own in turn (mutant.h) and looks whether the
// simulator notices it. One that survives is a hole in the invariants or in the scenarios.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "sim/batch_runner.h"
#include "sim/generator.h"
#include "sim/isolated_run.h"
#include "sim/scenario_toml.h"
#include "sim/verdict.h"
#include "sim/world.h"
#include "tests/mutants/budgets.h"
#include "tests/mutants/mutant.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/text_table.h"

namespace kiln::mutants {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr uint64_t kSeedsOfChosenProfile = 100;

struct Arguments {
  std::vector<std::string> only;
  int jobs = 2;
  uint64_t seeds = 0;   // in place of each budget's
  std::string profile;  // in place of all budgets
  bool list = false;
  bool json = false;
};

// What came of one mutant.
struct Fate {
  std::string mutant;
  std::string invariant;  // empty: it survived
  std::string profile;
  uint64_t seed = 0;
  uint64_t seeds_run = 0;
  double seconds = 0;
};

// Of budgets whose scenarios are not made by a profile.
constexpr absl::string_view kScenarioPrefix = "scenario ";

const std::vector<Budget>& BudgetsOf(const std::string& mutant) {
  for (const MutantBudget& known : Budgets()) {
    if (known.mutant == mutant) return known.budgets;
  }
  return DefaultBudgets();
}

// A file of tests/scenarios with other small chances, or what the profile makes of the seed.
sim::Scenario ScenarioOf(absl::string_view profile, uint64_t seed) {
  if (!absl::ConsumePrefix(&profile, kScenarioPrefix)) return sim::Generate(profile, seed, {});
  absl::StatusOr<sim::Scenario> scenario =
      sim::ReadScenario(absl::StrCat(KILN_SOURCE_DIR "/tests/scenarios/", profile, ".toml"));
  KILN_CHECK(scenario.ok()) << scenario.status().ToString();
  scenario->seed = seed;
  return *std::move(scenario);
}

// A seed that goes wrong with the product as it is shows nothing about the mutant.
bool IsGoodWithoutMutant(absl::string_view profile, uint64_t seed) {
  Mutant::Select("");
  const sim::Scenario scenario = ScenarioOf(profile, seed);
  const bool good = sim::Failures(scenario, sim::RunIsolated(sim::RunScenario, scenario)).empty();
  if (!good) {
    std::fprintf(stderr, "kiln-mutants: seed %llu of %s goes wrong without a mutant too\n",
                 static_cast<unsigned long long>(seed), std::string(profile).c_str());
  }
  return good;
}

// Goes on behind seeds that prove nothing. True when the mutant was noticed.
bool Search(const Arguments& arguments, const Budget& budget, Fate* fate) {
  const uint64_t last = arguments.seeds > 0 ? arguments.seeds : budget.seeds;
  const sim::ScenarioOf scenario_of = [&](uint64_t seed) {
    return ScenarioOf(budget.profile, seed);
  };
  for (uint64_t first = 1; first <= last && !tools::Interrupted();) {
    Mutant::Select(fate->mutant);
    const sim::BatchOptions options = {.first_seed = first,
                                       .last_seed = last,
                                       .jobs = arguments.jobs,
                                       .twice_every = 0,
                                       .stops_at_failure = true};
    const sim::BatchReport report =
        sim::RunBatch(options, scenario_of, sim::RunScenario, nullptr, tools::Interrupted);
    fate->seeds_run += report.seeds;
    fate->seconds += report.wall_seconds;
    if (report.failures.empty()) return false;
    const sim::SeedFailure& failure = report.failures.front();
    if (IsGoodWithoutMutant(budget.profile, failure.seed)) {
      fate->invariant = failure.violation.invariant;
      fate->profile = std::string(budget.profile);
      fate->seed = failure.seed;
      return true;
    }
    first = failure.seed + 1;
  }
  return false;
}

Fate FateOf(const Arguments& arguments, const std::string& mutant) {
  Fate fate = {.mutant = mutant};
  const std::vector<Budget> chosen = {{arguments.profile, kSeedsOfChosenProfile}};
  for (const Budget& budget : arguments.profile.empty() ? BudgetsOf(mutant) : chosen) {
    if (Search(arguments, budget, &fate)) break;
  }
  Mutant::Select("");
  return fate;
}

void PrintTable(const std::vector<Fate>& fates) {
  tools::TextTable table({"mutant", "caught by", "profile", "seed", "seeds", "seconds"});
  for (const Fate& fate : fates) {
    const bool caught = !fate.invariant.empty();
    table.Add({fate.mutant, caught ? fate.invariant : "-", caught ? fate.profile : "-",
               caught ? absl::StrCat(fate.seed) : "-", absl::StrCat(fate.seeds_run),
               absl::StrFormat("%.1f", fate.seconds)});
  }
  std::fputs(table.Render().c_str(), stdout);
  for (const Fate& fate : fates) {
    if (!fate.invariant.empty()) continue;
    std::printf("SURVIVED \"%s\": %llu seeds and no violation\n", fate.mutant.c_str(),
                static_cast<unsigned long long>(fate.seeds_run));
  }
}

void PrintFatesJson(const std::vector<Fate>& fates) {
  nlohmann::ordered_json document = {{"mutants", nlohmann::ordered_json::array()},
                                     {"survivors", nlohmann::ordered_json::array()}};
  for (const Fate& fate : fates) {
    document["mutants"].push_back({{"mutant", fate.mutant},
                                   {"caught", !fate.invariant.empty()},
                                   {"invariant", fate.invariant},
                                   {"profile", fate.profile},
                                   {"seed", fate.seed},
                                   {"seeds", fate.seeds_run},
                                   {"seconds", fate.seconds}});
    if (fate.invariant.empty()) document["survivors"].push_back(fate.mutant);
  }
  std::printf("%s\n", document.dump(2).c_str());
}

// Empty, with a line on stderr, when one is named that there is not.
std::vector<std::string> Chosen(const Arguments& arguments) {
  if (arguments.only.empty()) return Mutant::Names();
  for (const std::string& name : arguments.only) {
    if (Mutant::Select(name)) continue;
    std::fprintf(stderr, "kiln-mutants: --only \"%s\": there is no such mutant (see --list)\n",
                 name.c_str());
    return {};
  }
  return arguments.only;
}

// A table row for a mutant that is no more is a mistake of the table.
bool TableIsUpToDate() {
  const std::vector<std::string> names = Mutant::Names();
  for (const MutantBudget& known : Budgets()) {
    if (std::count(names.begin(), names.end(), known.mutant) > 0) continue;
    std::fprintf(stderr, "kiln-mutants: budgets.h names \"%s\", which is no mutant\n",
                 std::string(known.mutant).c_str());
    return false;
  }
  return true;
}

int Run(const Arguments& arguments) {
  if (arguments.list) {
    for (const std::string& name : Mutant::Names()) std::printf("%s\n", name.c_str());
    return kExitOk;
  }
  const std::vector<std::string> chosen = Chosen(arguments);
  if (chosen.empty() || !TableIsUpToDate()) return kExitFailed;
  tools::WatchForInterrupts();
  std::vector<Fate> fates;
  {
    tools::Progress progress("mutants", chosen.size(), isatty(STDERR_FILENO) != 0);
    for (const std::string& mutant : chosen) {
      if (tools::Interrupted()) break;
      fates.push_back(FateOf(arguments, mutant));
      progress.Advance();
    }
  }
  arguments.json ? PrintFatesJson(fates) : PrintTable(fates);
  const bool all_caught = std::all_of(fates.begin(), fates.end(),
                                      [](const Fate& fate) { return !fate.invariant.empty(); });
  return all_caught && fates.size() == chosen.size() ? kExitOk : kExitFailed;
}

}  // namespace
}  // namespace kiln::mutants

int main(int argc, char** argv) {
  kiln::mutants::Arguments arguments;
  CLI::App app("Whether the simulator notices each fault of our own", "kiln-mutants");
  app.add_option("--only", arguments.only, "These mutants only");
  app.add_option("--jobs", arguments.jobs, "Worker processes")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--seeds", arguments.seeds, "Seeds of each profile, in place of budgets.h");
  app.add_option("--profile", arguments.profile,
                 "This one, or \"scenario NAME\" of tests/scenarios, in place of budgets.h");
  app.add_flag("--list", arguments.list, "Print the names of all mutants");
  app.add_flag("--json", arguments.json, "Print one JSON document instead of text");
  CLI11_PARSE(app, argc, argv);
  return kiln::mutants::Run(arguments);
}
