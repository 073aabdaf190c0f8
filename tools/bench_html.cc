#include "tools/bench_html.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/html.h"
#include "tools/command.h"
#include "tools/stage_report.h"
#include "tools/svg_chart.h"

namespace kiln::tools {
namespace {

constexpr absl::string_view kStyle = R"(
:root { color-scheme: light dark; --ground: #ffffff; --panel: #f6f8fa; --ink: #1c2733;
        --quiet: #5b6875;
        --rule: #d5dce3; --s1: #1f6fd1; --s2: #c2570c; --bar: #7fb0ea; --bad: #a11616; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14191f; --panel: #1c232b; --ink: #e4e9ee; --quiet: #9aa7b4; --rule: #36404b;
          --s1: #6ea8fe; --s2: #ff9f52; --bar: #2f6fb8; --bad: #ff8a8a; } }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink);
       background: var(--ground); margin: 0 auto; padding: 24px; max-width: 1180px; }
h1 { font-size: 24px; margin: 0 0 2px; }
h2 { font-size: 18px; margin: 34px 0 8px; }
h3 { font-size: 15px; margin: 0 0 6px; font-weight: 600; }
p { margin: 4px 0 10px; max-width: 80ch; }
.quiet { color: var(--quiet); }
.bad { color: var(--bad); font-weight: 600; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0; }
.tile, .panel { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px;
                padding: 10px 16px; }
.tile b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.charts { display: grid; gap: 16px;
          grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--quiet); }
svg text.legend, svg text.label { fill: var(--ink); }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .axis { stroke: var(--quiet); stroke-width: 1; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .line.s1 { stroke: var(--s1); } svg .dot.s1 { fill: var(--s1); }
svg .line.s2 { stroke: var(--s2); } svg .dot.s2 { fill: var(--s2); }
svg .line.reference { stroke: var(--quiet); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg .dot { stroke: var(--panel); stroke-width: 2; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { text-align: right; padding: 3px 0 3px 18px; white-space: nowrap;
         border-bottom: 1px solid var(--rule); }
td:first-child, th:first-child { text-align: left; padding-left: 0; }
th { color: var(--quiet); font-weight: 500; }
td.bar { width: 180px; }
td.bar i { display: block; height: 11px; border-radius: 2px; background: var(--bar); }
)";

std::string Number(double value, const char* unit = "") {
  return absl::StrCat(value < 10 ? absl::StrFormat("%.2f", value) : ShortNumber(value), unit);
}

std::string Row(absl::string_view cell, const std::vector<std::string>& values) {
  std::string html = "<tr>";
  for (const std::string& value : values) {
    absl::StrAppend(&html, "<", cell, ">", EscapeHtml(value), "</", cell, ">");
  }
  return html + "</tr>\n";
}

std::string Panel(absl::string_view title, absl::string_view content) {
  return absl::StrCat("<div class=\"panel\"><h3>", EscapeHtml(title), "</h3>\n", content,
                      "</div>\n");
}

std::string LoadOf(const SweepReport& report, const BenchReport& point) {
  if (point.rate == 0) return absl::StrCat(point.in_flight, " in flight");
  return absl::StrFormat("%s due/s, %.3g x capacity", ShortNumber(point.rate),
                         point.rate / report.capacity());
}

std::string TitleOf(const SweepReport& report, const BenchReport& point) {
  const SteadyFigures& steady = point.steady;
  return absl::StrFormat("%s: %.0f committed per second, p50 %.2f ms, p99 %.2f ms",
                         LoadOf(report, point), steady.committed_per_second, steady.latency_ms.p50,
                         steady.latency_ms.p99);
}

Chart CurveChart(const SweepReport& report) {
  ChartSeries p50{"p50", "s1", {}};
  ChartSeries p99{"p99", "s2", {}};
  for (const BenchReport& point : report.curve) {
    const double x = point.steady.committed_per_second;
    const std::string title = TitleOf(report, point);
    p50.points.push_back({x, point.steady.latency_ms.p50, "", title});
    p99.points.push_back(
        {x, point.steady.latency_ms.p99, ShortNumber(static_cast<double>(point.in_flight)), title});
  }
  return {.x = {"committed transactions per second (log)", true},
          .y = {"latency, ms (log)", true},
          .series = {p50, p99}};
}

Chart OverloadChart(const SweepReport& report) {
  ChartSeries committed{"committed", "s1", {}};
  ChartSeries all{"all that is due", "reference", {}};
  for (const BenchReport& point : report.overload) {
    const double multiple = point.rate / report.capacity();
    committed.points.push_back(
        {multiple, point.steady.committed_per_second, "", TitleOf(report, point)});
    if (multiple <= 1) all.points.push_back({multiple, point.rate, "", ""});
  }
  return {.x = {"offered, as a multiple of capacity (log)", true},
          .y = {"committed per second"},
          .series = {committed, all}};
}

Chart AcceptedChart(const SweepReport& report) {
  ChartSeries p50{"p50", "s1", {}};
  ChartSeries p99{"p99", "s2", {}};
  for (const BenchReport& point : report.overload) {
    const double multiple = point.rate / report.capacity();
    p50.points.push_back({multiple, point.steady.latency_ms.p50, "", TitleOf(report, point)});
    p99.points.push_back({multiple, point.steady.latency_ms.p99, "", TitleOf(report, point)});
  }
  return {.x = {"offered, as a multiple of capacity (log)", true},
          .y = {"latency of what was committed, ms (log)", true},
          .series = {p50, p99}};
}

const BenchReport* FastestOf(const SweepReport& report) {
  const auto fastest = std::max_element(
      report.curve.begin(), report.curve.end(), [](const BenchReport& a, const BenchReport& b) {
        return a.steady.committed_per_second < b.steady.committed_per_second;
      });
  return fastest == report.curve.end() ? nullptr : &*fastest;
}

std::string StageRows(const nlohmann::ordered_json& total, double committed) {
  std::string html =
      "<tr><th>stage</th><th>share of CPU</th><th></th><th>CPU us/transaction</th>"
      "<th>calls</th><th>items per call</th><th>wall us/call</th></tr>\n";
  const auto add = [&](const std::string& name, double seconds, double share,
                       const std::string& rest) {
    absl::StrAppendFormat(&html,
                          "<tr><td>%s</td><td>%.1f %%</td><td class=\"bar\"><i style=\"width:%.1f%%"
                          "\"></i></td><td>%s</td>%s</tr>\n",
                          EscapeHtml(name), 100 * share, 100 * std::min(1.0, share),
                          committed > 0 ? absl::StrFormat("%.3f", seconds * 1e6 / committed) : "-",
                          rest);
  };
  for (const nlohmann::ordered_json& stage : total["stages"]) {
    add(stage["stage"], stage["cpu_seconds"], stage["cpu_share"],
        absl::StrFormat("<td>%d</td><td>%.1f</td><td>%.1f</td>", stage["calls"].get<uint64_t>(),
                        stage["items_per_call"].get<double>(),
                        stage["wall_us_per_call"].get<double>()));
  }
  add("other: gRPC, RocksDB's threads, wake-ups", total["other_cpu_seconds"],
      total["other_cpu_share"], "<td></td><td></td><td></td>");
  return html;
}

std::string LifeRows(const nlohmann::ordered_json& total) {
  std::string html = Row("th", {"from one moment of a commit to the next", "mean ms"});
  for (const nlohmann::ordered_json& leg : total["legs"]) {
    std::string name = leg["leg"];
    std::replace(name.begin(), name.end(), '_', ' ');
    html += Row("td", {name, absl::StrFormat("%.3f", leg["mean_ms"].get<double>())});
  }
  html += Row("th", {"queue", "mean length"});
  for (const nlohmann::ordered_json& queue : total["queues"]) {
    html += Row("td", {queue["queue"], absl::StrFormat("%.1f", queue["mean"].get<double>())});
  }
  return html;
}

std::string StagesHtml(const SweepReport& report, const BenchReport& point) {
  if (!point.stages.has_value()) return "";
  const nlohmann::ordered_json stages = StageReportJson(*point.stages);
  const double committed = static_cast<double>(point.stages->committed);
  return absl::StrCat(
      "<h2>Stages at ", EscapeHtml(LoadOf(report, point)), "</h2>\n<p class=\"quiet\">",
      point.stages->validators.size(), " validators together, ",
      absl::StrFormat("%.1f s of %.1f s of CPU in stages.",
                      stages["total"]["cpu_seconds"].get<double>() -
                          stages["total"]["other_cpu_seconds"].get<double>(),
                      stages["total"]["cpu_seconds"].get<double>()),
      "</p>\n<div class=\"scroll\"><table>\n", StageRows(stages["total"], committed),
      "</table></div>\n<p></p>\n<div class=\"scroll\"><table>\n", LifeRows(stages["total"]),
      "</table></div>\n");
}

uint64_t HighestMemory(const BenchReport& point) {
  uint64_t highest = 0;
  for (const ProcessFigures& process : point.processes) {
    highest = std::max(highest, process.resident_highest_bytes);
  }
  return highest;
}

std::string PointRow(const SweepReport& report, const BenchReport& point) {
  const SteadyFigures& steady = point.steady;
  return Row(
      "td",
      {LoadOf(report, point), absl::StrFormat("%.0f", steady.committed_per_second),
       absl::StrFormat("%.2f", steady.latency_ms.p50),
       absl::StrFormat("%.2f", steady.latency_ms.p90),
       absl::StrFormat("%.2f", steady.latency_ms.p99),
       absl::StrFormat("%.0f", steady.blocks_per_second),
       absl::StrFormat("%.1f", steady.transactions_per_block), absl::StrCat(point.refused),
       absl::StrCat(point.held_back), absl::StrCat(point.errors), absl::StrCat(point.lost),
       point.processes.empty()
           ? "-"
           : absl::StrFormat("%.0f MiB", static_cast<double>(HighestMemory(point)) / (1 << 20))});
}

std::string PointsHtml(const SweepReport& report) {
  std::string html = "<h2>Every point</h2>\n<div class=\"scroll\"><table>\n";
  html += Row("th", {"load", "committed/s", "p50 ms", "p90 ms", "p99 ms", "blocks/s",
                     "transactions/block", "refused", "held back", "errors", "lost", "memory"});
  for (const BenchReport& point : report.curve) html += PointRow(report, point);
  for (const BenchReport& point : report.overload) html += PointRow(report, point);
  return html +
         "</table></div>\n<p class=\"quiet\">Refused: answered with RESOURCE_EXHAUSTED and not "
         "sent "
         "again. Held back: not taken from the client within 100 ms of being due. Memory: the "
         "highest of any validator, resident.</p>\n";
}

std::string Tile(const std::string& value, absl::string_view what) {
  return absl::StrCat("<div class=\"tile\"><b>", EscapeHtml(value), "</b>", EscapeHtml(what),
                      "</div>\n");
}

std::string TilesHtml(const SweepReport& report) {
  std::string html = "<div class=\"tiles\">\n";
  html += Tile(ShortNumber(report.capacity()), "committed per second at most");
  if (!report.curve.empty()) {
    html +=
        Tile(Number(report.curve.front().steady.latency_ms.p50, " ms"), "p50 with one in flight");
  }
  for (const BenchReport& point : report.overload) {
    const double multiple = point.rate / report.capacity();
    if (multiple == 0.5) {
      html += Tile(Number(point.steady.latency_ms.p99, " ms"), "p99 at half of the capacity");
    }
  }
  if (!report.overload.empty()) {
    const BenchReport& most = report.overload.back();
    html +=
        Tile(absl::StrFormat("%.0f %%", 100 * most.steady.committed_per_second / report.capacity()),
             absl::StrFormat("of that when %.3g times as much is offered",
                             most.rate / report.capacity()));
  }
  html += Tile(absl::StrCat(report.lost(), " / ", report.errors()), "lost / errors");
  return html + "</div>\n";
}

std::string ConfigurationHtml(const SweepReport& report) {
  if (report.curve.empty()) return "";
  const BenchReport& any = report.curve.front();
  const nlohmann::ordered_json build = BuildInformation();
  std::string html = "<h2>Configuration</h2>\n<div class=\"scroll\"><table>\n";
  html += Row("td", {"validators", absl::StrCat(any.validators)});
  html += Row("td", {"bytes of a transaction", absl::StrCat(any.payload_bytes)});
  html += Row("td", {"seconds of load at each point of the curve",
                     absl::StrFormat("%g", any.duration_seconds)});
  html += Row("td", {"measured", absl::StrFormat("the steady %.1f s of them", any.steady.seconds)});
  html += Row("td", {"syncs", "on"});
  html += Row("td", {"machine, of validators and clients together", report.machine});
  html += Row("td", {"kiln", absl::StrCat(build["version"].get<std::string>(), ", ",
                                          build["build_type"].get<std::string>(), ", ",
                                          build["compiler"].get<std::string>())});
  return html + "</table></div>\n";
}

}  // namespace

std::string SweepReportHtml(const SweepReport& report) {
  std::string body =
      absl::StrCat("<h1>Throughput and latency of a Kiln chain</h1>\n<p class=\"quiet\">",
                   report.started, ", ", EscapeHtml(report.machine), "</p>\n", TilesHtml(report));
  if (report.lost() + report.errors() > 0) {
    absl::StrAppend(&body, "<p class=\"bad\">", report.lost(), " transactions were lost and ",
                    report.errors(), " failed: ", EscapeHtml(report.first_error()), "</p>\n");
  }
  absl::StrAppend(&body, "<h2>From light load to full</h2>\n",
                  "<p>So many transactions under way at any time as the numbers at the points say; "
                  "each is answered "
                  "with a proof, which is verified.</p>\n",
                  Panel("Latency against throughput", RenderChart(CurveChart(report))),
                  "<h2>Up to far too much</h2>\n",
                  "<p>So many transactions due a second, whether or not the earlier ones are "
                  "answered. Latency counts "
                  "from when one was due.</p>\n<div class=\"charts\">\n",
                  Panel("Committed", RenderChart(OverloadChart(report))),
                  Panel("Latency of what was committed", RenderChart(AcceptedChart(report))),
                  "</div>\n");
  if (const BenchReport* const fastest = FastestOf(report)) {
    absl::StrAppend(&body, StagesHtml(report, *fastest));
    if (fastest != &report.curve.front()) {
      absl::StrAppend(&body, StagesHtml(report, report.curve.front()));
    }
  }
  absl::StrAppend(&body, PointsHtml(report), ConfigurationHtml(report));
  return absl::StrCat("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
                      "<title>Throughput and latency of a Kiln chain</title>\n<style>", kStyle,
                      "</style>\n</head>\n<body>\n", body, "</body>\n</html>\n");
}

}  // namespace kiln::tools
