#include "sim/trace_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace kiln::sim {
namespace {

using Kind = TraceEvent::Kind;

constexpr size_t kWideCellsMax = 7;  // with more replicas, cells are narrower
constexpr size_t kNoteBytesMax = 100;

// The symbol of a change of state; 0 for what is none.
char SymbolOf(Kind kind) {
  switch (kind) {
    case Kind::kStarted:
      return '+';
    case Kind::kCrashed:
      return 'X';
    case Kind::kStopped:
      return '!';
    case Kind::kRound:
      return '>';
    case Kind::kVoted:
      return 'V';
    case Kind::kTimedOut:
      return 'T';
    case Kind::kProposed:
      return 'P';
    case Kind::kCommitted:
      return 'C';
    default:
      return 0;
  }
}

std::string Seconds(uint64_t us) {
  return absl::StrFormat("%10.6f", static_cast<double>(us) / 1e6);
}

std::string RuleText(const TraceEvent& event) {
  switch (event.kind) {
    case Kind::kFaultBegan:
      return absl::StrCat("fault begins: ", event.text);
    case Kind::kFaultEnded:
      return absl::StrCat("fault ends: ", event.text);
    case Kind::kHealed:
      return "all faults have ended";
    default:
      return absl::StrCat("VIOLATION ", event.text);
  }
}

bool IsRule(Kind kind) {
  return kind == Kind::kFaultBegan || kind == Kind::kFaultEnded || kind == Kind::kHealed ||
         kind == Kind::kViolation;
}

std::string LeftAligned(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string WithoutTrailingSpace(std::string line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

std::string ReplicaName(const Scenario& scenario, uint32_t replica) {
  if (replica < scenario.powers.size()) return absl::StrCat("validator ", replica);
  const size_t twin = replica - scenario.powers.size();
  if (twin >= scenario.twins.size()) return absl::StrCat("replica ", replica);
  return absl::StrCat("twin of validator ", scenario.twins[twin]);
}

TraceText::TraceText(const Scenario& scenario, Sink sink)
    : sink_(std::move(sink)),
      width_(scenario.powers.size() + scenario.twins.size() <= kWideCellsMax ? 15 : 10),
      columns_(scenario.powers.size() + scenario.twins.size()) {
  Header(scenario);
}

void TraceText::Header(const Scenario& scenario) {
  sink_("# One line per change of state; the cell of the replica that changed has ROUND/HEIGHT.\n");
  sink_("# > entered a round   P proposed   V voted   T gave up on the round   C committed\n");
  sink_("# + started   X crashed   ! stopped itself   * this replica proposed in its round\n");
  std::string names = LeftAligned("#  seconds", 10);
  for (uint32_t i = 0; i < columns_.size(); ++i) {
    const bool is_twin = i >= scenario.powers.size();
    const std::string name =
        is_twin ? absl::StrCat(i, "=twin", scenario.twins[i - scenario.powers.size()])
                : absl::StrCat(i);
    absl::StrAppend(&names, " | ", LeftAligned(name, width_));
  }
  sink_(absl::StrCat(names, " |\n"));
}

void TraceText::Record(const TraceEvent& event) {
  if (IsRule(event.kind)) return Rule(event);
  const char symbol = SymbolOf(event.kind);
  if (symbol != 0 && event.replica < columns_.size()) Change(event, symbol);
}

void TraceText::Finish() {
  Flush();
}

void TraceText::Rule(const TraceEvent& event) {
  Flush();
  sink_(absl::StrCat(Seconds(event.at_us), " ---- ", RuleText(event), "\n"));
}

void TraceText::Change(const TraceEvent& event, char symbol) {
  const bool joins = !pending_.empty() && pending_[0].at_us == event.at_us &&
                     pending_[0].replica == event.replica && pending_[0].symbols.size() < 4;
  if (!joins) {
    Flush();
    pending_.push_back({event.at_us, event.replica, "", {}});
  }
  Update(event);
  pending_[0].symbols.push_back(symbol);
  if (event.text.empty()) return;
  const std::string note(absl::string_view(event.text).substr(0, kNoteBytesMax));
  const std::vector<std::string>& notes = pending_[0].notes;
  if (std::count(notes.begin(), notes.end(), note) == 0) pending_[0].notes.push_back(note);
}

void TraceText::Update(const TraceEvent& event) {
  Column& column = columns_[event.replica];
  column.is_up = event.kind != Kind::kCrashed && event.kind != Kind::kStopped;
  const bool starts = event.kind == Kind::kStarted;
  if (starts || event.kind == Kind::kRound) column.round = event.round;
  if (starts || event.kind == Kind::kCommitted) column.height = event.height;
  if (event.kind == Kind::kProposed) column.proposed_round = event.round;
}

std::string TraceText::Cell(uint32_t replica, absl::string_view symbols) const {
  const Column& column = columns_[replica];
  if (!column.is_up) return std::string(symbols);
  const bool leads = column.proposed_round == column.round && column.round > 0;
  return absl::StrCat(symbols, " ", column.round, "/", column.height, leads ? "*" : "");
}

void TraceText::Flush() {
  if (pending_.empty()) return;
  const Pending& pending = pending_[0];
  std::string line = Seconds(pending.at_us);
  for (uint32_t i = 0; i < columns_.size(); ++i) {
    const std::string cell = i == pending.replica ? Cell(i, pending.symbols) : "";
    absl::StrAppend(&line, " | ", LeftAligned(cell, width_));
  }
  absl::StrAppend(&line, " | ", absl::StrJoin(pending.notes, "; "));
  sink_(absl::StrCat(WithoutTrailingSpace(std::move(line)), "\n"));
  pending_.clear();
}

std::string TraceTextOf(const Scenario& scenario, const std::vector<TraceEvent>& events) {
  std::string text;
  TraceText trace(scenario, [&text](absl::string_view line) { absl::StrAppend(&text, line); });
  for (const TraceEvent& event : events) trace.Record(event);
  trace.Finish();
  return text;
}

}  // namespace kiln::sim
