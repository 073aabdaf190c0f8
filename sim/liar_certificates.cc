// Lies with certificates: B7, B14.
#include <utility>

#include "consensus/codec.h"
#include "sim/forged_certificates.h"
#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::Certificates;
using consensus::Header;
using consensus::Proposal;
using consensus::QuorumCertificate;
using consensus::Timeout;
using consensus::Vote;
using network::PeerMessage;

// Before each message that could carry it, says a forged certificate, form by form, in each kind of
// message that carries one.
class CertificateForger final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    if (const auto* proposal = As<Proposal>(message)) {
      ForgeJustify(to, *proposal);
    } else if (const auto* answer = As<consensus::Blocks>(message);
               answer != nullptr && !answer->blocks.empty()) {
      ForgeTip(to, *answer);
    } else {
      Forge(to);
    }
    if (As<Timeout>(message) == nullptr) return Tell(to, message);
    // The others are to need the liar's TC before they can make their own.
    After(context_.round_timeout_min_us / 8, [this, to, message] { Tell(to, message); });
  }
  bool Hear(ValidatorIndex, const PeerMessage& message) override {
    if (const auto* timeout = As<Timeout>(message)) LowerTc(timeout->round);
    return true;
  }

 private:
  // As soon as there are timeouts enough: a TC whose signatures are all good, beside an older QC
  // than it reports.
  void LowerTc(Round round) {
    if (round <= lowered_) return;
    std::optional<consensus::TimeoutCertificate> tc = MakeTcAndTakePart(round);
    if (!tc.has_value() || tc->high_qc.round.value == 0) return;
    lowered_ = round;
    tc->high_qc = memory().HighestQcBelow(tc->high_qc.round);
    Count();
    TellAll(
        AsPeerMessage(Certificates{.high_qc = memory().HighestQc(), .last_tc = *std::move(tc)}));
  }

  std::optional<ForgerMaterial> Material() {
    const QuorumCertificate& qc = memory().HighestQc();
    if (qc.round.value < 2) return std::nullopt;
    return ForgerMaterial{.self = context_.self,
                          .validators = context_.validators,
                          .signer = context_.signer,
                          .chain_id = chain_id(),
                          .qc = qc,
                          .older_qc = memory().HighestQcBelow(qc.round),
                          .tc = memory().HighestTc()};
  }
  QuorumCertificate NextQc(const ForgerMaterial& material) {
    return QcForgeries()[next_qc_++ % QcForgeries().size()].make(material);
  }

  // To `to`: a forged QC or TC alone, in a timeout, or bytes.
  void Forge(ValidatorIndex to) {
    const std::optional<ForgerMaterial> material = Material();
    if (!material.has_value()) return;
    Count();
    const uint64_t choice = random().Below(8);
    if (choice == 0) {
      return TellBytes(to,
                       FrameForgeries()[next_frame_++ % FrameForgeries().size()].make(*material));
    }
    const bool forges_tc = material->tc.has_value() && choice < 4;
    Certificates forged{.high_qc = material->qc, .last_tc = std::nullopt};
    if (forges_tc) {
      forged.last_tc = TcForgeries()[next_tc_++ % TcForgeries().size()].make(*material);
    } else {
      forged.high_qc = NextQc(*material);
    }
    if (choice % 2 == 0) return Tell(to, AsPeerMessage(std::move(forged)));
    Tell(to, AsPeerMessage(TimeoutWith(std::move(forged))));
  }

  // In a timeout of the round that the certificates would prove.
  Timeout TimeoutWith(Certificates forged) {
    Timeout timeout{.epoch = {1},
                    .round = {forged.high_qc.round.value + 1},
                    .author = context_.self,
                    .high_qc = std::move(forged.high_qc),
                    .last_tc = std::move(forged.last_tc)};
    if (timeout.last_tc.has_value()) timeout.round = {timeout.last_tc->round.value + 1};
    return SignTimeout(std::move(timeout));
  }

  // As leader: the same block with a forged QC for the same parent.
  void ForgeJustify(ValidatorIndex to, const Proposal& proposal) {
    std::optional<ForgerMaterial> material = Material();
    if (!material.has_value()) return;
    Count();
    if (proposal.tc.has_value() && random().Chance(0.5)) {
      material->tc = proposal.tc;
      return Tell(to, AsPeerMessage(SignProposal(
                          proposal.block,
                          TcForgeries()[next_tc_++ % TcForgeries().size()].make(*material))));
    }
    Header header = proposal.block->header;
    QuorumCertificate forged = NextQc(*material);
    header.parent_id = forged.block_id;
    header.parent_round = forged.round;
    Tell(to, AsPeerMessage(
                 SignProposal(consensus::MakeBlock(header, std::move(forged),
                                                   proposal.block->payload, proposal.block->index),
                              proposal.tc)));
  }

  void ForgeTip(ValidatorIndex to, consensus::Blocks answer) {
    std::optional<ForgerMaterial> material = Material();
    if (!material.has_value()) return;
    const consensus::Block& tip = *answer.blocks.back();
    material->qc.round = tip.header.round;
    material->qc.block_id = tip.id;
    Count();
    answer.tip_qc = NextQc(*material);
    Tell(to, AsPeerMessage(std::move(answer)));
  }

  Round lowered_;
  size_t next_qc_ = 0;
  size_t next_tc_ = 0;
  size_t next_frame_ = 0;
};

// Votes, timeouts, proposals and certificates of epochs that are not.
class EpochLiar final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    const Epoch epoch{Epochs()[random().Below(3)]};
    if (const auto* vote = As<Vote>(message)) {
      Say(to, SignVote(vote->round, vote->block_id, epoch));
    } else if (const auto* timeout = As<Timeout>(message)) {
      Timeout other = *timeout;
      other.epoch = epoch;
      if (random().Chance(0.5)) other.high_qc.epoch = epoch;
      if (other.last_tc.has_value()) other.last_tc->epoch = epoch;
      Say(to, SignTimeout(std::move(other)));
    } else if (const auto* proposal = As<Proposal>(message)) {
      Say(to, Alter(*proposal, [epoch](Header& header) { header.epoch = epoch; }));
    } else if (const auto* certificates = As<Certificates>(message)) {
      Certificates other = *certificates;
      other.high_qc.epoch = epoch;
      if (other.last_tc.has_value()) other.last_tc->epoch = epoch;
      Say(to, std::move(other));
    }
    Tell(to, message);
  }

 private:
  static const std::vector<uint64_t>& Epochs() {
    static const auto& epochs = *new std::vector<uint64_t>{0, 2, UINT64_MAX};
    return epochs;
  }
  template <typename T>
  void Say(ValidatorIndex to, T message) {
    Count();
    Tell(to, AsPeerMessage(std::move(message)));
  }
};

}  // namespace

std::unique_ptr<Liar> MakeCertificateForger(Fault fault, LiarContext context, Say say) {
  return Make<CertificateForger>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeEpochLiar(Fault fault, LiarContext context, Say say) {
  return Make<EpochLiar>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
