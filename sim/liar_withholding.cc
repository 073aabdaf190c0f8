// Lies by keeping back certificates: B5, B6.
#include <algorithm>
#include <utility>

#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;
using consensus::Certificates;
using consensus::Header;
using consensus::Proposal;
using consensus::QuorumCertificate;
using consensus::Timeout;
using consensus::TimeoutCertificate;
using consensus::Vote;
using network::PeerMessage;

// A leader that ignores its predecessor's block. It says nothing of the QC that it collected, waits
// until the others give up on that round, and then proposes on the older QC with their TC: a block
// in order, unless a signer of the TC reported the hidden QC. When its round came by a QC that all
// know, it proposes on the older one all the same. Its timeouts report older QCs than it knows.
class QcWithholder final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    if (const auto* proposal = As<Proposal>(message)) {
      if (IsFirstReceiver(to, message)) Replan(*proposal);
      if (plan_ == Plan::kHonest) Tell(to, message);
      return;
    }
    if (const auto* timeout = As<Timeout>(message)) return Hide(to, *timeout);
    if (const auto* certificates = As<Certificates>(message)) return Hide(to, *certificates);
    Tell(to, message);
  }
  bool Hear(ValidatorIndex, const PeerMessage& message) override {
    const auto* timeout = As<Timeout>(message);
    if (timeout != nullptr && plan_ == Plan::kWait && timeout->round == WaitsFor()) TryFork();
    return true;
  }

 private:
  enum class Plan { kHonest, kWait, kDone };

  Round WaitsFor() const { return Round{hidden_->block->header.round.value - 1}; }

  void Replan(const Proposal& proposal) {
    hidden_ = proposal;
    plan_ = Plan::kHonest;
    const Round round = proposal.block->header.round;
    if (round.value < 3 || random().Chance(0.25)) return;
    Count();
    if (proposal.tc.has_value() || random().Chance(0.25)) {
      plan_ = Plan::kDone;
      return Fork(proposal.tc);  // with the TC that it has, or without
    }
    plan_ = Plan::kWait;
    GiveUpOnPrevious();
  }

  // Its own timeout of the round before, which reports the older QC, speeds up the others'.
  void GiveUpOnPrevious() {
    const Round previous = WaitsFor();
    Timeout timeout{.epoch = {1},
                    .round = previous,
                    .author = context_.self,
                    .high_qc = memory().HighestQcBelow(previous),
                    .last_tc = memory().TcOf(Round{previous.value - 1})};
    const bool proven = timeout.high_qc.round.value + 1 == previous.value;
    if (!proven && !timeout.last_tc.has_value()) return;
    const PeerMessage message = AsPeerMessage(SignTimeout(std::move(timeout)));
    memory().Note(context_.self, message);
    TellAll(message);
  }

  void TryFork() {
    std::optional<TimeoutCertificate> tc = MakeTc(WaitsFor());
    if (!tc.has_value()) return;
    plan_ = Plan::kDone;
    Fork(std::move(tc));
  }

  void Fork(std::optional<TimeoutCertificate> tc) {
    const Header& original = hidden_->block->header;
    const bool honest_tc = tc.has_value() && tc->high_qc.round < original.parent_round;
    const QuorumCertificate qc =
        honest_tc ? tc->high_qc : memory().HighestQcBelow(original.parent_round);
    const BlockPtr parent = memory().BlockOf(qc.block_id);
    if (parent == nullptr) return;
    Header header = original;
    header.height.value = parent->header.height.value + 1;
    header.parent_id = parent->id;
    header.parent_round = qc.round;
    // Its own execution may be ahead of what this branch commits.
    if (random().Chance(0.7)) {
      header.executed_height = parent->header.executed_height;
      header.state_root = parent->header.state_root;
    }
    header.time_us = std::max(header.time_us, parent->header.time_us);
    const Proposal fork = SignProposal(
        consensus::MakeBlock(header, qc, hidden_->block->payload, hidden_->block->index),
        std::move(tc));
    Replace(hidden_->block->id, fork.block->id);
    Count();
    TellAll(AsPeerMessage(fork));
    const ValidatorIndex collector = LeaderOf(Round{header.round.value + 1});
    if (collector != context_.self) {
      Tell(collector, AsPeerMessage(SignVote(header.round, fork.block->id)));
    }
  }

  void Hide(ValidatorIndex to, const Timeout& timeout) {
    Timeout lower = timeout;
    const bool proven_by_qc = timeout.high_qc.round.value + 1 == timeout.round.value;
    Count();
    if (proven_by_qc && !timeout.last_tc.has_value()) {
      if (random().Chance(0.5)) return;  // it cannot give up without showing the QC
      return Tell(to, AsPeerMessage(timeout));
    }
    lower.high_qc = memory().HighestQcBelow(timeout.high_qc.round);
    Tell(to, AsPeerMessage(SignTimeout(std::move(lower))));
  }
  void Hide(ValidatorIndex to, Certificates certificates) {
    Count();
    certificates.high_qc = memory().HighestQcBelow(certificates.high_qc.round);
    Tell(to, AsPeerMessage(std::move(certificates)));
  }

  Plan plan_ = Plan::kHonest;
  std::optional<Proposal> hidden_;
};

// Keeps back the certificates that it made or got, and the votes that it owes, and shows them when
// the others have moved on: each to some alone.
class LateRevealer final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    const auto* proposal = As<Proposal>(message);
    const auto* timeout = As<Timeout>(message);
    const auto* certificates = As<Certificates>(message);
    if (proposal == nullptr && certificates == nullptr && timeout == nullptr &&
        As<Vote>(message) == nullptr) {
      return Tell(to, message);
    }
    if (IsFirstReceiver(to, message)) Choose();
    if (!keeps_) return Tell(to, message);
    Count();
    if (timeout != nullptr) return;
    if (proposal != nullptr && random().Chance(0.5)) {
      const Certificates shown{.high_qc = proposal->block->justify, .last_tc = proposal->tc};
      return Reveal(to, AsPeerMessage(shown));
    }
    Reveal(to, message);
  }

 private:
  void Choose() {
    keeps_ = random().Chance(0.5);
    const uint64_t timeout_us = context_.round_timeout_min_us;
    delay_us_ = timeout_us / 2 + random().Below(4 * timeout_us);
  }
  void Reveal(ValidatorIndex to, PeerMessage message) {
    if (random().Chance(0.3)) return;  // never, to this one
    const uint64_t jitter_us = random().Below(context_.round_timeout_min_us);
    After(delay_us_ + jitter_us, [this, to, message = std::move(message)] { Tell(to, message); });
  }

  bool keeps_ = false;
  uint64_t delay_us_ = 0;
};

}  // namespace

std::unique_ptr<Liar> MakeQcWithholder(Fault fault, LiarContext context, Say say) {
  return Make<QcWithholder>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeLateRevealer(Fault fault, LiarContext context, Say say) {
  return Make<LateRevealer>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
