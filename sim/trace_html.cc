#include "sim/trace_html.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/html.h"
#include "sim/faults.h"
#include "sim/trace_diagram.h"
#include "sim/trace_text.h"
#include "sim/trace_window.h"
#include "sim/verdict.h"

namespace kiln::sim {
namespace {

constexpr absl::string_view kStyle = R"(
:root { color-scheme: light; }
body { font: 14px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1f2933;
       background: #fff; margin: 24px 28px; }
h1 { font-size: 21px; margin: 0 0 4px; }
h2 { font-size: 15px; margin: 22px 0 6px; }
p { margin: 4px 0; max-width: 1100px; }
.quiet { color: #616e7c; }
.verdict { display: inline-block; padding: 3px 10px; border-radius: 5px; margin: 6px 0;
           font-weight: 600; }
.good { background: #e3f5e6; color: #14692a; }
.bad { background: #fde4e4; color: #a11616; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 10px 0; align-items: center; }
.legend span { display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; }
.diagram { display: flex; border: 1px solid #d3dae1; border-radius: 6px; overflow: hidden; }
.names { flex: none; border-right: 1px solid #d3dae1; background: #f7f9fb; }
.scroll { overflow-x: auto; flex: 1; min-width: 0; }
svg { display: block; }
svg text { font: 11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #3e4c59; }
.m .hit { stroke: transparent; stroke-width: 9; fill: none; }
.m .arrow { stroke-width: 1.2; fill: none; opacity: .8; }
.m:hover .arrow { stroke-width: 3; opacity: 1; }
table { border-collapse: collapse; }
td, th { text-align: left; padding: 2px 16px 2px 0; vertical-align: top; font-variant-numeric:
         tabular-nums; }
th { color: #616e7c; font-weight: 500; border-bottom: 1px solid #d3dae1; }
code { background: #f0f3f6; padding: 1px 4px; border-radius: 3px; }
)";

std::string SecondsText(uint64_t us) {
  return absl::StrFormat("%.3f s", static_cast<double>(us) / 1e6);
}

std::string Title(const Scenario& scenario) {
  return scenario.name.empty() ? absl::StrCat("seed ", scenario.seed) : scenario.name;
}

std::string VerdictHtml(const Scenario& scenario, const RunResult& result) {
  std::string html;
  for (const Violation& failure : Failures(scenario, result)) {
    absl::StrAppend(&html, "<div class=\"verdict bad\">", EscapeHtml(ViolationText(failure)),
                    "</div>\n");
  }
  if (!html.empty()) return html;
  if (result.violations.empty()) return "<div class=\"verdict good\">no violation</div>\n";
  return absl::StrCat("<div class=\"verdict good\">as it must be: ",
                      EscapeHtml(ViolationText(result.violations.front())), "</div>\n");
}

std::string FiguresHtml(const Scenario& scenario, const RunResult& result) {
  const std::string twins =
      scenario.twins.empty() ? "" : absl::StrFormat(" and %d twins", scenario.twins.size());
  return absl::StrFormat(
      "<p class=\"quiet\">seed %d &middot; %d validators%s &middot; %d blocks committed "
      "&middot; %d rounds &middot; %s simulated</p>\n",
      scenario.seed, scenario.powers.size(), twins, result.committed_blocks, result.rounds,
      SecondsText(result.simulated_us));
}

std::string WindowHtml(const std::vector<TraceEvent>& events, const TraceWindow& window) {
  const bool is_all = window.first == 0 && window.last == events.size();
  return absl::StrFormat(
      "<p class=\"quiet\">Shown: %s to %s%s. Time runs from left to right, to scale, but for "
      "waits, which are cut (grey). Point at anything to read what it is.</p>\n",
      SecondsText(window.from_us), SecondsText(window.to_us),
      is_all ? ", which is all"
             : absl::StrFormat(" (%d of %d events; choose others with <code>--from-ms</code> and "
                               "<code>--to-ms</code>)",
                               window.last - window.first, events.size()));
}

std::string ListText(const std::vector<uint32_t>& list) {
  return list.empty() ? "all" : absl::StrJoin(list, ", ");
}

absl::string_view MeaningOf(const Fault& fault) {
  for (const FaultKind& known : FaultKinds()) {
    if (known.kind == fault.kind) return known.meaning;
  }
  return "";
}

std::string FaultRow(const Fault& fault) {
  const std::string length = fault.for_ms == 0 ? "" : absl::StrFormat("%d ms", fault.for_ms);
  std::string meaning(MeaningOf(fault));
  if (fault.amount != 0) absl::StrAppend(&meaning, " (amount ", fault.amount, ")");
  if (!fault.messages.empty()) {
    absl::StrAppend(&meaning, ": ", absl::StrJoin(fault.messages, ", "));
  }
  return absl::StrCat("<tr><td>", EscapeHtml(fault.row), " ", EscapeHtml(fault.kind), "</td><td>",
                      SecondsText(fault.at_ms * 1000), "</td><td>", length, "</td><td>",
                      ListText(fault.nodes), "</td><td>",
                      fault.peers.empty() ? "" : ListText(fault.peers), "</td><td>",
                      EscapeHtml(meaning), "</td></tr>\n");
}

std::string FaultsHtml(const Scenario& scenario) {
  if (scenario.faults.empty()) return "<h2>Faults</h2>\n<p>None.</p>\n";
  std::string html =
      "<h2>Faults</h2>\n<table><tr><th>fault</th><th>at</th><th>for</th><th>nodes</th>"
      "<th>peers</th><th>what it does</th></tr>\n";
  std::vector<Fault> faults = scenario.faults;
  std::stable_sort(faults.begin(), faults.end(),
                   [](const Fault& a, const Fault& b) { return a.at_ms < b.at_ms; });
  for (const Fault& fault : faults) absl::StrAppend(&html, FaultRow(fault));
  return absl::StrCat(html, "</table>\n");
}

}  // namespace

std::string TraceHtml(const Scenario& scenario, const RunResult& result,
                      const std::vector<TraceEvent>& events, const TraceHtmlOptions& options) {
  const TraceWindow window = ChooseWindow(events, options);
  const std::string title = EscapeHtml(Title(scenario));
  std::string html = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>", title,
      "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<h1>", title, "</h1>\n");
  if (!scenario.about.empty()) {
    absl::StrAppend(&html, "<p>", EscapeHtml(scenario.about), "</p>\n");
  }
  absl::StrAppend(&html, VerdictHtml(scenario, result), FiguresHtml(scenario, result),
                  LegendHtml());
  if (window.first == window.last) {
    absl::StrAppend(&html, "<p>Nothing happened in this time.</p>\n");
  } else {
    absl::StrAppend(&html, DiagramHtml(scenario, events, window), WindowHtml(events, window));
  }
  return absl::StrCat(html, FaultsHtml(scenario), "</body>\n</html>\n");
}

}  // namespace kiln::sim
