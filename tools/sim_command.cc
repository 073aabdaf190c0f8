// kiln sim
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "sim/batch_report.h"
#include "sim/batch_runner.h"
#include "sim/faults.h"
#include "sim/generator.h"
#include "sim/isolated_run.h"
#include "sim/recorder.h"
#include "sim/scenario_toml.h"
#include "sim/shrink.h"
#include "sim/trace_html.h"
#include "sim/trace_text.h"
#include "sim/verdict.h"
#include "sim/world.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

namespace kiln::tools {
namespace {

constexpr uint64_t kSwarmSeedsForCoverage = 1000;  // fewer may miss a kind of fault by chance
constexpr uint64_t kLastSeed = INT64_MAX;

struct SimArguments {
  std::string seeds;
  std::optional<uint64_t> seed;
  std::string scenario_file;
  std::string profile = "swarm";
  std::optional<uint32_t> validators;
  bool real_signatures = false;
  double minutes = 0;
  int jobs = 2;
  bool trace = false;
  bool shrink = false;
  std::string html_file;
  std::optional<uint64_t> from_ms;
  std::optional<uint64_t> to_ms;
  std::string output;
  bool json = false;
};

struct SeedRange {
  uint64_t first = 1;
  uint64_t last = kLastSeed;
};

// "1..1000", or one number.
absl::StatusOr<SeedRange> ParseSeeds(const std::string& text) {
  SeedRange range;
  const std::vector<std::string> ends = absl::StrSplit(text, "..");
  const bool good = ends.size() <= 2 && absl::SimpleAtoi(ends.front(), &range.first) &&
                    absl::SimpleAtoi(ends.back(), &range.last) && range.first <= range.last &&
                    range.last <= kLastSeed;
  if (good) return range;
  return absl::InvalidArgumentError(
      absl::StrCat("--seeds \"", text, "\": must be FIRST..LAST, as in 1..1000"));
}

sim::Scenario ScenarioOfSeed(const SimArguments& arguments, uint64_t seed) {
  return sim::Generate(arguments.profile, seed,
                       {.validators = arguments.validators.value_or(0),
                        .real_signatures = arguments.real_signatures});
}

// The options that a seed's scenario follows from.
std::string ReplayCommand(const SimArguments& arguments, uint64_t seed) {
  std::string command = absl::StrCat("kiln sim --seed ", seed, " --profile ", arguments.profile);
  if (arguments.validators.has_value()) {
    absl::StrAppend(&command, " --validators ", *arguments.validators);
  }
  if (arguments.real_signatures) absl::StrAppend(&command, " --real-signatures");
  return command;
}

std::string ReplayCommand(const SimArguments& arguments) {
  if (arguments.seed.has_value()) return ReplayCommand(arguments, *arguments.seed);
  return absl::StrCat("kiln sim --scenario ", arguments.scenario_file,
                      arguments.real_signatures ? " --real-signatures" : "");
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file.good()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
}

// --- Many seeds

// What has to show up in many seeds of a profile.
std::vector<std::string> KindsToSee(const SimArguments& arguments, uint64_t seeds) {
  std::vector<std::string> kinds;
  if (arguments.profile != "swarm" || seeds < kSwarmSeedsForCoverage) return kinds;
  for (const sim::FaultKind& kind : sim::FaultKinds()) {
    kinds.push_back(absl::StrCat(kind.row, " ", kind.kind));
  }
  return kinds;
}

bool CoversTooLittle(const SimArguments& arguments, const sim::BatchReport& report,
                     const std::vector<std::string>& faults_missed) {
  if (arguments.profile != "swarm" || report.seeds < kSwarmSeedsForCoverage) return false;
  return !faults_missed.empty() || !report.MarksMissed().empty();
}

// How far a batch is, by seeds; by time when time alone ends it.
class BatchProgress {
 public:
  BatchProgress(const SimArguments& arguments, const SeedRange& range)
      : counts_seeds_(!arguments.seeds.empty()),
        start_us_(SystemClock()->Read().monotonic_us),
        progress_("simulating",
                  counts_seeds_ ? range.last - range.first + 1
                                : static_cast<size_t>(arguments.minutes * 60),
                  StderrIsTerminal()) {}

  void OnSeed() {
    if (counts_seeds_) return progress_.Advance();
    const size_t seconds = (SystemClock()->Read().monotonic_us - start_us_) / 1'000'000;
    if (seconds > seconds_) progress_.Advance(seconds - seconds_);
    seconds_ = std::max(seconds, seconds_);
  }

 private:
  const bool counts_seeds_;
  const uint64_t start_us_;
  size_t seconds_ = 0;
  Progress progress_;
};

sim::BatchReport RunSeeds(const SimArguments& arguments, const SeedRange& range) {
  const sim::BatchOptions options = {.first_seed = range.first,
                                     .last_seed = range.last,
                                     .jobs = arguments.jobs,
                                     .seconds_max = arguments.minutes * 60};
  BatchProgress progress(arguments, range);
  return sim::RunBatch(
      options, [&](uint64_t seed) { return ScenarioOfSeed(arguments, seed); }, sim::RunScenario,
      [&](const sim::SeedOutcome&) { progress.OnSeed(); }, Interrupted);
}

absl::Status RunManySeeds(const SimArguments& arguments, CommandContext& context) {
  SeedRange range;
  if (!arguments.seeds.empty()) {
    KILN_ASSIGN_OR_RETURN(range, ParseSeeds(arguments.seeds));
  }
  WatchForInterrupts();
  const sim::BatchReport report = RunSeeds(arguments, range);
  const sim::ReplayOf replay = [&](uint64_t seed) { return ReplayCommand(arguments, seed); };
  const std::vector<std::string> missed =
      sim::FaultsMissed(report, KindsToSee(arguments, report.seeds));
  const std::string text = arguments.json ? sim::BatchReportJson(report, missed, replay) + "\n"
                                          : sim::BatchReportText(report, missed, replay);
  std::fputs(text.c_str(), stdout);
  if (!report.failures.empty() || CoversTooLittle(arguments, report, missed)) {
    context.set_exit_status(kExitFailed);
  }
  return absl::OkStatus();
}

// --- One run

absl::StatusOr<sim::Scenario> ScenarioToRun(const SimArguments& arguments) {
  if (arguments.seed.has_value()) return ScenarioOfSeed(arguments, *arguments.seed);
  KILN_ASSIGN_OR_RETURN(sim::Scenario scenario, sim::ReadScenario(arguments.scenario_file));
  if (arguments.real_signatures) scenario.real_signatures = true;
  return scenario;
}

nlohmann::ordered_json ViolationsJson(const std::vector<sim::Violation>& violations) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const sim::Violation& violation : violations) {
    list.push_back({{"invariant", violation.invariant},
                    {"at", static_cast<double>(violation.at_us) / 1e6},
                    {"what", violation.what}});
  }
  return list;
}

double Milliseconds(uint64_t us) {
  return static_cast<double>(us) / 1e3;
}

nlohmann::ordered_json FiguresJson(const sim::RunFigures& figures) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::object();
  for (const auto& [kind, sent] : figures.messages) {
    messages[kind] = {{"count", sent.count}, {"bytes", sent.bytes}};
  }
  return {{"seconds", static_cast<double>(figures.measured_us) / 1e6},
          {"transactions", figures.transactions},
          {"refused", figures.refused},
          {"blocks", figures.blocks},
          {"rounds", figures.rounds},
          {"longest_pause_ms", Milliseconds(figures.longest_pause_us)},
          {"latency_ms",
           {{"p50", Milliseconds(figures.latency_p50_us)},
            {"p90", Milliseconds(figures.latency_p90_us)},
            {"p99", Milliseconds(figures.latency_p99_us)},
            {"max", Milliseconds(figures.latency_max_us)}}},
          {"messages", messages},
          {"busiest_line_bytes", figures.busiest_line_bytes},
          {"transactions_in_second", figures.transactions_in_second}};
}

void PrintRunJson(const SimArguments& arguments, const sim::Scenario& scenario,
                  const sim::RunResult& result) {
  const std::vector<sim::Violation> failures = sim::Failures(scenario, result);
  PrintJson({{"name", scenario.name},
             {"seed", scenario.seed},
             {"good", failures.empty()},
             {"violations", ViolationsJson(result.violations)},
             {"failures", ViolationsJson(failures)},
             {"committed_blocks", result.committed_blocks},
             {"committed_transactions", result.committed_transactions},
             {"rounds", result.rounds},
             {"simulated_seconds", static_cast<double>(result.simulated_us) / 1e6},
             {"events", result.events},
             {"faults", result.faults},
             {"frames_dropped", result.frames_dropped},
             {"figures", FiguresJson(result.figures)},
             {"trace_hash", absl::StrCat(absl::Hex(result.trace_hash, absl::kZeroPad16))},
             {"replay", ReplayCommand(arguments)}});
}

void PrintRunText(const SimArguments& arguments, const sim::Scenario& scenario,
                  const sim::RunResult& result) {
  const std::vector<sim::Violation> failures = sim::Failures(scenario, result);
  for (const sim::Violation& failure : failures) {
    std::printf("VIOLATION %s\n", sim::ViolationText(failure).c_str());
  }
  if (failures.empty()) {
    const char* verdict =
        scenario.must_violate.empty() ? "no violation" : "violated, as it must be";
    std::printf("%s\n", verdict);
  } else if (!arguments.trace) {
    std::printf("  replay: %s --trace\n", ReplayCommand(arguments).c_str());
  }
  std::printf("committed %llu blocks and %llu transactions in %llu rounds and %.3f s\n",
              static_cast<unsigned long long>(result.committed_blocks),
              static_cast<unsigned long long>(result.committed_transactions),
              static_cast<unsigned long long>(result.rounds),
              static_cast<double>(result.simulated_us) / 1e6);
}

void Print(absl::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
}

// With what was asked for: text as it comes, or a page.
absl::StatusOr<sim::RunResult> RunAndShow(const SimArguments& arguments,
                                          const sim::Scenario& scenario) {
  if (!arguments.html_file.empty()) {
    sim::TraceLog log;
    const sim::RunResult result = sim::RunIsolated(sim::RunScenario, scenario, &log);
    const std::string page = sim::TraceHtml(
        scenario, result, log.events(), {.from_ms = arguments.from_ms, .to_ms = arguments.to_ms});
    KILN_RETURN_IF_ERROR(WriteFile(arguments.html_file, page));
    return result;
  }
  if (!arguments.trace) return sim::RunIsolated(sim::RunScenario, scenario);
  sim::TraceText text(scenario, Print);
  const sim::RunResult result = sim::RunIsolated(sim::RunScenario, scenario, &text);
  text.Finish();
  return result;
}

absl::Status RunOnce(const SimArguments& arguments, CommandContext& context) {
  KILN_ASSIGN_OR_RETURN(const sim::Scenario scenario, ScenarioToRun(arguments));
  KILN_ASSIGN_OR_RETURN(const sim::RunResult result, RunAndShow(arguments, scenario));
  if (arguments.json) {
    PrintRunJson(arguments, scenario, result);
  } else {
    PrintRunText(arguments, scenario, result);
  }
  if (!sim::Failures(scenario, result).empty()) context.set_exit_status(kExitFailed);
  return absl::OkStatus();
}

// --- Shrinking

// How far a search is whose end nobody knows.
class ShrinkProgress {
 public:
  ~ShrinkProgress() {
    if (is_terminal_ && shown_) std::fputc('\n', stderr);
  }
  void Show(size_t runs, const sim::Scenario& smallest) {
    if (!is_terminal_ && runs % 100 != 0) return;
    shown_ = true;
    std::fprintf(stderr,
                 is_terminal_ ? "\rshrinking: run %zu, %zu faults left \033[K"
                              : "shrinking: run %zu, %zu faults left\n",
                 runs, smallest.faults.size());
  }

 private:
  const bool is_terminal_ = StderrIsTerminal();
  bool shown_ = false;
};

std::string ShrunkFile(const SimArguments& arguments, const std::string& invariant) {
  const std::string name =
      arguments.seed.has_value()
          ? absl::StrCat(arguments.profile, "-", *arguments.seed, "-", invariant, ".toml")
          : absl::StrCat(std::filesystem::path(arguments.scenario_file).stem().string(), "-",
                         invariant, ".toml");
  const bool is_folder =
      !arguments.output.empty() &&
      (arguments.output.back() == '/' || std::filesystem::is_directory(arguments.output));
  if (is_folder) return (std::filesystem::path(arguments.output) / name).string();
  return arguments.output.empty() ? name : arguments.output;
}

sim::Violation FirstViolation(const sim::Scenario& scenario) {
  const sim::RunResult result = sim::RunIsolated(sim::RunScenario, scenario);
  return result.violations.empty() ? sim::Violation{} : result.violations.front();
}

std::string AboutShrunk(const SimArguments& arguments, const sim::ShrinkResult& shrunk) {
  return absl::StrCat("Shrunk from ", ReplayCommand(arguments), ": violates ",
                      sim::ViolationText(shrunk.violation));
}

void PrintShrunk(const SimArguments& arguments, const sim::ShrinkResult& shrunk,
                 const std::string& path) {
  if (arguments.json) {
    return PrintJson({{"file", path},
                      {"faults", shrunk.scenario.faults.size()},
                      {"runs", shrunk.runs},
                      {"violations", ViolationsJson({shrunk.violation})}});
  }
  std::printf("%s\n# %zu runs; saved as %s\n# replay: kiln sim --scenario %s --trace\n",
              sim::ScenarioText(shrunk.scenario).c_str(), shrunk.runs, path.c_str(), path.c_str());
}

absl::Status RunShrink(const SimArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const sim::Scenario scenario, ScenarioToRun(arguments));
  const sim::Violation violation = FirstViolation(scenario);
  if (violation.invariant.empty()) {
    return absl::FailedPreconditionError("nothing to shrink: there is no violation");
  }
  WatchForInterrupts();
  sim::ShrinkResult shrunk;
  {
    ShrinkProgress progress;
    sim::ShrinkOptions options;
    options.on_run = [&](size_t runs, const sim::Scenario& best) { progress.Show(runs, best); };
    options.should_stop = Interrupted;
    shrunk = sim::Shrink(scenario, violation, FirstViolation, options);
  }
  const std::string path = ShrunkFile(arguments, violation.invariant);
  shrunk.scenario.name = std::filesystem::path(path).stem().string();
  shrunk.scenario.about = AboutShrunk(arguments, shrunk);
  KILN_RETURN_IF_ERROR(WriteFile(path, sim::ScenarioText(shrunk.scenario)));
  PrintShrunk(arguments, shrunk, path);
  return absl::OkStatus();
}

// --- The command line

absl::Status CheckCombination(const SimArguments& arguments) {
  const bool one = arguments.seed.has_value() || !arguments.scenario_file.empty();
  const bool shows_one = arguments.trace || arguments.shrink || !arguments.html_file.empty();
  if (!one && arguments.seeds.empty() && arguments.minutes <= 0) {
    return absl::InvalidArgumentError("name what to run: --seeds, --seed, --scenario or --minutes");
  }
  if (!one && shows_one) {
    return absl::InvalidArgumentError(
        "--trace, --shrink and --html are for one run: give --seed or --scenario");
  }
  if (arguments.trace && arguments.json) {
    return absl::InvalidArgumentError("--trace and --json both print: give one of them");
  }
  if (!arguments.scenario_file.empty() && arguments.validators.has_value()) {
    return absl::InvalidArgumentError("--validators: a scenario file says itself who there is");
  }
  return absl::OkStatus();
}

absl::Status RunSim(const SimArguments& arguments, CommandContext& context) {
  KILN_RETURN_IF_ERROR(CheckCombination(arguments));
  if (!arguments.seed.has_value() && arguments.scenario_file.empty()) {
    return RunManySeeds(arguments, context);
  }
  if (!arguments.shrink) return RunOnce(arguments, context);
  context.set_exit_status(kExitFailed);  // there is a violation, or something else is wrong
  return RunShrink(arguments);
}

std::vector<std::string> ProfileNames() {
  std::vector<std::string> names;
  for (const absl::string_view name : sim::Profiles()) names.emplace_back(name);
  return names;
}

void AddWhatToRun(CLI::App* command, SimArguments* arguments) {
  CLI::Option* seeds = command->add_option("--seeds", arguments->seeds, "Seeds: FIRST..LAST");
  CLI::Option* seed = command->add_option("--seed", arguments->seed, "One seed");
  CLI::Option* file =
      command->add_option("--scenario", arguments->scenario_file, "One scenario from a file");
  seed->check(CLI::Range(uint64_t{0}, kLastSeed))->excludes(seeds)->excludes(file);
  file->excludes(seeds);
  command->add_option("--profile", arguments->profile, "What goes wrong in a seed")
      ->check(CLI::IsMember(ProfileNames()))
      ->capture_default_str()
      ->excludes(file);
  command
      ->add_option("--validators", arguments->validators,
                   "How many validators; by default the profile draws it")
      ->check(CLI::Range(1, static_cast<int>(sim::kScenarioReplicasMax)));
  command->add_flag("--real-signatures", arguments->real_signatures,
                    "Ed25519 in place of a keyed hash: slower");
}

void AddSimOptions(CLI::App* command, SimArguments* arguments) {
  AddWhatToRun(command, arguments);
  command->add_option("--minutes", arguments->minutes, "Start no seed after so many minutes")
      ->check(CLI::Range(0.01, 100'000.0));
  command->add_option("--jobs", arguments->jobs, "Worker processes")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  CLI::Option* trace =
      command->add_flag("--trace", arguments->trace, "Print one line per change of state");
  CLI::Option* html = command->add_option("--html", arguments->html_file,
                                          "Write a space-time diagram of the run to this file");
  html->excludes(trace);
  command->add_option("--from-ms", arguments->from_ms, "Where the diagram begins")->needs(html);
  command->add_option("--to-ms", arguments->to_ms, "Where the diagram ends")->needs(html);
  CLI::Option* shrink = command->add_flag(
      "--shrink", arguments->shrink, "Find the smallest scenario with the same violation, save it");
  shrink->excludes(trace)->excludes(html);
  command->add_option("--output", arguments->output, "File or folder for what --shrink finds")
      ->needs(shrink);
  AddJsonOption(command, &arguments->json);
}

}  // namespace

void AddSimCommand(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<SimArguments>();
  CLI::App* command =
      app.add_subcommand("sim", "A simulated cluster in which things go wrong, and its invariants");
  command->footer(
      "\nWhat is run follows from the seed alone. Exit status: 1 when an invariant of\n"
      "docs/testing.md was violated, or, from 1,000 seeds of swarm on, when a kind of fault or a\n"
      "marked place in the code was never seen.\n\n"
      "Examples:\n"
      "  kiln sim --seeds 1..1000 --jobs 2\n"
      "  kiln sim --seed 8123 --trace\n"
      "  kiln sim --seed 8123 --html run.html\n"
      "  kiln sim --seed 8123 --shrink\n"
      "  kiln sim --scenario swarm-8123-S6.toml --trace");
  AddSimOptions(command, arguments.get());
  SetAction(command, context, [arguments, &context] { return RunSim(*arguments, context); });
}

}  // namespace kiln::tools
