#include "sim/liar_base.h"

#include <algorithm>
#include <tuple>

#include "consensus/signing.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;
using consensus::Proposal;
using consensus::Timeout;
using consensus::TimeoutCertificate;
using consensus::Vote;
using network::PeerMessage;

constexpr size_t kReplacedMax = 256;

}  // namespace

network::FramePtr EncodePeerMessage(const PeerMessage& message) {
  return std::visit([](const auto& specific) { return network::EncodeFrame(specific); }, message);
}

LiarBase::LiarBase(Fault fault, LiarContext context, Say say)
    : fault_(std::move(fault)),
      context_(std::move(context)),
      say_(std::move(say)),
      chain_id_(context_.genesis->ChainId()),
      memory_(*context_.genesis) {}

bool LiarBase::IsActive() const {
  const uint64_t now_us = context_.now_us();
  if (now_us < fault_.at_ms * 1000) return false;
  return fault_.for_ms == 0 || now_us < (fault_.at_ms + fault_.for_ms) * 1000;
}

void LiarBase::OnSend(ValidatorIndex to, const PeerMessage& message) {
  memory_.Note(context_.self, message);
  const auto* vote = As<Vote>(message);
  if (vote != nullptr && vote->author == context_.self) {
    if (const auto other = replaced_.find(vote->block_id); other != replaced_.end()) {
      const PeerMessage follows = AsPeerMessage(SignVote(vote->round, other->second, vote->epoch));
      if (IsActive()) return Lie(to, follows);
      return Tell(to, follows);
    }
  }
  if (IsActive()) return Lie(to, message);
  Tell(to, message);
}

bool LiarBase::OnReceive(ValidatorIndex from, const PeerMessage& message) {
  memory_.Note(from, message);
  return !IsActive() || Hear(from, message);
}

void LiarBase::TellAll(const PeerMessage& message) {
  for (const ValidatorIndex to : Others()) Tell(to, message);
}

void LiarBase::After(uint64_t delay_us, absl::AnyInvocable<void() &&> action) {
  context_.at(context_.now_us() + delay_us,
              [alive = std::weak_ptr<bool>(alive_), action = std::move(action)]() mutable {
                if (!alive.expired()) std::move(action)();
              });
}

Vote LiarBase::SignVote(Round round, const Hash& block_id, Epoch epoch) {
  Vote vote{.epoch = epoch, .round = round, .block_id = block_id, .author = context_.self};
  vote.signature = context_.signer->Sign(consensus::VoteBytes(chain_id_, epoch, round, block_id));
  return vote;
}

Timeout LiarBase::SignTimeout(Timeout timeout) {
  timeout.signature = context_.signer->Sign(
      consensus::TimeoutBytes(chain_id_, timeout.epoch, timeout.round, timeout.high_qc.round));
  return timeout;
}

Proposal LiarBase::SignProposal(BlockPtr block, std::optional<TimeoutCertificate> tc) {
  const consensus::Header& header = block->header;
  const crypto::Signature signature = context_.signer->Sign(
      consensus::ProposalBytes(header.chain_id, header.epoch, header.round, block->id));
  return {.block = std::move(block), .tc = std::move(tc), .signature = signature};
}

consensus::Standing LiarBase::SignStanding(consensus::Standing standing) {
  standing.signature = context_.signer->Sign(consensus::StandingBytes(chain_id_, standing));
  return standing;
}

Proposal LiarBase::Alter(const Proposal& proposal,
                         const std::function<void(consensus::Header&)>& change) {
  consensus::Header header = proposal.block->header;
  change(header);
  return SignProposal(consensus::MakeBlock(header, proposal.block->justify, proposal.block->payload,
                                           proposal.block->index),
                      proposal.tc);
}

std::optional<Timeout> LiarBase::MakeTimeout(Round round) {
  if (round.value == 0) return std::nullopt;
  Timeout timeout{.epoch = {1},
                  .round = round,
                  .author = context_.self,
                  .high_qc = memory_.HighestQcBelow(round),
                  .last_tc = memory_.TcOf(Round{round.value - 1})};
  const bool entered_by_qc = timeout.high_qc.round.value + 1 == round.value;
  if (!entered_by_qc && !timeout.last_tc.has_value()) return std::nullopt;
  return SignTimeout(std::move(timeout));
}

std::optional<TimeoutCertificate> LiarBase::MakeTc(Round round) {
  const consensus::ValidatorSet& validators = *context_.validators;
  const LiarMemory::Timeouts timeouts = memory_.TimeoutsOf(round);
  TimeoutCertificate tc{
      .epoch = {1}, .round = round, .signers = consensus::SignerBitmap(validators.size())};
  uint64_t power = 0;
  for (const auto& [author, timeout] : timeouts) {
    tc.signers.Add(author);
    tc.high_qc_rounds.push_back(timeout.high_qc.round);
    tc.signatures.push_back(timeout.signature);
    if (power == 0 || timeout.high_qc.round > tc.high_qc.round) tc.high_qc = timeout.high_qc;
    power += validators.PowerOf(author);
  }
  if (!validators.IsQuorum(power)) return std::nullopt;
  return tc;
}

std::optional<TimeoutCertificate> LiarBase::MakeTcAndTakePart(Round round) {
  if (const std::optional<Timeout> own = MakeTimeout(round)) {
    memory_.Note(context_.self, AsPeerMessage(*own));
  }
  return MakeTc(round);
}

void LiarBase::Replace(const Hash& original, const Hash& other) {
  if (replaced_.size() >= kReplacedMax) replaced_.clear();
  replaced_.insert_or_assign(original, other);
}

LiarBase::Key LiarBase::KeyOf(const PeerMessage& message) {
  if (const auto* proposal = As<Proposal>(message)) {
    return {1, proposal->block->header.round.value, proposal->block->id};
  }
  if (const auto* vote = As<Vote>(message)) return {2, vote->round.value, vote->block_id};
  if (const auto* timeout = As<Timeout>(message)) return {3, timeout->round.value, Hash{}};
  if (const auto* certificates = As<consensus::Certificates>(message)) {
    return {4, certificates->high_qc.round.value, certificates->high_qc.block_id};
  }
  if (As<consensus::Blocks>(message) != nullptr) return {5, 0, Hash{}};
  return {6 + message.index(), 0, Hash{}};
}

bool LiarBase::IsFirstReceiver(ValidatorIndex to, const PeerMessage& message) {
  Key key = KeyOf(message);
  if (key == last_key_ && last_receivers_.insert(to).second) return false;
  last_key_ = std::move(key);
  last_receivers_ = {to};
  return true;
}

ValidatorIndex LiarBase::RandomOther() {
  const uint32_t count = validator_count();
  if (count == 1) return context_.self;
  const uint32_t step = 1 + static_cast<uint32_t>(random().Below(count - 1));
  return {(context_.self.value + step) % count};
}

std::vector<ValidatorIndex> LiarBase::Others() const {
  std::vector<ValidatorIndex> others;
  for (uint32_t i = 0; i < validator_count(); ++i) {
    if (i != context_.self.value) others.push_back({i});
  }
  return others;
}

}  // namespace kiln::sim
