// Small changes: B17 (after ByzzFuzz, Winter et al., OOPSLA 2023, arXiv 2210.01024).
#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::BlockRequest;
using consensus::Blocks;
using consensus::Certificates;
using consensus::Header;
using consensus::Proposal;
using consensus::Standing;
using consensus::Timeout;
using consensus::Vote;
using network::PeerMessage;

// One field of one message is off by one, names something else that exists, is the one of the
// message before, or is missing. Signed again where the signature is the liar's own. A message is
// changed for all of its receivers, or for some.
class Mutator final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    if (IsFirstReceiver(to, message)) Choose(message);
    if (!mutated_.has_value() || (!for_all_ && random().Chance(0.5))) return Tell(to, message);
    Count();
    Tell(to, *mutated_);
  }

 private:
  void Choose(const PeerMessage& message) {
    const double probability = fault_.amount > 0 ? fault_.amount : 0.1;
    mutated_.reset();
    std::optional<PeerMessage>& previous = previous_[KindOf(message)];
    for_all_ = random().Chance(0.6);
    if (random().Chance(probability)) {
      mutated_ = previous.has_value() && random().Chance(0.2) ? previous : Mutate(message);
    }
    previous = message;
  }

  // A consensus message is one of these kinds, and the rest of a peer's are the others.
  static constexpr size_t kConsensusKinds = std::variant_size_v<consensus::Message>;
  static constexpr size_t kMessageKinds = kConsensusKinds + std::variant_size_v<PeerMessage>;
  static size_t KindOf(const PeerMessage& message) {
    const auto* inner = std::get_if<consensus::Message>(&message);
    return inner == nullptr ? kConsensusKinds + message.index() : inner->index();
  }

  PeerMessage Mutate(const PeerMessage& message) {
    if (const auto* m = As<Proposal>(message)) return AsPeerMessage(Mutated(*m));
    if (const auto* m = As<Vote>(message)) return AsPeerMessage(Mutated(*m));
    if (const auto* m = As<Timeout>(message)) return AsPeerMessage(Mutated(*m));
    if (const auto* m = As<Certificates>(message)) return AsPeerMessage(Mutated(*m));
    if (const auto* m = As<Blocks>(message); m != nullptr && !m->blocks.empty())
      return AsPeerMessage(Mutated(*m));
    if (const auto* m = As<Standing>(message)) return AsPeerMessage(Mutated(*m));
    if (const auto* m = std::get_if<BlockRequest>(&message)) return Mutated(*m);
    return message;
  }

  void Nudge(uint64_t* value) { *value += random().Chance(0.5) ? 1 : UINT64_MAX; }
  Hash SomeBlockId(const Hash& otherwise) {
    const std::vector<consensus::BlockPtr> blocks = memory().Blocks();
    return blocks.empty() ? otherwise : random().Pick(blocks)->id;
  }

  Proposal Mutated(const Proposal& proposal) {
    Proposal changed = proposal;
    switch (random().Below(12)) {
      case 0:
        changed.tc = memory().HighestTc();
        return changed;
      case 1:
        changed.tc.reset();
        return changed;
      case 2:
        changed.signature = {};
        return changed;
      case 3:
        return WithJustify(proposal, memory().HighestQcBelow(proposal.block->justify.round));
      case 4:
        if (changed.tc.has_value()) Nudge(&changed.tc->round.value);
        return changed;
      default:
        return Alter(proposal, [this](Header& header) { Mutate(&header); });
    }
  }
  void Mutate(Header* header) {
    switch (random().Below(7)) {
      case 0:
        return Nudge(&header->round.value);
      case 1:
        return Nudge(&header->height.value);
      case 2:
        return Nudge(&header->epoch.value);
      case 3:
        return Nudge(&header->parent_round.value);
      case 4:
        return Nudge(&header->executed_height.value);
      case 5:
        return Nudge(&header->time_us);
      default:
        header->parent_id = SomeBlockId(header->parent_id);
    }
  }
  Proposal WithJustify(const Proposal& proposal, const consensus::QuorumCertificate& qc) {
    Header header = proposal.block->header;
    if (random().Chance(0.5)) header.parent_id = qc.block_id;
    if (random().Chance(0.5)) header.parent_round = qc.round;
    return SignProposal(
        consensus::MakeBlock(header, qc, proposal.block->payload, proposal.block->index),
        proposal.tc);
  }

  Vote Mutated(Vote vote) {
    switch (random().Below(5)) {
      case 0:
        Nudge(&vote.round.value);
        break;
      case 1:
        Nudge(&vote.epoch.value);
        break;
      case 2:
        vote.block_id = SomeBlockId(vote.block_id);
        break;
      case 3:
        vote.author.value += random().Chance(0.5) ? 1 : UINT32_MAX;
        return vote;
      default:
        vote.signature = {};
        return vote;
    }
    return SignVote(vote.round, vote.block_id, vote.epoch);
  }

  Timeout Mutated(Timeout timeout) {
    switch (random().Below(7)) {
      case 0:
        Nudge(&timeout.round.value);
        break;
      case 1:
        Nudge(&timeout.epoch.value);
        break;
      case 2:
        timeout.high_qc = memory().HighestQcBelow(timeout.high_qc.round);
        break;
      case 3:
        timeout.last_tc.reset();
        break;
      case 4:
        timeout.last_tc = memory().HighestTc();
        break;
      case 5:
        Nudge(&timeout.high_qc.round.value);
        break;
      default:
        timeout.author.value += random().Chance(0.5) ? 1 : UINT32_MAX;
        return timeout;
    }
    return SignTimeout(std::move(timeout));
  }

  Certificates Mutated(Certificates certificates) {
    switch (random().Below(5)) {
      case 0:
        Nudge(&certificates.high_qc.round.value);
        break;
      case 1:
        certificates.high_qc = memory().HighestQcBelow(certificates.high_qc.round);
        break;
      case 2:
        certificates.last_tc.reset();
        break;
      case 3:
        certificates.last_tc = memory().HighestTc();
        if (certificates.last_tc.has_value()) Nudge(&certificates.last_tc->round.value);
        break;
      default:
        certificates.high_qc.block_id = SomeBlockId(certificates.high_qc.block_id);
    }
    return certificates;
  }

  Blocks Mutated(Blocks answer) {
    switch (random().Below(4)) {
      case 0:
        answer.tip_qc.reset();
        break;
      case 1:
        answer.tip_qc = memory().HighestQc();
        break;
      case 2:
        answer.blocks.pop_back();
        break;
      default:
        answer.blocks.erase(answer.blocks.begin() +
                            static_cast<ptrdiff_t>(random().Below(answer.blocks.size())));
    }
    return answer;
  }

  BlockRequest Mutated(BlockRequest request) {
    switch (random().Below(3)) {
      case 0:
        Nudge(&request.above_height.value);
        break;
      case 1:
        request.count = random().Chance(0.5) ? 0 : 1;
        break;
      default:
        request.block_id = SomeBlockId(request.block_id);
    }
    return request;
  }

  Standing Mutated(Standing standing) {
    switch (random().Below(4)) {
      case 0:
        Nudge(&standing.last_voted_round.value);
        break;
      case 1:
        Nudge(&standing.high_qc.round.value);
        break;
      case 2:
        standing.last_tc = memory().HighestTc();
        break;
      default:
        standing.high_qc = memory().HighestQcBelow(standing.high_qc.round);
    }
    return SignStanding(std::move(standing));
  }

  std::array<std::optional<PeerMessage>, kMessageKinds> previous_;  // by kind
  std::optional<PeerMessage> mutated_;
  bool for_all_ = true;
};

}  // namespace

std::unique_ptr<Liar> MakeMutator(Fault fault, LiarContext context, Say say) {
  return Make<Mutator>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
