#include "sim/run_meter.h"

#include <algorithm>
#include <limits>
#include <string>

#include "sim/network_model.h"
#include "sim/send_line.h"

namespace kiln::sim {
namespace {

constexpr uint64_t kSecondUs = 1'000'000;

// The least one that `percent` of them do not exceed; 0 of none. REQUIRES: `sorted` is.
uint64_t Quantile(const std::vector<uint32_t>& sorted, uint64_t percent) {
  if (sorted.empty()) return 0;
  const size_t rank = (sorted.size() * percent + 99) / 100;
  return sorted[std::max<size_t>(rank, 1) - 1];
}

}  // namespace

RunMeter::RunMeter(uint64_t from_us, uint64_t to_us, uint32_t replicas)
    : from_us_(from_us),
      to_us_(std::max(from_us, to_us)),
      grew_us_(from_us),
      line_bytes_(replicas, 0),
      receipts_in_second_((to_us_ + kSecondUs - 1) / kSecondUs, 0) {}

void RunMeter::OnLeft(uint64_t now_us, uint32_t replica, const network::Frame& frame) {
  if (!IsMeasured(now_us)) return;
  const uint64_t bytes = frame.bytes() + SendLine::kFrameOverheadBytes;
  RunFigures::Messages& messages = messages_.at(static_cast<size_t>(frame.kind));
  ++messages.count;
  messages.bytes += bytes;
  line_bytes_.at(replica) += bytes;
}

void RunMeter::OnReceipt(uint64_t now_us, uint64_t since_us) {
  if (now_us < to_us_) ++receipts_in_second_.at(now_us / kSecondUs);
  if (!IsMeasured(now_us)) return;
  const uint64_t most_us = std::numeric_limits<uint32_t>::max();
  latencies_us_.push_back(static_cast<uint32_t>(std::min(now_us - since_us, most_us)));
}

void RunMeter::OnRefused(uint64_t now_us) {
  if (IsMeasured(now_us)) ++refused_;
}

bool RunMeter::Raise(uint64_t now_us, uint64_t value, Counter* counter) const {
  if (now_us >= to_us_ || value <= counter->now) return false;
  counter->now = value;
  if (now_us < from_us_) counter->at_first = value;
  return true;
}

void RunMeter::OnHeight(uint64_t now_us, uint64_t height) {
  if (!Raise(now_us, height, &height_) || now_us < from_us_) return;
  longest_pause_us_ = std::max(longest_pause_us_, now_us - grew_us_);
  grew_us_ = now_us;
}

void RunMeter::OnRound(uint64_t now_us, uint64_t round) {
  Raise(now_us, round, &round_);
}

RunFigures RunMeter::Figures() const {
  RunFigures figures;
  figures.measured_us = to_us_ - from_us_;
  figures.transactions = latencies_us_.size();
  figures.refused = refused_;
  figures.blocks = height_.now - height_.at_first;
  figures.rounds = round_.now - round_.at_first;
  figures.longest_pause_us = std::max(longest_pause_us_, to_us_ - grew_us_);
  std::vector<uint32_t> sorted = latencies_us_;
  std::sort(sorted.begin(), sorted.end());
  figures.latency_p50_us = Quantile(sorted, 50);
  figures.latency_p90_us = Quantile(sorted, 90);
  figures.latency_p99_us = Quantile(sorted, 99);
  figures.latency_max_us = Quantile(sorted, 100);
  for (size_t kind = 0; kind < messages_.size(); ++kind) {
    if (messages_[kind].count == 0) continue;
    figures.messages[std::string(NameOf(static_cast<network::FrameKind>(kind)))] = messages_[kind];
  }
  if (!line_bytes_.empty()) {
    figures.busiest_line_bytes = *std::max_element(line_bytes_.begin(), line_bytes_.end());
  }
  figures.transactions_in_second = receipts_in_second_;
  return figures;
}

}  // namespace kiln::sim
