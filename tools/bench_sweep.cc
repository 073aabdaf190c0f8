#include "tools/bench_sweep.h"

#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "tools/command.h"
#include "tools/text_table.h"

namespace kiln::tools {
namespace {

std::string ProcessorModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    absl::string_view model = line;
    if (!absl::ConsumePrefix(&model, "model name")) continue;
    model.remove_prefix(std::min(model.find(':') + 2, model.size()));
    return std::string(model);
  }
  return "unknown processor";
}

std::string DescribeMachine() {
  utsname names{};
  uname(&names);
  return absl::StrCat(ProcessorModel(), ", ", std::thread::hardware_concurrency(), " cores, ",
                      names.sysname, " ", names.release, " ", names.machine);
}

std::string NowText() {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC",
                          absl::FromUnixMicros(static_cast<int64_t>(SystemClock()->Read().wall_us)),
                          absl::UTCTimeZone());
}

// What the closed loops of the curve and the open ones after it have in common.
absl::StatusOr<BenchReport> RunPoint(BenchSettings settings, size_t in_flight, double rate) {
  settings.in_flight = in_flight;
  settings.rate = rate;
  settings.profile_stages = settings.profile_stages || settings.testnet.empty();
  settings.say = nullptr;
  absl::StatusOr<BenchReport> report = RunBench(settings);
  if (report.ok()) return report;
  return Annotate(report.status(), rate > 0 ? absl::StrFormat("at %.0f per second", rate)
                                            : absl::StrCat("with ", in_flight, " in flight"));
}

template <typename Visit>
void ForEachPoint(const SweepReport& report, Visit visit) {
  for (const BenchReport& point : report.curve) visit(point);
  for (const BenchReport& point : report.overload) visit(point);
}

}  // namespace

double SweepReport::capacity() const {
  double highest = 0;
  for (const BenchReport& point : curve) {
    highest = std::max(highest, point.steady.committed_per_second);
  }
  return highest;
}

uint64_t SweepReport::lost() const {
  uint64_t sum = 0;
  ForEachPoint(*this, [&](const BenchReport& point) { sum += point.lost; });
  return sum;
}

uint64_t SweepReport::errors() const {
  uint64_t sum = 0;
  ForEachPoint(*this, [&](const BenchReport& point) { sum += point.errors; });
  return sum;
}

std::string SweepReport::first_error() const {
  std::string first;
  ForEachPoint(*this, [&](const BenchReport& point) {
    if (first.empty()) first = point.first_error;
  });
  return first;
}

absl::StatusOr<SweepReport> RunSweep(const BenchSettings& settings,
                                     const std::function<void()>& done) {
  SweepReport report;
  report.machine = DescribeMachine();
  report.started = NowText();
  for (const size_t in_flight : kSweepInFlight) {
    KILN_ASSIGN_OR_RETURN(BenchReport point, RunPoint(settings, in_flight, /*rate=*/0));
    report.curve.push_back(std::move(point));
    done();
  }
  if (report.capacity() == 0) return absl::AbortedError("nothing was committed at any load");
  for (const double multiple : kSweepMultiples) {
    BenchSettings stretched = settings;
    if (multiple > 1) stretched.duration_seconds *= kSweepOverloadStretch;
    KILN_ASSIGN_OR_RETURN(BenchReport point, RunPoint(stretched, 0, multiple * report.capacity()));
    report.overload.push_back(std::move(point));
    done();
  }
  return report;
}

nlohmann::ordered_json SweepReportJson(const SweepReport& report) {
  nlohmann::ordered_json json = {{"capacity_per_second", report.capacity()},
                                 {"lost", report.lost()},
                                 {"errors", report.errors()},
                                 {"started", report.started},
                                 {"machine", report.machine},
                                 {"build", BuildInformation()},
                                 {"curve", nlohmann::ordered_json::array()},
                                 {"overload", nlohmann::ordered_json::array()}};
  for (const BenchReport& point : report.curve) json["curve"].push_back(BenchReportJson(point));
  for (const BenchReport& point : report.overload) {
    nlohmann::ordered_json one = {{"multiple_of_capacity", point.rate / report.capacity()}};
    one.update(BenchReportJson(point));
    json["overload"].push_back(std::move(one));
  }
  return json;
}

std::string SweepReportText(const SweepReport& report) {
  TextTable table(
      {"load", "committed/s", "p50 ms", "p99 ms", "refused", "held back", "errors", "lost"});
  const auto add = [&](std::string load, const BenchReport& point) {
    table.Add({std::move(load), absl::StrFormat("%.0f", point.steady.committed_per_second),
               absl::StrFormat("%.2f", point.steady.latency_ms.p50),
               absl::StrFormat("%.2f", point.steady.latency_ms.p99), absl::StrCat(point.refused),
               absl::StrCat(point.held_back), absl::StrCat(point.errors),
               absl::StrCat(point.lost)});
  };
  for (const BenchReport& point : report.curve) {
    add(absl::StrCat(point.in_flight, " in flight"), point);
  }
  for (const BenchReport& point : report.overload) {
    add(absl::StrFormat("%.0f due/s (%.3g x)", point.rate, point.rate / report.capacity()), point);
  }
  return absl::StrCat("\n", table.Render(), "\n",
                      absl::StrFormat("capacity %.0f per second; ", report.capacity()),
                      report.machine, "\n");
}

}  // namespace kiln::tools
