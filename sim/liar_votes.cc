// Lies of voters: B2, B3, B12, B13.
#include <algorithm>
#include <utility>

#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::Proposal;
using consensus::QuorumCertificate;
using consensus::Timeout;
using consensus::Vote;
using network::PeerMessage;

// Votes for every block of a round that it sees, and for one that it makes up; the one that is
// wrong comes first half of the time. Once it has given up on a round, it votes there again, and at
// times far ahead.
class DoubleVoter final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    if (const auto* timeout = As<Timeout>(message)) {
      Tell(to, message);
      return VoteForAll(to, timeout->round, Hash{});
    }
    const auto* vote = As<Vote>(message);
    if (vote == nullptr) return Tell(to, message);
    const bool truth_first = random().Chance(0.5);
    if (truth_first) Tell(to, message);
    VoteForAll(to, vote->round, vote->block_id);
    if (random().Chance(0.3)) VoteFor(to, vote->round, InventedId(vote->block_id));
    if (random().Chance(0.1)) VoteFor(to, Round{vote->round.value + kFarAhead}, vote->block_id);
    if (!truth_first) Tell(to, message);
  }
  bool Hear(ValidatorIndex, const PeerMessage& message) override {
    const auto* proposal = As<Proposal>(message);
    if (proposal == nullptr) return true;
    const Round round = proposal->block->header.round;
    VoteFor(LeaderOf(Round{round.value + 1}), round, proposal->block->id);
    if (random().Chance(0.25)) VoteFor(RandomOther(), round, proposal->block->id);
    return true;
  }

 private:
  static constexpr uint64_t kFarAhead = 100;  // more rounds than votes are kept for

  static Hash InventedId(Hash id) {
    id.bytes[5] ^= 1;
    return id;
  }
  void VoteForAll(ValidatorIndex to, Round round, const Hash& except) {
    for (const consensus::BlockPtr& block : memory().BlocksOfRound(round)) {
      if (block->id != except) VoteFor(to, round, block->id);
    }
  }
  void VoteFor(ValidatorIndex to, Round round, const Hash& id) {
    if (to == context_.self) return;
    Count();
    Tell(to, AsPeerMessage(SignVote(round, id)));
  }
};

// Gives up on every round as soon as it sees a block for it, and lets the replica vote all the
// same.
class VoteAndTimeouter final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    Tell(to, message);
    if (const auto* vote = As<Vote>(message); vote != nullptr) GiveUp(vote->round);
  }
  bool Hear(ValidatorIndex, const PeerMessage& message) override {
    if (const auto* proposal = As<Proposal>(message)) GiveUp(proposal->block->header.round);
    return true;
  }

 private:
  void GiveUp(Round round) {
    if (round <= last_) return;
    const std::optional<Timeout> timeout = MakeTimeout(round);
    if (!timeout.has_value()) return;
    last_ = round;
    Count();
    TellAll(AsPeerMessage(*timeout));
  }
  Round last_;
};

// Now and then, just after a vote or a timeout, forgets the last rounds.
class Amnesiac final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    Tell(to, message);
    const bool signs = As<Vote>(message) != nullptr || As<Timeout>(message) != nullptr;
    const uint64_t pause_us = 4 * context_.round_timeout_min_us;
    if (!signs || context_.now_us() < next_us_ || !random().Chance(0.25)) return;
    next_us_ = context_.now_us() + pause_us;
    const uint64_t rounds = std::max<uint64_t>(1, static_cast<uint64_t>(fault_.amount));
    Count();
    After(random().Below(context_.round_timeout_min_us / 4 + 1),
          [this, rounds] { context_.forget(1 + random().Below(rounds)); });
  }

 private:
  uint64_t next_us_ = 0;
};

// Votes, timeouts and proposals that name another author: signed by itself, or with a signature of
// that author that was for something else.
class VoteSpoofer final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    if (const auto* vote = As<Vote>(message)) Spoof(to, *vote);
    if (const auto* timeout = As<Timeout>(message)) Spoof(to, *timeout);
    if (const auto* proposal = As<Proposal>(message); proposal != nullptr) {
      Count();
      Tell(to, AsPeerMessage(Alter(*proposal, [this](consensus::Header& header) {
             header.proposer = RandomAuthor();
           })));
    }
    Tell(to, message);
  }
  // What it hears it claims for others: a vote of everybody for each block.
  bool Hear(ValidatorIndex, const PeerMessage& message) override {
    const auto* proposal = As<Proposal>(message);
    if (proposal == nullptr) return true;
    const Round round = proposal->block->header.round;
    const ValidatorIndex collector = LeaderOf(Round{round.value + 1});
    if (collector != context_.self) Spoof(collector, SignVote(round, proposal->block->id));
    return true;
  }

 private:
  ValidatorIndex RandomAuthor() {
    switch (random().Below(6)) {
      case 0:
        return {validator_count()};
      case 1:
        return {UINT32_MAX};
      default:
        return RandomOther();
    }
  }
  void Spoof(ValidatorIndex to, Vote vote) {
    vote.author = RandomAuthor();
    const LiarMemory::Votes old = memory().VotesOf(Round{vote.round.value - 1});
    const auto theirs = old.find(vote.author);
    if (theirs != old.end() && random().Chance(0.5)) vote.signature = theirs->second.signature;
    Count();
    Tell(to, AsPeerMessage(vote));
  }
  void Spoof(ValidatorIndex to, Timeout timeout) {
    timeout.author = RandomAuthor();
    Count();
    Tell(to, AsPeerMessage(std::move(timeout)));
  }
};

// Gives up on rounds that are over, that just began, and that nobody can prove were entered, with
// another QC for each receiver; and shows TCs to one other alone, so that the others do not follow.
class TimeoutScatterer final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    if (As<Timeout>(message) != nullptr || As<consensus::Certificates>(message) != nullptr) {
      if (IsFirstReceiver(to, message)) shown_to_ = RandomOther();
      if (ShowsTc(message) && to != shown_to_) return Count();
    }
    Tell(to, message);
  }
  bool Hear(ValidatorIndex, const PeerMessage& message) override {
    if (const auto* proposal = As<Proposal>(message)) Scatter(proposal->block->header.round);
    if (const auto* timeout = As<Timeout>(message)) {
      if (random().Chance(0.3)) Scatter(timeout->round);
      GiveUpOnNext(timeout->round);
    }
    return true;
  }

 private:
  // Ends the round as soon as anybody can, and gives up on the one that follows before its leader
  // has proposed.
  void GiveUpOnNext(Round round) {
    if (round < next_) return;
    const std::optional<consensus::TimeoutCertificate> tc = MakeTcAndTakePart(round);
    if (!tc.has_value()) return;
    next_ = Round{round.value + 1};
    memory().Note(*tc);
    const std::optional<Timeout> timeout = MakeTimeout(next_);
    if (!timeout.has_value()) return;
    Count();
    TellAll(AsPeerMessage(*timeout));
  }

  static bool ShowsTc(const PeerMessage& message) {
    const auto* timeout = As<Timeout>(message);
    const auto* certificates = As<consensus::Certificates>(message);
    return (timeout != nullptr && timeout->last_tc.has_value()) ||
           (certificates != nullptr && certificates->last_tc.has_value());
  }

  void Scatter(Round round) {
    for (const ValidatorIndex to : Others()) {
      const uint64_t back = random().Below(4);
      const uint64_t ahead = random().Below(3);
      const uint64_t target = round.value + ahead - std::min(round.value + ahead, back);
      std::optional<Timeout> timeout = MakeTimeout(Round{target});
      if (!timeout.has_value()) timeout = Unproven(Round{target});
      if (timeout->last_tc.has_value() && random().Chance(0.5)) Lower(&*timeout);
      Count();
      Tell(to, AsPeerMessage(*std::move(timeout)));
    }
  }
  // Reports an older QC than it knows: the TC alone proves the entry.
  void Lower(Timeout* timeout) {
    timeout->high_qc = memory().HighestQcBelow(timeout->high_qc.round);
    *timeout = SignTimeout(std::move(*timeout));
  }
  std::optional<Timeout> Unproven(Round round) {
    return SignTimeout({.epoch = {1},
                        .round = round,
                        .author = context_.self,
                        .high_qc = memory().HighestQcBelow(round),
                        .last_tc = memory().HighestTc()});
  }

  ValidatorIndex shown_to_;
  Round next_;  // that it gave up on in advance
};

}  // namespace

std::unique_ptr<Liar> MakeDoubleVoter(Fault fault, LiarContext context, Say say) {
  return Make<DoubleVoter>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeVoteAndTimeouter(Fault fault, LiarContext context, Say say) {
  return Make<VoteAndTimeouter>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeAmnesiac(Fault fault, LiarContext context, Say say) {
  return Make<Amnesiac>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeVoteSpoofer(Fault fault, LiarContext context, Say say) {
  return Make<VoteSpoofer>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeTimeoutScatterer(Fault fault, LiarContext context, Say say) {
  return Make<TimeoutScatterer>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
