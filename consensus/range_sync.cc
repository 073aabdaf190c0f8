#include "consensus/range_sync.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/mark.h"

namespace kiln::consensus {
namespace {

// A silent peer is passed over for the wait of a request, doubled with each silence up to this
// often.
constexpr uint32_t kSilencesDoubledMax = 5;

}  // namespace

std::optional<QuorumCertificate> RangeSync::CertificateFor(const Hash& id) const {
  if (target_.has_value() && target_->qc.block_id == id) return target_->qc;
  if (probed_.has_value() && probed_->block_id == id) return probed_;
  return std::nullopt;
}

// --- Targets

void RangeSync::Aim(const QuorumCertificate& qc, const Block& root, uint64_t now_us) {
  now_us_ = now_us;
  if (probed_.has_value() || now_us < rests_until_us_ || SignersOf(qc).empty()) return;
  if (target_.has_value() && qc.round <= target_->qc.round) return;
  if (!target_.has_value()) {
    KILN_MARK("a replica finds that it is far behind");
    StartOver(root);
  }
  probed_ = qc;
}

bool RangeSync::wants_target() const {
  if (!target_.has_value() || probed_.has_value()) return false;
  return is_stalled_ || !NextHole(target_->height).has_value();
}

void RangeSync::TakeTarget(ValidatorIndex from, const BlockPtr& block) {
  const QuorumCertificate qc = *std::exchange(probed_, std::nullopt);
  const Height height = block->header.height;
  if (height > (target_.has_value() ? target_->height : base_)) {
    if (target_.has_value()) KILN_MARK("a newer target takes the place of one that is asked for");
    target_ = Target{.qc = qc, .height = height};
    Keep(from, block);
  }
  if (!target_.has_value()) End();
}

// What is left of this catching up is asked for one answer after the other.
void RangeSync::Rest() {
  rests_until_us_ = now_us_ + patience_.wait_us_max();
  End();
}

void RangeSync::End() {
  target_.reset();
  probed_.reset();
  waiting_.clear();
  waiting_bytes_ = 0;
  is_stalled_ = false;
  for (Peer& peer : peers_) peer = Peer{.asked_last = peer.asked_last};
}

void RangeSync::StartOver(const Block& root) {
  waiting_.clear();
  waiting_bytes_ = 0;
  base_ = Height{0};
  StandOn(root);
}

// What is committed is beyond doubt.
void RangeSync::StandOn(const Block& root) {
  if (root.header.height < base_) return;
  base_ = root.header.height;
  base_id_ = root.id;
  base_from_.reset();
  while (!waiting_.empty() && waiting_.begin()->first <= base_) {
    waiting_bytes_ -= waiting_.begin()->second.block->payload->size();
    waiting_.erase(waiting_.begin());
  }
  EndIfReached();
}

void RangeSync::EndIfReached() {
  if (!target_.has_value() || base_ < target_->height) return;
  target_.reset();
  if (!probed_.has_value()) End();
}

// --- Answers

bool RangeSync::Answers(const Request& request, const Blocks& answer) {
  if (request.is_probe) {
    return answer.blocks.size() == 1 && answer.blocks.front()->id == request.id;
  }
  return answer.blocks.front()->header.height.value == request.above.value + 1;
}

std::optional<RangeSync::Request> RangeSync::TakeAnswered(Peer* peer, const Blocks& answer) {
  const auto open =
      std::find_if(peer->open.begin(), peer->open.end(),
                   [&answer](const Request& request) { return Answers(request, answer); });
  if (open != peer->open.end()) {
    const Request request = *open;
    peer->open.erase(open);
    return request;
  }
  const auto late =
      std::find_if(peer->late.begin(), peer->late.end(),
                   [&answer](const Request& request) { return Answers(request, answer); });
  if (late == peer->late.end()) return std::nullopt;
  const Request request = *late;
  peer->late.erase(late);
  return request;
}

bool RangeSync::Take(ValidatorIndex from, const Blocks& answer, uint64_t now_us) {
  now_us_ = now_us;
  if (!is_active()) return false;
  Peer& peer = peers_[from.value];
  const std::optional<Request> answered = TakeAnswered(&peer, answer);
  if (!answered.has_value()) return false;
  const Request& request = *answered;
  peer.silences = 0;
  peer.passed_over_until_us = 0;
  patience_.NoteHelp();
  is_stalled_ = false;
  if (request.is_probe) {
    if (probed_.has_value() && probed_->block_id == request.id) {
      TakeTarget(from, answer.blocks.front());
    }
    return true;
  }
  const bool in_time = now_us < request.due_us;
  const size_t count = std::min<size_t>(answer.blocks.size(), request.count);
  for (size_t i = 0; i < count; ++i) Keep(from, answer.blocks[i]);
  if (count < request.count) {
    KILN_MARK("an answer brings a part of a range");
    span_ = std::min(span_, static_cast<uint32_t>(count));
  } else if (in_time) {
    span_ = std::min<uint32_t>(2 * span_, kBlocksPerAnswerMax);
  }
  return true;
}

void RangeSync::Keep(ValidatorIndex from, const BlockPtr& block) {
  const Height height = block->header.height;
  if (height <= base_ || !target_.has_value() || height > target_->height) return;
  if (!waiting_.emplace(height, Waiting{block, from}).second) return;
  waiting_bytes_ += block->payload->size();
  if (height.value > base_.value + 1 && !waiting_.contains(Height{base_.value + 1})) {
    KILN_MARK("a range waits for the one below it");
  }
}

RangeSync::Next RangeSync::Front(const Block& root) {
  StandOn(root);
  const auto front = waiting_.find(Height{base_.value + 1});
  if (!target_.has_value() || front == waiting_.end()) return {};
  const Waiting& next = front->second;
  const bool ends_right =
      next.block->header.height < target_->height || next.block->id == target_->qc.block_id;
  if (next.block->header.parent_id == base_id_ && ends_right) return {next.block, next.from};
  // Both ranges are certified, so one of them is of a branch that the chain left.
  const ValidatorIndex above = next.from;
  const std::optional<ValidatorIndex> below = base_from_;
  StartOver(root);
  Doubt(above);
  if (below.has_value()) Doubt(*below);
  return {};
}

void RangeSync::NoteInserted() {
  const auto front = waiting_.begin();
  KILN_CHECK(front != waiting_.end() && front->first.value == base_.value + 1);
  waiting_bytes_ -= front->second.block->payload->size();
  base_ = front->first;
  base_id_ = front->second.block->id;
  base_from_ = front->second.from;
  waiting_.erase(front);
  EndIfReached();
}

void RangeSync::NoteRefused(const Block& root) {
  const ValidatorIndex from = waiting_.begin()->second.from;
  StartOver(root);
  Doubt(from);
}

void RangeSync::Doubt(ValidatorIndex doubted) {
  peers_[doubted.value].is_doubted = true;
  if (!target_.has_value()) return;
  const std::vector<ValidatorIndex> signers = SignersOf(target_->qc);
  const bool are_all = std::all_of(signers.begin(), signers.end(), [this](ValidatorIndex signer) {
    return peers_[signer.value].is_doubted;
  });
  if (are_all) Rest();
}

// --- Requests

std::vector<ValidatorIndex> RangeSync::SignersOf(const QuorumCertificate& qc) const {
  std::vector<ValidatorIndex> signers = qc.signers.Members();
  std::erase(signers, self_);
  return signers;
}

size_t RangeSync::OpenRequests() const {
  size_t open = 0;
  for (const Peer& peer : peers_) open += peer.open.size();
  return open;
}

void RangeSync::NoteSilence(const Request& request, Peer* peer) {
  // As often as all that were asked at once are late, it is half of what they were asked for.
  if (!request.is_probe) span_ = std::min(span_, std::max(1U, request.count / 2));
  const uint32_t doublings = std::min(peer->silences, kSilencesDoubledMax);
  peer->passed_over_until_us = now_us_ + (patience_.wait_us() << doublings);
  ++peer->silences;
  const QuorumCertificate& asked = target_.has_value() ? target_->qc : *probed_;
  if (!patience_.NoteSilence(SignersOf(asked).size())) return;
  // Nobody has the first target, or its signers do not know the question.
  if (!target_.has_value()) return Rest();
  is_stalled_ = true;
  probed_.reset();
}

void RangeSync::ExpireRequests() {
  const auto is_due = [this](const Request& request) { return request.due_us <= now_us_; };
  for (Peer& peer : peers_) {
    while (true) {
      const auto due = std::find_if(peer.open.begin(), peer.open.end(), is_due);
      if (due == peer.open.end()) break;
      const Request request = *due;
      peer.open.erase(due);
      peer.late.push_back(request);
      if (peer.late.size() > kLateOfOnePeerMax) peer.late.erase(peer.late.begin());
      NoteSilence(request, &peer);
    }
  }
}

std::optional<ValidatorIndex> RangeSync::Choose(const QuorumCertificate& qc,
                                                const PeerPresence& connections) const {
  std::optional<ValidatorIndex> chosen;
  const std::vector<ValidatorIndex> signers = SignersOf(qc);
  const bool must_ask = OpenRequests() == 0;
  const bool is_anyone_connected =
      std::any_of(signers.begin(), signers.end(),
                  [&](ValidatorIndex signer) { return connections.IsConnected(signer); });
  const auto standing = [&](ValidatorIndex index) {
    const Peer& peer = peers_[index.value];
    const uint64_t waits_us = std::max(peer.passed_over_until_us, now_us_);
    return std::make_tuple(!connections.IsConnected(index), waits_us, peer.open.size(),
                           peer.silences, peer.asked_last);
  };
  for (const ValidatorIndex signer : signers) {
    const Peer& peer = peers_[signer.value];
    if (peer.open.size() >= kOpenOfOnePeerMax || peer.is_doubted) continue;
    const bool is_in_vain = peer.passed_over_until_us > now_us_ ||
                            (is_anyone_connected && !connections.IsConnected(signer));
    if (is_in_vain && !must_ask) continue;
    if (!chosen.has_value() || standing(signer) < standing(*chosen)) chosen = signer;
  }
  return chosen;
}

bool RangeSync::IsAsked(Height height, Height* up_to) const {
  for (const Peer& peer : peers_) {
    for (const Request& request : peer.open) {
      const Height last{request.above.value + request.count};
      if (request.is_probe || height <= request.above || height > last) continue;
      *up_to = last;
      return true;
    }
  }
  return false;
}

std::optional<RangeSync::Range> RangeSync::NextHole(Height highest) const {
  Height at{base_.value + 1};
  const auto is_free = [&](Height height, Height* up_to) {
    *up_to = height;
    return !waiting_.contains(height) && !IsAsked(height, up_to);
  };
  for (Height up_to; at <= highest && !is_free(at, &up_to);) at = Height{up_to.value + 1};
  if (at > highest) return std::nullopt;
  Range hole{.above = Height{at.value - 1}, .count = 0};
  for (Height up_to; at <= highest && hole.count < span_ && is_free(at, &up_to); ++at.value) {
    ++hole.count;
  }
  return hole;
}

std::optional<Fetch> RangeSync::TakeDue(Height executed, const PeerPresence& connections,
                                        uint64_t now_us) {
  now_us_ = now_us;
  ExpireRequests();
  if (!is_active()) return std::nullopt;
  const auto is_probing = [](const Peer& peer) {
    return std::any_of(peer.open.begin(), peer.open.end(),
                       [](const Request& request) { return request.is_probe; });
  };
  if (OpenRequests() >= kOpenMax) return std::nullopt;
  if (probed_.has_value() && std::none_of(peers_.begin(), peers_.end(), is_probing)) {
    if (const std::optional<ValidatorIndex> peer = Choose(*probed_, connections)) {
      return Ask(*peer,
                 {.id = probed_->block_id, .above = kHeightMax, .count = 1, .is_probe = true});
    }
  }
  if (!target_.has_value()) return std::nullopt;
  const Height highest = std::min(target_->height, Height{executed.value + kAheadMax});
  const std::optional<Range> hole = NextHole(highest);
  if (!hole.has_value()) return std::nullopt;
  // Not a block at a time while execution goes on.
  const bool will_grow = highest < target_->height && hole->count < span_ &&
                         hole->above.value + hole->count == highest.value;
  if (will_grow) return std::nullopt;
  if (waiting_bytes_ >= kWaitingBytesMax && hole->above != base_) return std::nullopt;
  const std::optional<ValidatorIndex> peer = Choose(target_->qc, connections);
  if (!peer.has_value()) return std::nullopt;
  if (OpenRequests() > 0) KILN_MARK("ranges are asked of several at once");
  return Ask(*peer, {.id = target_->qc.block_id, .above = hole->above, .count = hole->count});
}

Fetch RangeSync::Ask(ValidatorIndex to, Request request) {
  Peer& peer = peers_[to.value];
  request.due_us = now_us_ + patience_.wait_us();
  peer.asked_last = ++requests_;
  peer.open.push_back(request);
  return Fetch{
      to,
      BlockRequest{.block_id = request.id, .above_height = request.above, .count = request.count}};
}

uint64_t RangeSync::deadline_us() const {
  if (!is_active()) return UINT64_MAX;
  uint64_t deadline = UINT64_MAX;
  for (const Peer& peer : peers_) {
    for (const Request& request : peer.open) deadline = std::min(deadline, request.due_us);
    if (peer.passed_over_until_us > now_us_) {
      deadline = std::min(deadline, peer.passed_over_until_us);
    }
  }
  return deadline;
}

}  // namespace kiln::consensus
