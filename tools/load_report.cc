#include "tools/load_report.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace kiln::tools {
namespace {

double Milliseconds(uint64_t microseconds) {
  return static_cast<double>(microseconds) / 1e3;
}

LatencyFigures ComputeLatency(std::vector<uint64_t> latencies_us) {
  std::sort(latencies_us.begin(), latencies_us.end());
  if (latencies_us.empty()) return {};
  return {Milliseconds(Percentile(latencies_us, 0.50)),
          Milliseconds(Percentile(latencies_us, 0.90)),
          Milliseconds(Percentile(latencies_us, 0.99)), Milliseconds(latencies_us.back())};
}

}  // namespace

uint64_t Percentile(const std::vector<uint64_t>& sorted, double fraction) {
  KILN_CHECK(fraction > 0 && fraction <= 1);
  if (sorted.empty()) return 0;
  const double rank = std::ceil(fraction * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

SteadyFigures ComputeSteadyFigures(const std::vector<Sample>& samples, absl::Duration duration) {
  const double duration_us = static_cast<double>(absl::ToInt64Microseconds(duration));
  const uint64_t begin_us = static_cast<uint64_t>(duration_us * kSteadyBegin);
  const uint64_t end_us = static_cast<uint64_t>(duration_us * kSteadyEnd);
  const auto is_steady = [&](uint64_t at_us) { return at_us >= begin_us && at_us < end_us; };
  std::vector<uint64_t> latencies_us;
  uint64_t lowest = 0;
  uint64_t highest = 0;
  SteadyFigures figures;
  for (const Sample& sample : samples) {
    if (is_steady(sample.sent_us)) latencies_us.push_back(sample.done_us - sample.sent_us);
    if (!is_steady(sample.done_us)) continue;
    ++figures.committed;
    lowest = lowest == 0 ? sample.height : std::min(lowest, sample.height);
    highest = std::max(highest, sample.height);
  }
  figures.seconds = static_cast<double>(end_us - begin_us) / 1e6;
  figures.latency_ms = ComputeLatency(std::move(latencies_us));
  if (figures.committed == 0 || figures.seconds == 0) return figures;
  const double blocks = static_cast<double>(highest - lowest + 1);
  figures.committed_per_second = static_cast<double>(figures.committed) / figures.seconds;
  figures.blocks_per_second = blocks / figures.seconds;
  figures.transactions_per_block = static_cast<double>(figures.committed) / blocks;
  return figures;
}

}  // namespace kiln::tools
