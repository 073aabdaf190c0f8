#include "sim/batch_runner.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mark.h"
#include "sim/child.h"
#include "sim/isolated_run.h"
#include "sim/line_reader.h"
#include "sim/result_json.h"

namespace kiln::sim {
namespace {

using nlohmann::json;

// One running and one waiting: a worker need not wait for the parent, and no other for its backlog.
constexpr size_t kSeedsAhead = 2;
// A worker that dies takes no more than the marks of so many seeds with it.
constexpr uint64_t kSeedsPerMarksLine = 16;
constexpr absl::string_view kEndLine = "end";
constexpr int kPollMs = 200;

// --- In the worker. Lines start with 's' (a seed's outcome) or 'm' (all marks so far).

std::string OutcomeLine(const SeedOutcome& outcome) {
  json failures = json::array();
  for (const Violation& failure : outcome.failures) {
    failures.push_back({failure.invariant, failure.at_us, failure.what});
  }
  const json document = {{"seed", outcome.seed},
                         {"result", ResultLine(outcome.result)},
                         {"failures", failures},
                         {"drawn", outcome.drawn}};
  return absl::StrCat("s", document.dump(-1, ' ', false, json::error_handler_t::replace), "\n");
}

std::string MarksLine() {
  std::map<std::string, uint64_t> marks;
  for (const Mark* mark : Mark::All()) marks[std::string(mark->name())] = mark->count();
  return absl::StrCat("m", json(marks).dump(-1, ' ', false, json::error_handler_t::replace), "\n");
}

bool RunsTwice(const BatchOptions& options, uint64_t seed) {
  return options.twice_every > 0 && seed % options.twice_every == 1 % options.twice_every;
}

void Work(const BatchOptions& options, const ScenarioOf& scenario_of, const Runner& runner,
          int input, int output) {
  LineReader reader;
  std::string line;
  uint64_t done = 0;
  while (true) {
    while (!reader.Next(&line)) {
      if (!reader.Fill(input)) return;
    }
    if (line == kEndLine) break;
    uint64_t seed = 0;
    KILN_CHECK(absl::SimpleAtoi(line, &seed)) << line;
    alarm(kRunSecondsMax);
    const SeedOutcome outcome = RunSeed(seed, RunsTwice(options, seed), scenario_of, runner);
    alarm(0);
    if (done++ % kSeedsPerMarksLine == 0) WriteFully(output, MarksLine());
    WriteFully(output, OutcomeLine(outcome));
  }
  WriteFully(output, MarksLine());
}

// --- In the parent

SeedOutcome ParseOutcome(const std::string& text) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  KILN_CHECK(!document.is_discarded()) << text;
  SeedOutcome outcome;
  outcome.seed = document.at("seed");
  outcome.result = ParseResultLine(document.at("result"));
  for (const json& failure : document.at("failures")) {
    outcome.failures.push_back({failure.at(0), failure.at(1), failure.at(2)});
  }
  outcome.drawn = document.at("drawn").get<std::map<std::string, uint64_t>>();
  return outcome;
}

struct Worker {
  std::unique_ptr<Child> child;
  LineReader reader;
  std::deque<uint64_t> seeds;  // given to it, the running one first
  bool was_told_to_end = false;
  std::map<std::string, uint64_t> marks;
};

// Hands out seeds and takes in what comes of them.
class Batch {
 public:
  Batch(const BatchOptions& options, const ScenarioOf& scenario_of, const Runner& runner,
        const std::function<void(const SeedOutcome&)>& on_outcome,
        const std::function<bool()>& should_stop)
      : options_(options),
        scenario_of_(scenario_of),
        runner_(runner),
        on_outcome_(on_outcome),
        should_stop_(should_stop),
        next_(options.first_seed) {}

  BatchReport Run() {
    const uint64_t start_us = SystemClock()->Read().monotonic_us;
    deadline_us_ = options_.seconds_max > 0
                       ? start_us + static_cast<uint64_t>(options_.seconds_max * 1e6)
                       : UINT64_MAX;
    const auto previous = signal(SIGPIPE, SIG_IGN);  // a worker may die while it is written to
    for (int i = 0; i < std::max(options_.jobs, 1); ++i) workers_.push_back(NewWorker());
    while (!workers_.empty()) Turn();
    signal(SIGPIPE, previous);
    report_.wall_seconds = static_cast<double>(SystemClock()->Read().monotonic_us - start_us) / 1e6;
    return std::move(report_);
  }

 private:
  std::unique_ptr<Worker> NewWorker() {
    auto worker = std::make_unique<Worker>();
    worker->child = std::make_unique<Child>(
        [this](int input, int output) { Work(options_, scenario_of_, runner_, input, output); });
    return worker;
  }

  bool IsOver() {
    if (options_.stops_at_failure && !report_.failures.empty()) stopped_ = true;
    if (should_stop_ != nullptr && should_stop_()) stopped_ = true;
    if (SystemClock()->Read().monotonic_us >= deadline_us_) stopped_ = true;
    return stopped_;
  }

  std::optional<uint64_t> NextSeed() {
    if (IsOver()) return std::nullopt;
    if (!again_.empty()) {
      const uint64_t seed = again_.front();
      again_.pop_front();
      return seed;
    }
    if (exhausted_ || next_ > options_.last_seed) return std::nullopt;
    exhausted_ = next_ == options_.last_seed;
    return next_++;
  }

  void Feed(Worker& worker) {
    while (!worker.was_told_to_end && worker.seeds.size() < kSeedsAhead) {
      const std::optional<uint64_t> seed = NextSeed();
      if (!seed.has_value()) break;
      worker.seeds.push_back(*seed);
      WriteFully(worker.child->to_child(), absl::StrCat(*seed, "\n"));
    }
    if (!worker.seeds.empty() || worker.was_told_to_end) return;
    worker.was_told_to_end = true;
    WriteFully(worker.child->to_child(), absl::StrCat(kEndLine, "\n"));
  }

  // One wait for news of any worker.
  void Turn() {
    std::vector<pollfd> polled;
    for (const auto& worker : workers_) {
      Feed(*worker);
      polled.push_back({worker->child->from_child(), POLLIN, 0});
    }
    if (poll(polled.data(), polled.size(), kPollMs) < 0) {
      KILN_CHECK(errno == EINTR) << std::strerror(errno);
      return;
    }
    for (size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      if (workers_[i]->reader.Fill(polled[i].fd)) {
        TakeLines(*workers_[i]);
      } else {
        workers_[i] = AfterEndOf(*workers_[i]);
      }
    }
    workers_.erase(std::remove(workers_.begin(), workers_.end(), nullptr), workers_.end());
  }

  void TakeLines(Worker& worker) {
    std::string line;
    while (worker.reader.Next(&line)) {
      if (line[0] == 'm') {
        worker.marks = json::parse(line.substr(1)).get<std::map<std::string, uint64_t>>();
        continue;
      }
      const SeedOutcome outcome = ParseOutcome(line.substr(1));
      KILN_CHECK(!worker.seeds.empty());
      KILN_CHECK_EQ(worker.seeds.front(), outcome.seed);
      worker.seeds.pop_front();
      if (RunsTwice(options_, outcome.seed)) ++report_.run_twice;
      Take(outcome);
    }
  }

  void Take(const SeedOutcome& outcome) {
    report_.Add(outcome);
    if (on_outcome_ != nullptr) on_outcome_(outcome);
  }

  // The worker that takes its place; null when none has to.
  std::unique_ptr<Worker> AfterEndOf(Worker& worker) {
    const std::string why = worker.child->Wait();
    report_.cpu_seconds += worker.child->cpu_seconds();
    report_.AddMarks(worker.marks);
    if (worker.seeds.empty()) {
      KILN_CHECK(worker.was_told_to_end) << "a worker ended by itself: " << why;
      return nullptr;
    }
    const uint64_t seed = worker.seeds.front();
    again_.insert(again_.begin(), worker.seeds.begin() + 1, worker.seeds.end());
    SeedOutcome outcome;
    outcome.seed = seed;
    outcome.failures.push_back(DeathOfRun(0, why));
    Take(outcome);
    return NewWorker();
  }

  const BatchOptions& options_;
  const ScenarioOf& scenario_of_;
  const Runner& runner_;
  const std::function<void(const SeedOutcome&)>& on_outcome_;
  const std::function<bool()>& should_stop_;

  uint64_t next_;
  uint64_t deadline_us_ = UINT64_MAX;
  bool exhausted_ = false;  // next_ would be beyond the last seed, or have wrapped
  bool stopped_ = false;
  std::deque<uint64_t> again_;  // given to workers that died before they came to them
  std::vector<std::unique_ptr<Worker>> workers_;
  BatchReport report_;
};

}  // namespace

SeedOutcome RunSeed(uint64_t seed, bool twice, const ScenarioOf& scenario_of,
                    const Runner& runner) {
  const Scenario scenario = scenario_of(seed);
  SeedOutcome outcome;
  outcome.seed = seed;
  outcome.drawn = KindsOf(scenario);
  outcome.result = runner(scenario, nullptr);
  outcome.failures = Failures(scenario, outcome.result);
  if (!twice || !outcome.failures.empty()) return outcome;
  const uint64_t again = runner(scenario, nullptr).trace_hash;
  if (again != outcome.result.trace_hash) {
    outcome.failures.push_back(
        {"M1", outcome.result.simulated_us,
         absl::StrCat("two runs of one seed differ: trace hashes ",
                      absl::Hex(outcome.result.trace_hash), " and ", absl::Hex(again))});
  }
  return outcome;
}

BatchReport RunBatch(const BatchOptions& options, const ScenarioOf& scenario_of,
                     const Runner& runner,
                     const std::function<void(const SeedOutcome&)>& on_outcome,
                     const std::function<bool()>& should_stop) {
  return Batch(options, scenario_of, runner, on_outcome, should_stop).Run();
}

}  // namespace kiln::sim
