#include "sim/network_model.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace kiln::sim {
namespace {

constexpr std::array<absl::string_view, 14> kKindNames = {"hello",
                                                          "proposal",
                                                          "vote",
                                                          "timeout",
                                                          "certificates",
                                                          "blocks",
                                                          "transactions",
                                                          "block_request",
                                                          "standing_request",
                                                          "standing",
                                                          "snapshot_offer",
                                                          "snapshot_request",
                                                          "snapshot_chunk",
                                                          "snapshot_offer_request"};
static_assert(kKindNames.size() == static_cast<size_t>(network::kLastFrameKind) + 1);

std::vector<bool> Members(const std::vector<uint32_t>& named, uint32_t replicas) {
  if (named.empty()) return std::vector<bool>(replicas, true);
  std::vector<bool> members(replicas, false);
  for (const uint32_t replica : named) {
    if (replica < replicas) members[replica] = true;
  }
  return members;
}

std::vector<bool> Kinds(const std::vector<std::string>& named) {
  std::vector<bool> kinds(kKindNames.size(), named.empty());
  for (size_t i = 0; i < kKindNames.size(); ++i) {
    if (std::find(named.begin(), named.end(), kKindNames[i]) != named.end()) kinds[i] = true;
  }
  return kinds;
}

}  // namespace

absl::string_view NameOf(network::FrameKind kind) {
  const size_t i = static_cast<size_t>(kind);
  return i < kKindNames.size() ? kKindNames[i] : "unknown";
}

NetworkModel::NetworkModel(const Scenario& scenario, uint32_t replicas, SimRandom random,
                           EventQueue* events, NetworkHost* host)
    : replicas_(replicas),
      delay_min_us_(scenario.delay_min_us),
      delay_mean_us_(std::max(scenario.delay_mean_us, scenario.delay_min_us)),
      region_delay_max_us_(RegionDelayMaxUs(scenario)),
      link_bytes_per_ms_(scenario.link_bytes_per_ms),
      round_timeout_min_us_(scenario.round_timeout_min_ms * 1000),
      random_(random),
      events_(events),
      host_(host),
      last_arrival_us_(size_t{replicas} * replicas, 0) {
  for (uint32_t from = 0; from < replicas; ++from) {
    for (uint32_t to = 0; to < replicas; ++to) {
      region_delay_us_.push_back(
          RegionDelayUs(scenario, ValidatorOf(scenario, from), ValidatorOf(scenario, to)));
    }
    lines_.emplace_back(
        events, replicas, link_bytes_per_ms_,
        [this, from](uint32_t to, const network::FramePtr& frame) { OnLeft(from, to, frame); });
  }
}

void NetworkModel::Begin(const Fault& fault, uint64_t now_us) {
  active_.push_back({.fault = &fault,
                     .end_us = fault.for_ms == 0 ? UINT64_MAX : now_us + fault.for_ms * 1000,
                     .from = Members(fault.nodes, replicas_),
                     .to = Members(fault.peers, replicas_),
                     .kinds = Kinds(fault.messages)});
  SetRates();
}

void NetworkModel::End(const Fault& fault) {
  std::erase_if(active_, [&](const Active& active) { return active.fault == &fault; });
  SetRates();
}

void NetworkModel::SetRates() {
  for (uint32_t from = 0; from < replicas_; ++from) {
    const Fault* slow = SlowLinkOf(from);
    lines_[from].SetRate(slow == nullptr
                             ? link_bytes_per_ms_
                             : std::max<uint64_t>(1, static_cast<uint64_t>(slow->amount)));
  }
}

// The one that began last.
const Fault* NetworkModel::SlowLinkOf(uint32_t from) const {
  const Fault* slow = nullptr;
  for (const Active& active : active_) {
    if (active.fault->kind == "slow_link" && active.from[from]) slow = active.fault;
  }
  return slow;
}

uint64_t NetworkModel::UsualDelayMaxUs() const {
  // Of exponential delays one in 20,000 is above ten times the mean.
  return region_delay_max_us_ + delay_min_us_ + 10 * (delay_mean_us_ - delay_min_us_);
}

uint64_t NetworkModel::busy_until_us() const {
  uint64_t until_us = *std::max_element(last_arrival_us_.begin(), last_arrival_us_.end());
  for (const SendLine& line : lines_) {
    if (!line.is_free()) until_us = std::max(until_us, line.free_at_us() + UsualDelayMaxUs());
  }
  return until_us;
}

uint64_t NetworkModel::LeastDelayUs(uint32_t from, uint32_t to) const {
  return delay_min_us_ + region_delay_us_[size_t{from} * replicas_ + to];
}

uint64_t NetworkModel::EndArrivesUs(uint32_t from, uint32_t to) const {
  return std::max(events_->now_us() + LeastDelayUs(from, to),
                  last_arrival_us_[size_t{from} * replicas_ + to]);
}

uint64_t NetworkModel::Delay(uint32_t from, uint32_t to) {
  const uint64_t least_us = LeastDelayUs(from, to);
  const uint64_t spread = delay_mean_us_ - delay_min_us_;
  if (spread == 0) return least_us;
  return least_us + static_cast<uint64_t>(random_.Exponential(static_cast<double>(spread)));
}

void NetworkModel::Send(uint32_t from, uint32_t to, network::FramePtr frame) {
  if (const Fault* slow = SlowLinkOf(from)) Count(*slow);
  const uint64_t dropped = lines_[from].Send(to, std::move(frame));
  if (dropped == 0) return;
  frames_dropped_ += dropped;
  host_->OnDropped(from, to, dropped);
}

void NetworkModel::Disconnect(uint32_t replica) {
  lines_[replica].DisconnectAll();
  for (SendLine& line : lines_) line.Disconnect(replica);
}

void NetworkModel::OnLeft(uint32_t from, uint32_t to, const network::FramePtr& frame) {
  host_->OnLeft(from, to, frame, Route(from, to, frame->kind));
}

// On a circle of all replicas.
bool NetworkModel::IsNear(uint32_t a, uint32_t b, uint32_t distance) const {
  const uint32_t apart = a > b ? a - b : b - a;
  return std::min(apart, replicas_ - apart) <= distance;
}

// Links that do not exist for the moment.
bool NetworkModel::Cuts(const Active& active, uint32_t from, uint32_t to) {
  const Fault& fault = *active.fault;
  if (fault.kind == "partition") return active.from[from] != active.from[to];
  if (fault.kind == "mute") return active.from[from] && !active.from[to];
  if (fault.kind == "deaf") return !active.from[from] && active.from[to];
  if (fault.kind == "ring") return !IsNear(from, to, static_cast<uint32_t>(fault.amount));
  if (fault.kind == "bridge") {
    return active.from[from] != active.from[to] && !active.to[from] && !active.to[to];
  }
  if (fault.kind == "silence_leaders") return host_->IsLeading(from);
  return false;
}

bool NetworkModel::Concerns(const Active& active, uint32_t from, uint32_t to,
                            network::FrameKind kind) const {
  return active.from[from] && active.to[to] && active.kinds[static_cast<size_t>(kind)];
}

FrameFate NetworkModel::Route(uint32_t from, uint32_t to, network::FrameKind kind) {
  const uint64_t left_us = events_->now_us();
  FrameFate fate;
  uint64_t arrives_us = left_us + Delay(from, to);
  bool in_order = true;
  bool twice = false;
  for (const Active& active : active_) {
    const Fault& fault = *active.fault;
    const bool is_cut = Cuts(active, from, to);
    const bool concerns = Concerns(active, from, to, kind);
    if (is_cut || (concerns && (fault.kind == "drop" ||
                                (fault.kind == "loss" && random_.Chance(fault.amount))))) {
      Count(fault);
      fate.lost_to = &fault;
      return fate;
    }
    if (!concerns) continue;
    if (fault.kind == "duplication" && random_.Chance(fault.amount)) {
      twice = true;
      Count(fault);
    } else if (fault.kind == "delay") {
      arrives_us += random_.Below(static_cast<uint64_t>(fault.amount * 1000) + 1);
      in_order = false;
      Count(fault);
    } else if (fault.kind == "clog" && active.end_us != UINT64_MAX) {
      arrives_us = std::max(arrives_us, active.end_us);
      Count(fault);
    } else if (fault.kind == "almost_timeout") {
      const double share = fault.amount * static_cast<double>(round_timeout_min_us_);
      arrives_us = std::max(arrives_us, left_us + static_cast<uint64_t>(share));
      Count(fault);
    }
  }
  uint64_t& last_us = last_arrival_us_[size_t{from} * replicas_ + to];
  if (in_order) {
    arrives_us = std::max(arrives_us, last_us);
    last_us = arrives_us;
  }
  fate.arrives_us.push_back(arrives_us);
  if (twice) fate.arrives_us.push_back(arrives_us + Delay(from, to));
  return fate;
}

}  // namespace kiln::sim
