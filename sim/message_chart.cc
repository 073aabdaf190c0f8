#include "sim/message_chart.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace kiln::sim {
namespace {

using Kind = TraceEvent::Kind;

constexpr size_t kNoteBytesMax = 160;

struct Line {
  uint64_t at_us = 0;
  uint32_t replica = 0;
  std::string cells;  // a symbol for each replica
  std::string kind;   // of a message; empty otherwise
  std::string note;
};

// The symbol and the note of what is no message. No symbol: it is not shown.
std::pair<char, std::string> ChangeOf(const TraceEvent& event) {
  switch (event.kind) {
    case Kind::kStarted:
      return {'+', absl::StrCat("started at height ", event.height)};
    case Kind::kCrashed:
      return {'X', "crashed"};
    case Kind::kStopped:
      return {'!', absl::StrCat("stopped: ", event.text.substr(0, kNoteBytesMax))};
    case Kind::kCommitted:
      return {'C', absl::StrCat("committed height ", event.height)};
    default:
      return {0, ""};
  }
}

bool IsRule(Kind kind) {
  return kind == Kind::kFaultBegan || kind == Kind::kHealed;
}

class Chart {
 public:
  Chart(const std::deque<TraceEvent>& events, size_t replicas) : replicas_(replicas) {
    for (const TraceEvent& event : events) {
      if (event.kind == Kind::kReceived) arrived_.insert(event.id);
    }
    for (const TraceEvent& event : events) Add(event);
  }

  std::string Text(size_t lines_max) const {
    std::string text =
        "* sent   > arrived   ? on its way, or nobody was there   x lost   C committed   + started "
        "  "
        "X crashed   ! stopped itself\n   seconds ";
    for (size_t i = 0; i < replicas_; ++i) absl::StrAppend(&text, absl::StrFormat("%3d", i));
    text.push_back('\n');
    const size_t first = lines_.size() > lines_max ? lines_.size() - lines_max : 0;
    for (size_t i = first; i < lines_.size(); ++i) Append(lines_[i], &text);
    return text;
  }

 private:
  void Add(const TraceEvent& event) {
    if (event.kind == Kind::kSent || event.kind == Kind::kLost) return AddMessage(event);
    if (IsRule(event.kind)) {
      lines_.push_back({event.at_us, event.replica, "", "",
                        event.kind == Kind::kHealed ? "healed" : event.text});
      return;
    }
    auto [symbol, note] = ChangeOf(event);
    if (symbol == 0 || event.replica >= replicas_) return;
    Line line{event.at_us, event.replica, std::string(replicas_, '.'), "", std::move(note)};
    line.cells[event.replica] = symbol;
    lines_.push_back(std::move(line));
  }

  void AddMessage(const TraceEvent& event) {
    if (event.replica >= replicas_ || event.peer >= replicas_) return;
    const std::string kind = event.text.substr(0, event.text.find(' '));
    const bool joins = !lines_.empty() && lines_.back().kind == kind &&
                       lines_.back().at_us == event.at_us && lines_.back().replica == event.replica;
    if (!joins) {
      Line line{event.at_us, event.replica, std::string(replicas_, '.'), kind, kind};
      line.cells[event.replica] = '*';
      lines_.push_back(std::move(line));
    }
    Line& line = lines_.back();
    const char reached = arrived_.contains(event.id) ? '>' : '?';
    line.cells[event.peer] = event.kind == Kind::kLost ? 'x' : reached;
    if (event.round > 0 && line.note == kind) absl::StrAppend(&line.note, ", round ", event.round);
  }

  void Append(const Line& line, std::string* text) const {
    absl::StrAppend(text, absl::StrFormat("%10.6f ", static_cast<double>(line.at_us) / 1e6));
    if (line.cells.empty()) text->append(" ----");
    for (const char cell : line.cells) {
      text->append("  ");
      text->push_back(cell);
    }
    absl::StrAppend(text, "   ", line.note, "\n");
  }

  const size_t replicas_;
  absl::flat_hash_set<uint64_t> arrived_;  // lookup only
  std::vector<Line> lines_;
};

}  // namespace

std::string MessageChart(const std::deque<TraceEvent>& events, size_t replicas, size_t lines_max) {
  return Chart(events, replicas).Text(lines_max);
}

}  // namespace kiln::sim
