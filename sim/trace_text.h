// A run as text: one line per change of state, one column per replica.
#ifndef KILN_SIM_TRACE_TEXT_H_
#define KILN_SIM_TRACE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sim/recorder.h"
#include "sim/run_result.h"
#include "sim/scenario.h"

namespace kiln::sim {

// Hands out lines, each with its newline, as events come; the first ones explain the rest. What a
// replica does in one moment shares a line. Messages are not shown: they are changes of nobody's
// state. Finish() must be called at the end. Not thread-safe.
class TraceText final : public Recorder {
 public:
  using Sink = std::function<void(absl::string_view line)>;
  TraceText(const Scenario& scenario, Sink sink);

  void Record(const TraceEvent& event) override;
  void Finish();

 private:
  // What is known of a replica.
  struct Column {
    uint64_t round = 0;
    uint64_t height = 0;
    uint64_t proposed_round = 0;
    bool is_up = false;
  };
  // The line that is being made up.
  struct Pending {
    uint64_t at_us = 0;
    uint32_t replica = 0;
    std::string symbols;
    std::vector<std::string> notes;
  };

  void Header(const Scenario& scenario);
  void Flush();
  void Rule(const TraceEvent& event);
  void Change(const TraceEvent& event, char symbol);
  void Update(const TraceEvent& event);
  std::string Cell(uint32_t replica, absl::string_view symbols) const;

  const Sink sink_;
  const size_t width_;
  std::vector<Column> columns_;
  std::vector<Pending> pending_;  // at most one
};

// "validator 2", "twin of validator 0": who a replica is.
std::string ReplicaName(const Scenario& scenario, uint32_t replica);

// Of a whole run.
std::string TraceTextOf(const Scenario& scenario, const std::vector<TraceEvent>& events);

}  // namespace kiln::sim

#endif  // KILN_SIM_TRACE_TEXT_H_
