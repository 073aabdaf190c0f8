#include "tools/bench_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/command.h"
#include "tools/text_table.h"

namespace kiln::tools {
namespace {

// Syncs cannot be switched off: what is acknowledged is on disk.
constexpr bool kDurable = true;

std::string Mebibytes(uint64_t bytes) {
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1 << 20));
}

nlohmann::ordered_json ProcessesJson(const BenchReport& report) {
  nlohmann::ordered_json processes = nlohmann::ordered_json::array();
  for (const ProcessFigures& process : report.processes) {
    processes.push_back({{"validator", process.name},
                         {"cpu_seconds", process.cpu_seconds},
                         {"bytes_written", process.bytes_written},
                         {"resident_bytes",
                          {{"steady", process.resident_steady_bytes},
                           {"end", process.resident_end_bytes},
                           {"max", process.resident_highest_bytes}}}});
  }
  return processes;
}

std::string LoadText(const BenchReport& report) {
  if (report.rate > 0) return absl::StrFormat("%.1f due per second", report.rate);
  return absl::StrCat(report.in_flight, " in flight");
}

}  // namespace

nlohmann::ordered_json BenchReportJson(const BenchReport& report) {
  const SteadyFigures& steady = report.steady;
  nlohmann::ordered_json json = {{"committed_per_second", steady.committed_per_second},
                                 {"latency_ms",
                                  {{"p50", steady.latency_ms.p50},
                                   {"p90", steady.latency_ms.p90},
                                   {"p99", steady.latency_ms.p99},
                                   {"max", steady.latency_ms.max}}},
                                 {"blocks_per_second", steady.blocks_per_second},
                                 {"transactions_per_block", steady.transactions_per_block},
                                 {"validators", report.validators},
                                 {"dead", report.dead},
                                 {"payload_bytes", report.payload_bytes},
                                 {"in_flight", report.in_flight},
                                 {"rate", report.rate},
                                 {"duration_seconds", report.duration_seconds},
                                 {"steady_seconds", steady.seconds},
                                 {"committed", report.committed},
                                 {"durable", kDurable},
                                 {"errors", report.errors},
                                 {"first_error", report.first_error},
                                 {"refused", report.refused},
                                 {"held_back", report.held_back},
                                 {"lost", report.lost},
                                 {"client_cpu_seconds", report.client_cpu_seconds},
                                 {"processes", ProcessesJson(report)},
                                 {"build", BuildInformation()}};
  if (report.stages.has_value()) json["stages"] = StageReportJson(*report.stages);
  if (!report.kept_dir.empty()) json["kept"] = report.kept_dir;
  return json;
}

std::string BenchReportText(const BenchReport& report) {
  const SteadyFigures& steady = report.steady;
  const LatencyFigures& latency = steady.latency_ms;
  std::string text = absl::StrFormat(
      "\n"
      "committed   %.0f per second over the steady %.1f s (%s, %d bytes, syncs on)\n"
      "latency     p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, max %.2f ms\n"
      "blocks      %.1f per second, %.1f transactions each\n"
      "in total    %d committed, %d errors, %d lost\n"
      "client      %.2f CPU seconds\n",
      steady.committed_per_second, steady.seconds, LoadText(report), report.payload_bytes,
      latency.p50, latency.p90, latency.p99, latency.max, steady.blocks_per_second,
      steady.transactions_per_block, report.committed, report.errors, report.lost,
      report.client_cpu_seconds);
  if (report.refused + report.held_back > 0) {
    absl::StrAppendFormat(&text, "not taken   %d refused (RESOURCE_EXHAUSTED), %d held back\n",
                          report.refused, report.held_back);
  }
  if (!report.processes.empty()) {
    TextTable table({"validator", "CPU seconds", "written", "memory", "highest"});
    for (const ProcessFigures& process : report.processes) {
      table.Add({process.name, absl::StrFormat("%.2f", process.cpu_seconds),
                 Mebibytes(process.bytes_written), Mebibytes(process.resident_end_bytes),
                 Mebibytes(process.resident_highest_bytes)});
    }
    absl::StrAppend(&text, "\n", table.Render());
  }
  if (report.stages.has_value()) absl::StrAppend(&text, StageReportText(*report.stages));
  if (!report.kept_dir.empty()) absl::StrAppend(&text, "\nkept in ", report.kept_dir, "\n");
  return text;
}

}  // namespace kiln::tools
