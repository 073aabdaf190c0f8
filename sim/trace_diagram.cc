#include "sim/trace_diagram.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/html.h"
#include "sim/trace_text.h"

namespace kiln::sim {
namespace {

using Kind = TraceEvent::Kind;

constexpr double kPixelsPerEvent = 5;
constexpr double kWidthMin = 1300;
constexpr double kWidthMax = 14'000;
constexpr double kMargin = 24;  // left and right of the picture
constexpr double kAxisHeight = 26;
constexpr double kLaneHeight = 17;
constexpr double kNamesWidth = 132;
constexpr size_t kLanesMax = 12;  // faults beyond them share the last one

// How messages of a kind are drawn. The text of a message starts with its kind.
struct MessageStyle {
  absl::string_view kind;
  absl::string_view colour;
};
constexpr MessageStyle kMessageStyles[] = {
    {"proposal", "#1f6fd1"},     {"vote", "#2f9e44"},   {"timeout", "#e8710a"},
    {"certificates", "#8e44ad"}, {"blocks", "#8a5a2b"}, {"block_request", "#c2255c"},
    {"transactions", "#868e96"},
};
constexpr size_t kOtherStyle = std::size(kMessageStyles) - 1;

size_t StyleOf(absl::string_view text) {
  for (size_t i = 0; i < std::size(kMessageStyles); ++i) {
    if (absl::StartsWith(text, kMessageStyles[i].kind)) return i;
  }
  if (absl::StartsWith(text, "block request")) return 5;
  if (absl::StartsWith(text, "certificate")) return 3;
  return kOtherStyle;
}

std::string TimeText(uint64_t us) {
  return absl::StrFormat("%.6f s", static_cast<double>(us) / 1e6);
}

std::string Number(double value) {
  return absl::StrFormat("%.1f", value);
}

std::string TitleTag(absl::string_view text) {
  return absl::StrCat("<title>", EscapeHtml(text), "</title>");
}

std::string Line(double x1, double y1, double x2, double y2, absl::string_view attributes) {
  return absl::StrCat("<line x1=\"", Number(x1), "\" y1=\"", Number(y1), "\" x2=\"", Number(x2),
                      "\" y2=\"", Number(y2), "\" ", attributes, "/>");
}

std::string Text(double x, double y, absl::string_view attributes, absl::string_view text) {
  return absl::StrCat("<text x=\"", Number(x), "\" y=\"", Number(y), "\" ", attributes, ">",
                      EscapeHtml(text), "</text>");
}

std::string Rect(double x, double y, double width, double height, absl::string_view attributes,
                 absl::string_view title) {
  return absl::StrCat("<rect x=\"", Number(x), "\" y=\"", Number(y), "\" width=\"", Number(width),
                      "\" height=\"", Number(height), "\" ", attributes, ">", TitleTag(title),
                      "</rect>\n");
}

std::string CrossPath(double x, double y, double size) {
  return absl::StrFormat("M%.1f %.1fl%.1f %.1fm0 %.1fl%.1f %.1f", x - size, y - size, 2 * size,
                         2 * size, -2 * size, -2 * size, 2 * size);
}

// A message, its sender and its receiver.
using FlightKey = std::tuple<uint64_t, uint32_t, uint32_t>;

FlightKey KeyOf(const TraceEvent& event) {
  if (event.kind == Kind::kReceived) return {event.id, event.peer, event.replica};
  return {event.id, event.replica, event.peer};
}

// From when to when a fault lasted, and for whom.
struct FaultSpan {
  std::string text;
  uint64_t from_us = 0;
  uint64_t to_us = UINT64_MAX;
  std::set<uint32_t> replicas;  // empty: the network
  size_t lane = 0;
};

// One picture in the making.
class Diagram {
 public:
  Diagram(const Scenario& scenario, const std::vector<TraceEvent>& events,
          const TraceWindow& window)
      : scenario_(scenario),
        events_(events),
        window_(window),
        axis_(events, window,
              std::clamp(kPixelsPerEvent * static_cast<double>(window.last - window.first),
                         kWidthMin, kWidthMax)),
        replicas_(scenario.powers.size() + scenario.twins.size()),
        row_height_(std::clamp(600.0 / static_cast<double>(replicas_), 34.0, 130.0)) {
    FindFaults();
    CollectDowntimes();
  }

  std::string Html() {
    const std::string picture = Picture();  // it finds where to scroll to
    return absl::StrCat("<div class=\"diagram\">\n", Names(),
                        "<div class=\"scroll\" id=\"scroll\">", picture, "</div></div>\n",
                        ScrollScript());
  }

 private:
  double X(uint64_t us) const { return kMargin + axis_.At(us); }
  double Y(uint32_t replica) const {
    return RowsTop() + (static_cast<double>(replica) + 0.5) * row_height_;
  }
  double RowsTop() const { return kAxisHeight + kLaneHeight * static_cast<double>(lanes_) + 14; }
  double Height() const { return RowsTop() + row_height_ * static_cast<double>(replicas_) + 8; }
  double Width() const { return axis_.width() + 2 * kMargin; }
  bool IsShown(uint64_t from_us, uint64_t to_us) const {
    return from_us <= window_.to_us && to_us >= window_.from_us;
  }

  // --- What is drawn, out of the events

  // The end of a fault belongs to the oldest beginning with the same words for the same replica.
  void FindFaults() {
    std::map<std::pair<uint32_t, std::string>, std::vector<size_t>> open;
    std::vector<FaultSpan> spans;
    for (const TraceEvent& event : events_) {
      if (event.kind != Kind::kFaultBegan && event.kind != Kind::kFaultEnded) continue;
      std::vector<size_t>& same = open[{event.replica, event.text}];
      if (event.kind == Kind::kFaultBegan) {
        same.push_back(spans.size());
        spans.push_back({.text = event.text, .from_us = event.at_us, .replicas = {}});
        if (event.replica < replicas_) spans.back().replicas.insert(event.replica);
      } else if (!same.empty()) {
        spans[same.front()].to_us = event.at_us;
        same.erase(same.begin());
      }
    }
    for (FaultSpan& span : spans) Merge(std::move(span));
    AssignLanes();
  }

  // One fault that befalls several replicas is one bar.
  void Merge(FaultSpan span) {
    for (FaultSpan& other : faults_) {
      if (other.text != span.text || other.from_us != span.from_us || other.to_us != span.to_us) {
        continue;
      }
      other.replicas.merge(span.replicas);
      return;
    }
    if (IsShown(span.from_us, span.to_us)) faults_.push_back(std::move(span));
  }

  void AssignLanes() {
    std::vector<double> ends;  // of each lane's last bar or its label
    for (FaultSpan& fault : faults_) {
      const double from = X(fault.from_us);
      const double label_end = from + 7.0 * static_cast<double>(fault.text.size()) + 12;
      size_t lane = 0;
      while (lane < ends.size() && ends[lane] > from) ++lane;
      lane = std::min(lane, kLanesMax - 1);
      if (lane == ends.size()) ends.push_back(0);
      ends[lane] = std::max({ends[lane], X(fault.to_us) + 2, label_end});
      fault.lane = lane;
    }
    lanes_ = ends.size();
  }

  void CollectDowntimes() {
    std::vector<std::optional<uint64_t>> down_since(replicas_);
    for (const TraceEvent& event : events_) {
      if (event.replica >= replicas_) continue;
      std::optional<uint64_t>& since = down_since[event.replica];
      const bool goes_down = event.kind == Kind::kCrashed || event.kind == Kind::kStopped;
      if (goes_down && !since.has_value()) since = event.at_us;
      if (event.kind != Kind::kStarted || !since.has_value()) continue;
      downtimes_.push_back({event.replica, {*since, event.at_us}});
      since.reset();
    }
    for (uint32_t i = 0; i < replicas_; ++i) {
      if (down_since[i].has_value()) downtimes_.push_back({i, {*down_since[i], UINT64_MAX}});
    }
  }

  // --- The layers, from the back to the front

  std::string Picture() {
    std::string svg = absl::StrFormat(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" role=\"img\">\n",
        Width(), Height());
    absl::StrAppend(&svg, Markers(), Cuts(), FaultBars(), Axis(), ReplicaLines(), Messages());
    for (size_t i = window_.first; i < window_.last; ++i) {
      absl::StrAppend(&svg, Symbol(events_[i]));
    }
    return absl::StrCat(svg, Verticals(), "</svg>");
  }

  static std::string Markers() {
    std::string defs = "<defs>\n";
    for (size_t i = 0; i < std::size(kMessageStyles); ++i) {
      absl::StrAppendFormat(&defs,
                            "<marker id=\"a%d\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
                            "markerUnits=\"userSpaceOnUse\" markerWidth=\"8\" markerHeight=\"8\" "
                            "orient=\"auto\"><path d=\"M0 1L8 4L0 7z\" fill=\"%s\"/></marker>\n",
                            i, kMessageStyles[i].colour);
    }
    return absl::StrCat(
        defs,
        "<pattern id=\"cut\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
        "patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"#f3f5f7\"/><line "
        "x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" stroke=\"#e1e6eb\" stroke-width=\"2\"/></pattern>\n"
        "</defs>\n");
  }

  std::string Cuts() const {
    std::string svg;
    for (const TimeAxis::Cut& cut : axis_.cuts()) {
      const double x = X(cut.from_us);
      const double width = X(cut.to_us) - x;
      const double ms = static_cast<double>(cut.to_us - cut.from_us) / 1000;
      const std::string length = absl::StrFormat(ms < 10 ? "%.1f ms" : "%.0f ms", ms);
      absl::StrAppend(
          &svg,
          Rect(x, kAxisHeight, width, Height() - kAxisHeight, "fill=\"url(#cut)\"",
               "nothing happens for " + length),
          Text(x + width / 2, Height() - 6, "text-anchor=\"middle\" fill=\"#9aa5b1\"", length),
          "\n");
    }
    return svg;
  }

  std::string FaultBars() const {
    std::string svg;
    for (const FaultSpan& fault : faults_) {
      const double x = X(fault.from_us);
      const double width = std::max(3.0, X(fault.to_us) - x);
      const double y = kAxisHeight + 4 + kLaneHeight * static_cast<double>(fault.lane);
      const std::string title =
          absl::StrCat(fault.text, ", from ", TimeText(fault.from_us), " ",
                       fault.to_us == UINT64_MAX ? "on" : "to " + TimeText(fault.to_us));
      for (uint32_t i = 0; i < replicas_; ++i) {
        if (!fault.replicas.empty() && !fault.replicas.contains(i)) continue;
        const double half = row_height_ * 0.42;
        absl::StrAppend(&svg, Rect(x, Y(i) - half, width, 2 * half,
                                   fault.replicas.empty() ? "fill=\"#f59f00\" opacity=\".07\""
                                                          : "fill=\"#e03131\" opacity=\".09\"",
                                   title));
      }
      absl::StrAppend(
          &svg,
          Rect(x, y, width, kLaneHeight - 3,
               fault.replicas.empty() ? "rx=\"3\" fill=\"#ffe8b8\"" : "rx=\"3\" fill=\"#ffd3d3\"",
               title),
          Text(x + 4, y + 11, "pointer-events=\"none\"", fault.text), "\n");
    }
    return svg;
  }

  std::string Axis() const {
    std::string svg;
    for (const uint64_t tick : axis_.Ticks(95)) {
      const double x = X(tick);
      absl::StrAppend(&svg, Line(x, kAxisHeight - 4, x, Height(), "stroke=\"#edf0f3\""),
                      Text(x, kAxisHeight - 8, "text-anchor=\"middle\"",
                           absl::StrFormat("%.9g s", static_cast<double>(tick) / 1e6)),
                      "\n");
    }
    return svg;
  }

  std::string ReplicaLines() const {
    std::string svg;
    for (uint32_t i = 0; i < replicas_; ++i) {
      absl::StrAppend(&svg,
                      Line(kMargin / 2, Y(i), Width() - kMargin / 2, Y(i),
                           "stroke=\"#7b8794\" stroke-width=\"1.4\""),
                      "\n");
    }
    for (const auto& [replica, span] : downtimes_) {
      if (!IsShown(span.first, span.second)) continue;
      const double x = X(span.first);
      absl::StrAppend(&svg, Rect(x, Y(replica) - 4, X(span.second) - x, 8, "fill=\"#fff\"", "down"),
                      Line(x, Y(replica), X(span.second), Y(replica),
                           "stroke=\"#e03131\" stroke-width=\"1.4\" stroke-dasharray=\"2 4\" "
                           "pointer-events=\"none\""),
                      "\n");
    }
    return svg;
  }

  // Arrows for all that arrives in the window, or was sent in it.
  std::string Messages() const {
    std::map<FlightKey, const TraceEvent*> sent;
    std::set<FlightKey> ended;
    std::string svg;
    for (size_t i = 0; i < window_.last; ++i) {
      const TraceEvent& event = events_[i];
      if (event.kind == Kind::kSent) sent[KeyOf(event)] = &event;
      if (event.kind != Kind::kReceived && event.kind != Kind::kLost) continue;
      const auto found = sent.find(KeyOf(event));
      if (found == sent.end()) continue;
      ended.insert(found->first);
      if (i < window_.first) continue;
      const bool arrives = event.kind == Kind::kReceived;
      absl::StrAppend(&svg, arrives ? Arrow(*found->second, event) : Lost(*found->second, event));
    }
    for (const auto& [key, event] : sent) {
      if (!ended.contains(key) && event->at_us >= window_.from_us) {
        absl::StrAppend(&svg, StillUnderWay(*event));
      }
    }
    return svg;
  }

  static std::string MessageTitle(const TraceEvent& sent, absl::string_view end) {
    return absl::StrCat(sent.text, " from ", sent.replica, " to ", sent.peer, ", sent at ",
                        TimeText(sent.at_us), ", ", end);
  }

  std::string ArrowSvg(const TraceEvent& sent, double x2, double y2, absl::string_view attributes,
                       absl::string_view title) const {
    const size_t style = StyleOf(sent.text);
    const double x1 = X(sent.at_us);
    const double y1 = Y(sent.replica);
    return absl::StrCat("<g class=\"m\">", TitleTag(title), Line(x1, y1, x2, y2, "class=\"hit\""),
                        Line(x1, y1, x2, y2,
                             absl::StrCat("class=\"arrow\" stroke=\"", kMessageStyles[style].colour,
                                          "\" ", attributes)),
                        "</g>\n");
  }

  std::string Arrow(const TraceEvent& sent, const TraceEvent& received) const {
    if (received.replica >= replicas_ || sent.replica >= replicas_) return "";
    const std::string head = absl::StrCat("marker-end=\"url(#a", StyleOf(sent.text), ")\"");
    const double milliseconds = static_cast<double>(received.at_us - sent.at_us) / 1000;
    return ArrowSvg(sent, X(received.at_us), Y(received.replica), head,
                    MessageTitle(sent, absl::StrFormat("received at %s, %.3f ms later",
                                                       TimeText(received.at_us), milliseconds)));
  }

  // Dashed, as far as the middle, with a cross at its end.
  std::string Lost(const TraceEvent& sent, const TraceEvent& lost) const {
    if (sent.replica >= replicas_ || sent.peer >= replicas_) return "";
    const double x = std::max(X(lost.at_us), X(sent.at_us) + 12);
    const double y = Y(sent.replica) + (Y(sent.peer) - Y(sent.replica)) * 0.45;
    const std::string colour(kMessageStyles[StyleOf(sent.text)].colour);
    return absl::StrCat(ArrowSvg(sent, x, y, "stroke-dasharray=\"4 3\"",
                                 MessageTitle(sent, absl::StrCat("lost: ", lost.text))),
                        "<path d=\"", CrossPath(x, y, 3.5),
                        "\" stroke=\"#e03131\" stroke-width=\"1.6\"/>\n");
  }

  std::string StillUnderWay(const TraceEvent& sent) const {
    if (sent.replica >= replicas_ || sent.peer >= replicas_) return "";
    const double y = Y(sent.replica) + (Y(sent.peer) - Y(sent.replica)) * 0.3;
    return ArrowSvg(sent, X(sent.at_us) + 12, y, "stroke-dasharray=\"1 3\"",
                    MessageTitle(sent, "not received in the time shown"));
  }

  // --- Symbols on the lines

  std::string Group(const TraceEvent& event, absl::string_view what,
                    absl::string_view shape) const {
    const std::string detail = event.text.empty() ? "" : absl::StrCat(": ", event.text);
    return absl::StrCat("<g>",
                        TitleTag(absl::StrCat(ReplicaName(scenario_, event.replica), " ", what,
                                              " at ", TimeText(event.at_us), detail)),
                        shape, "</g>\n");
  }

  // A label is left out where it would cover the one before it.
  std::string Label(std::map<uint32_t, double>* last, const TraceEvent& event, double dy,
                    absl::string_view attributes, const std::string& text) {
    const double x = X(event.at_us);
    const auto before = last->find(event.replica);
    if (before != last->end() && x < before->second) return "";
    (*last)[event.replica] = x + 6.5 * static_cast<double>(text.size()) + 4;
    return Text(x, Y(event.replica) + dy, attributes, text);
  }

  std::string Symbol(const TraceEvent& event) {
    if (event.replica >= replicas_) return "";
    const double x = X(event.at_us);
    const double y = Y(event.replica);
    switch (event.kind) {
      case Kind::kStarted:
        return Group(event, "started",
                     absl::StrFormat("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5.5\" fill=\"#fff\" "
                                     "stroke=\"#2f9e44\" stroke-width=\"2\"/>",
                                     x, y));
      case Kind::kCrashed:
        return Group(event, "crashed",
                     absl::StrCat("<path d=\"", CrossPath(x, y, 6),
                                  "\" stroke=\"#c92a2a\" stroke-width=\"3\"/>"));
      case Kind::kStopped:
        return Group(event, "stopped itself",
                     absl::StrFormat("<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" "
                                     "fill=\"#c92a2a\"/>",
                                     x - 6, y - 6));
      case Kind::kRound:
        return Group(event, absl::StrCat("entered round ", event.round),
                     absl::StrCat(Line(x, y - 7, x, y + 1, "stroke=\"#52606d\""),
                                  Label(&round_labels_, event, -10, "fill=\"#52606d\"",
                                        absl::StrCat("r", event.round))));
      case Kind::kVoted:
        return Group(event, absl::StrCat("voted in round ", event.round),
                     absl::StrFormat("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.4\" "
                                     "fill=\"#2f9e44\"/>",
                                     x, y));
      case Kind::kTimedOut:
        return Group(
            event, absl::StrCat("gave up on round ", event.round),
            absl::StrFormat("<path d=\"M%.1f %.1fl6 6l-6 6l-6 -6z\" fill=\"#e8710a\"/>", x, y - 6));
      case Kind::kProposed:
        return Group(event, absl::StrCat("proposed in round ", event.round),
                     absl::StrFormat("<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" "
                                     "rx=\"1.5\" fill=\"#1f6fd1\"/>",
                                     x - 5, y - 5));
      case Kind::kCommitted:
        return Group(event, absl::StrCat("committed up to height ", event.height),
                     absl::StrCat(Line(x, y, x, y + 9, "stroke=\"#0b7285\" stroke-width=\"3\""),
                                  Label(&commit_labels_, event, 20,
                                        "text-anchor=\"middle\" style=\"fill:#0b7285\"",
                                        absl::StrCat(event.height))));
      case Kind::kRefused:
        return Group(event, absl::StrCat("refused a message of ", event.peer),
                     absl::StrCat("<path d=\"", CrossPath(x, y + 6, 3),
                                  "\" stroke=\"#868e96\" stroke-width=\"1.6\"/>"));
      default:
        return "";
    }
  }

  // What concerns all: the end of the faults, and violations.
  std::string Verticals() {
    std::string svg;
    for (size_t i = window_.first; i < window_.last; ++i) {
      const TraceEvent& event = events_[i];
      if (event.kind != Kind::kHealed && event.kind != Kind::kViolation) continue;
      const bool is_violation = event.kind == Kind::kViolation;
      const double x = X(event.at_us);
      if (is_violation && scroll_to_ < 0) scroll_to_ = x;
      const std::string text = is_violation ? event.text : "all faults have ended";
      // Near the right edge the words stand on the other side.
      const bool left = x + 7 * static_cast<double>(text.size()) > Width();
      absl::StrAppend(
          &svg, "<g>", TitleTag(absl::StrCat(text, " at ", TimeText(event.at_us))),
          Line(x, kAxisHeight, x, Height(),
               is_violation ? "stroke=\"#c92a2a\" stroke-width=\"2.5\""
                            : "stroke=\"#2f9e44\" stroke-width=\"1.5\" stroke-dasharray=\"6 4\""),
          Text(x + (left ? -5 : 5), RowsTop() - 3,
               absl::StrCat(left ? "text-anchor=\"end\" " : "", "style=\"font-weight:600;fill:",
                            is_violation ? "#c92a2a" : "#2f9e44", "\""),
               text),
          "</g>\n");
    }
    return svg;
  }

  std::string Names() const {
    std::string svg = absl::StrFormat(
        "<div class=\"names\"><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
        "height=\"%.0f\">\n",
        kNamesWidth, Height());
    if (lanes_ > 0) absl::StrAppend(&svg, Text(10, kAxisHeight + 15, "", "faults"));
    for (uint32_t i = 0; i < replicas_; ++i) {
      absl::StrAppend(
          &svg,
          Text(10, Y(i) + 4, "style=\"font-size:13px;font-weight:600\"",
               i < scenario_.powers.size()
                   ? ReplicaName(scenario_, i)
                   : absl::StrCat(i, ": twin of ", scenario_.twins[i - scenario_.powers.size()])),
          "\n");
    }
    return absl::StrCat(svg, "</svg></div>\n");
  }

  // Opens the page at what went wrong.
  std::string ScrollScript() const {
    if (scroll_to_ < 0) return "";
    return absl::StrFormat(
        "<script>const s = document.getElementById('scroll'); s.scrollLeft = %.0f - 0.7 * "
        "s.clientWidth;</script>\n",
        scroll_to_);
  }

  const Scenario& scenario_;
  const std::vector<TraceEvent>& events_;
  const TraceWindow& window_;
  const TimeAxis axis_;
  const uint32_t replicas_;
  const double row_height_;
  std::vector<FaultSpan> faults_;
  size_t lanes_ = 0;
  std::vector<std::pair<uint32_t, std::pair<uint64_t, uint64_t>>> downtimes_;
  std::map<uint32_t, double> round_labels_;  // where each replica's last label ends
  std::map<uint32_t, double> commit_labels_;
  double scroll_to_ = -1;
};

std::string LegendEntry(absl::string_view shape, absl::string_view text) {
  return absl::StrCat("<span><svg width=\"26\" height=\"14\">", shape, "</svg>", EscapeHtml(text),
                      "</span>\n");
}

}  // namespace

std::string LegendHtml() {
  std::string html = "<div class=\"legend\">\n";
  for (const MessageStyle& style : kMessageStyles) {
    absl::StrAppend(
        &html, LegendEntry(absl::StrCat("<path d=\"M1 7H18\" stroke=\"", style.colour,
                                        "\" stroke-width=\"1.6\"/><path d=\"M17 3L25 7L17 11z\" "
                                        "fill=\"",
                                        style.colour, "\"/>"),
                           style.kind));
  }
  absl::StrAppend(
      &html,
      LegendEntry("<path d=\"M1 7H16\" stroke=\"#52606d\" stroke-width=\"1.6\" "
                  "stroke-dasharray=\"4 3\"/><path d=\"M17 3l7 8m0 -8l-7 8\" stroke=\"#e03131\" "
                  "stroke-width=\"1.6\"/>",
                  "lost"),
      LegendEntry("<rect x=\"8\" y=\"2\" width=\"10\" height=\"10\" rx=\"1.5\" fill=\"#1f6fd1\"/>",
                  "proposed"),
      LegendEntry("<circle cx=\"13\" cy=\"7\" r=\"3.6\" fill=\"#2f9e44\"/>", "voted"),
      LegendEntry("<path d=\"M13 1l6 6l-6 6l-6 -6z\" fill=\"#e8710a\"/>", "gave up on the round"),
      LegendEntry("<path d=\"M13 2V12\" stroke=\"#0b7285\" stroke-width=\"3\"/>",
                  "committed, with its height"),
      LegendEntry("<path d=\"M8 2l10 10m0 -10l-10 10\" stroke=\"#c92a2a\" stroke-width=\"3\"/>",
                  "crashed"),
      LegendEntry("<circle cx=\"13\" cy=\"7\" r=\"5\" fill=\"#fff\" stroke=\"#2f9e44\" "
                  "stroke-width=\"2\"/>",
                  "started"),
      LegendEntry("<rect x=\"7\" y=\"1\" width=\"12\" height=\"12\" fill=\"#c92a2a\"/>",
                  "stopped itself"),
      LegendEntry("<path d=\"M10 4l6 6m0 -6l-6 6\" stroke=\"#868e96\" stroke-width=\"1.6\"/>",
                  "refused a message"),
      LegendEntry("<rect x=\"1\" y=\"1\" width=\"24\" height=\"12\" fill=\"#ffd3d3\"/>",
                  "fault of some replicas"),
      LegendEntry("<rect x=\"1\" y=\"1\" width=\"24\" height=\"12\" fill=\"#ffe8b8\"/>",
                  "fault of the network"));
  return absl::StrCat(html, "</div>\n");
}

std::string DiagramHtml(const Scenario& scenario, const std::vector<TraceEvent>& events,
                        const TraceWindow& window) {
  return Diagram(scenario, events, window).Html();
}

}  // namespace kiln::sim
