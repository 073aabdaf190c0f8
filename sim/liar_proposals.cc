// Lies of leaders: B1, B4, B9.
#include <algorithm>
#include <utility>

#include "absl/container/btree_set.h"
#include "consensus/codec.h"
#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::Header;
using consensus::Proposal;
using consensus::QuorumCertificate;
using consensus::TimeoutCertificate;
using consensus::Vote;
using network::PeerMessage;

// Two blocks for each round that it leads, each to about half of the others, and votes for both.
class Equivocator final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    if (const auto* proposal = As<Proposal>(message)) return LieAboutProposal(to, *proposal);
    const auto* vote = As<Vote>(message);
    if (vote != nullptr && second_.block != nullptr && vote->block_id == first_) {
      Count();
      Tell(to, AsPeerMessage(SignVote(vote->round, second_.block->id)));
    }
    Tell(to, message);
  }

 private:
  void LieAboutProposal(ValidatorIndex to, const Proposal& proposal) {
    if (proposal.block->id != first_) MakeSecond(proposal);
    if (gets_second_[to.value] == 0) return Tell(to, AsPeerMessage(proposal));
    Count();
    Tell(to, AsPeerMessage(second_));
    // Who sees both keeps the first that came.
    if (shows_both_) Tell(to, AsPeerMessage(proposal));
  }

  void MakeSecond(const Proposal& proposal) {
    first_ = proposal.block->id;
    Header header = proposal.block->header;
    const bool drops_payload = proposal.block->has_transactions() && random().Chance(0.5);
    if (drops_payload) {
      second_ = SignProposal(
          consensus::MakeBlock(header, proposal.block->justify, consensus::EmptyPayload(),
                               consensus::EmptyPayloadIndex()),
          proposal.tc);
    } else {
      second_ = Alter(proposal, [](Header& altered) { ++altered.time_us; });
    }
    shows_both_ = random().Chance(0.25);
    gets_second_.assign(validator_count(), 0);
    for (size_t i = 0; i < gets_second_.size(); ++i) gets_second_[i] = i % 2;
    random().Shuffle(&gets_second_);
    // Those who got the second are to get the votes that complete it: from the next leader.
    for (const ValidatorIndex to : Others()) {
      const bool is_next_leader = to == LeaderOf(Round{header.round.value + 1});
      if (is_next_leader && random().Chance(0.5)) gets_second_[to.value] = 1;
    }
  }

  Hash first_;
  Proposal second_;
  std::vector<uint8_t> gets_second_;
  bool shows_both_ = false;
};

// Certificates for one thing are not unique: other signers make another one. Half of the others get
// the block under the other QC, or the same block beside the other TC, a little later, when more
// signatures have come than the first certificate needed.
class TwoJustifier final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    const auto* proposal = As<Proposal>(message);
    if (proposal == nullptr || to.value % 2 == proposal->block->header.round.value % 2) {
      return Tell(to, message);
    }
    After(context_.round_timeout_min_us / 4, [this, to, original = *proposal] {
      std::optional<Proposal> other = WithOtherCertificate(original);
      if (other.has_value()) Count();
      Tell(to, AsPeerMessage(other.has_value() ? *std::move(other) : original));
    });
  }

 private:
  std::optional<Proposal> WithOtherCertificate(const Proposal& proposal) {
    if (proposal.tc.has_value()) {
      std::optional<TimeoutCertificate> tc = MakeTc(proposal.tc->round);
      if (!tc.has_value() || *tc == *proposal.tc) return std::nullopt;
      return SignProposal(proposal.block, std::move(tc));
    }
    std::optional<QuorumCertificate> qc = OtherQc(proposal.block->justify);
    if (!qc.has_value()) return std::nullopt;
    return SignProposal(consensus::MakeBlock(proposal.block->header, *std::move(qc),
                                             proposal.block->payload, proposal.block->index),
                        std::nullopt);
  }

  // With every vote that came, the liar's own included: more than the first needed, or others.
  std::optional<QuorumCertificate> OtherQc(const QuorumCertificate& qc) {
    LiarMemory::Votes votes = memory().VotesOf(qc.round);
    votes.try_emplace(context_.self, SignVote(qc.round, qc.block_id));
    QuorumCertificate other{.epoch = qc.epoch,
                            .round = qc.round,
                            .block_id = qc.block_id,
                            .signers = consensus::SignerBitmap(validator_count()),
                            .signatures = {}};
    uint64_t power = 0;
    for (const auto& [author, vote] : votes) {
      if (vote.block_id != qc.block_id) continue;
      other.signers.Add(author);
      other.signatures.push_back(vote.signature);
      power += context_.validators->PowerOf(author);
    }
    if (!context_.validators->IsQuorum(power) || other == qc) return std::nullopt;
    return other;
  }
};

// Its block goes to a quorum less one, to all after the timeout, or to some then.
class ProposalWithholder final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    const auto* proposal = As<Proposal>(message);
    if (proposal == nullptr) return Tell(to, message);
    if (IsFirstReceiver(to, message)) Choose();
    if (gets_it_[to.value]) return Tell(to, message);
    Count();
    if (!comes_late_) return;
    const uint64_t timeout_us = context_.round_timeout_min_us;
    After(timeout_us + random().Below(timeout_us), [this, to, message] { Tell(to, message); });
  }

 private:
  void Choose() {
    comes_late_ = random().Chance(0.6);
    gets_it_.assign(validator_count(), false);
    if (comes_late_ && random().Chance(0.5)) return;  // nobody in time
    std::vector<ValidatorIndex> others = Others();
    random().Shuffle(&others);
    uint64_t power = context_.validators->PowerOf(context_.self);
    for (const ValidatorIndex other : others) {
      power += context_.validators->PowerOf(other);
      if (context_.validators->IsQuorum(power)) return;
      gets_it_[other.value] = true;
    }
  }

  std::vector<bool> gets_it_;
  bool comes_late_ = false;
};

// Blocks that are nobody's to propose, for rounds and heights that are not, on parents that are
// not. All are signed, and in order but for one thing.
class WrongProposer final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    Tell(to, message);
    if (As<Proposal>(message) != nullptr && IsFirstReceiver(to, message)) {
      Invent(*As<Proposal>(message));
    }
  }
  bool Hear(ValidatorIndex, const PeerMessage& message) override {
    // Once a round: two that answered each other's inventions would never come to an end.
    const auto* proposal = As<Proposal>(message);
    if (proposal == nullptr || !heard_.insert(proposal->block->header.round).second) return true;
    if (random().Chance(0.5)) Invent(*proposal);
    return true;
  }

 private:
  static constexpr size_t kFloodMax = 6;  // more than a tree keeps for one round

  void Invent(const Proposal& base) {
    switch (random().Below(4)) {
      case 0:
        return Flood(base);
      case 1:
        return OutOfTurn();
      default:
        return Say(Alter(base, [this](Header& header) { Spoil(&header); }));
    }
  }

  void Say(const Proposal& proposal) {
    Count();
    TellAll(AsPeerMessage(proposal));
  }

  void Spoil(Header* header) {
    header->proposer = context_.self;
    switch (random().Below(10)) {
      case 0:
        header->round = {UINT64_MAX};
        return;
      case 1:
        header->round.value += 1'000'000'000;
        return;
      case 2:
        header->round = {0};
        return;
      case 3:
        header->height.value += 1 + random().Below(3);
        return;
      case 4:
        header->height = {random().Chance(0.5) ? 0 : UINT64_MAX};
        return;
      case 5:
        header->parent_round = header->round;
        return;
      case 6:  // the nearest to a block that is its own parent
        header->parent_id = consensus::HashOf(*header);
        return;
      case 7:
        header->parent_id.bytes[0] ^= 1;
        return;
      case 8:
        header->proposer = LeaderOf(header->round);
        if (header->proposer == context_.self) header->proposer = RandomOther();
        return;
      default:
        header->height.value -= 1;
    }
  }

  // A block as good as any, but it is another's turn.
  void OutOfTurn() {
    const QuorumCertificate& qc = memory().HighestQc();
    const consensus::BlockPtr parent = memory().BlockOf(qc.block_id);
    if (parent == nullptr) return;
    Say(OnParent(*parent, qc, Round{qc.round.value + 1}, context_.now_us()));
  }

  // As many blocks for one round as nobody should keep: good ones when it leads the round of
  // `base`, and with parents that nobody knows otherwise.
  void Flood(const Proposal& base) {
    const bool leads = base.block->header.proposer == context_.self;
    for (size_t i = 1; i <= kFloodMax; ++i) {
      if (leads) {
        Say(Alter(base, [i](Header& header) { header.time_us += i; }));
        continue;
      }
      QuorumCertificate unknown = base.block->justify;
      unknown.block_id.bytes[1] ^= static_cast<uint8_t>(i);
      Say(OnUnknownParent(base, std::move(unknown)));
    }
  }

  Proposal OnUnknownParent(const Proposal& base, QuorumCertificate qc) {
    Header header = base.block->header;
    header.proposer = context_.self;
    header.parent_id = qc.block_id;
    return SignProposal(
        consensus::MakeBlock(header, std::move(qc), base.block->payload, base.block->index),
        base.tc);
  }

  Proposal OnParent(const consensus::Block& parent, const QuorumCertificate& qc, Round round,
                    uint64_t salt) {
    Header header = parent.header;
    header.round = round;
    header.height.value += 1;
    header.parent_id = parent.id;
    header.parent_round = parent.header.round;
    header.time_us += 1 + salt % 1000;
    header.proposer = context_.self;
    return SignProposal(
        consensus::MakeBlock(header, qc, consensus::EmptyPayload(), consensus::EmptyPayloadIndex()),
        std::nullopt);
  }

  absl::btree_set<Round> heard_;
};

}  // namespace

std::unique_ptr<Liar> MakeEquivocator(Fault fault, LiarContext context, Say say) {
  return Make<Equivocator>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeTwoJustifier(Fault fault, LiarContext context, Say say) {
  return Make<TwoJustifier>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeProposalWithholder(Fault fault, LiarContext context, Say say) {
  return Make<ProposalWithholder>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeWrongProposer(Fault fault, LiarContext context, Say say) {
  return Make<WrongProposer>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
