#include "sim/isolated_run.h"

#include <unistd.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "sim/child.h"
#include "sim/line_reader.h"
#include "sim/result_json.h"

namespace kiln::sim {
namespace {

// Sends what is recorded to the parent, each event at once: the process may not survive the next.
class PipeRecorder final : public Recorder {
 public:
  explicit PipeRecorder(int output) : output_(output) {}
  void Record(const TraceEvent& event) override {
    WriteFully(output_, absl::StrCat("e", EventLine(event), "\n"));
  }

 private:
  const int output_;
};

void RunInChild(const Runner& runner, const Scenario& scenario, bool records, int output) {
  alarm(kRunSecondsMax);
  PipeRecorder recorder(output);
  const RunResult result = runner(scenario, records ? &recorder : nullptr);
  WriteFully(output, absl::StrCat("r", ResultLine(result), "\n"));
}

}  // namespace

Violation DeathOfRun(uint64_t at_us, const std::string& why) {
  return {"S13", at_us, absl::StrCat("the process of the run died: ", why)};
}

RunResult RunIsolated(const Runner& runner, const Scenario& scenario, Recorder* recorder) {
  Child child([&](int, int output) { RunInChild(runner, scenario, recorder != nullptr, output); });
  LineReader reader;
  std::string line;
  std::optional<RunResult> result;
  uint64_t last_us = 0;
  while (reader.Fill(child.from_child())) {
    while (reader.Next(&line)) {
      if (line[0] == 'r') {
        result = ParseResultLine(line.substr(1));
        continue;
      }
      const TraceEvent event = ParseEventLine(line.substr(1));
      last_us = event.at_us;
      recorder->Record(event);
    }
  }
  const std::string why = child.Wait();
  if (!result.has_value()) {
    result.emplace();
    result->violations.push_back(DeathOfRun(last_us, why));
    result->simulated_us = last_us;
  }
  return *result;
}

}  // namespace kiln::sim
