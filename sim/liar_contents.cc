// Lies in what blocks hold, and by delay: B10, B15.
#include <algorithm>
#include <string>
#include <utility>

#include "consensus/codec.h"
#include "consensus/signing.h"
#include "crypto/encoding.h"
#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::Block;
using consensus::Envelope;
using consensus::Header;
using consensus::Proposal;
using consensus::SharedBytes;
using network::PeerMessage;

// A signed proposal as bytes, whatever its header claims of its certificate and payload.
network::FramePtr RawProposal(const Header& header, const Proposal& base, SharedBytes payload,
                              consensus::Signer* signer) {
  crypto::Encoder encoder;
  encoder.Raw(Encode(header)).Raw(Encode(base.block->justify));
  encoder.U8(base.tc.has_value() ? 1 : 0);
  if (base.tc.has_value()) encoder.Raw(Encode(*base.tc));
  encoder.Array(signer->Sign(consensus::ProposalBytes(header.chain_id, header.epoch, header.round,
                                                      consensus::HashOf(header))));
  return std::make_shared<const network::Frame>(
      network::Frame{network::FrameKind::kProposal, std::move(encoder).Take(), std::move(payload)});
}

std::vector<absl::string_view> EnvelopesOf(const Block& block) {
  std::vector<absl::string_view> envelopes;
  for (size_t i = 0; i < block.index->entries.size(); ++i) {
    envelopes.push_back(block.index->EnvelopeAt(*block.payload, i));
  }
  return envelopes;
}

// One thing is wrong with each block it proposes. What breaks a rule is refused; what does not (a
// transaction twice, or expired) may be ordered, and nobody may execute it.
class ContentsLiar final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    const auto* proposal = As<Proposal>(message);
    if (proposal == nullptr) return Tell(to, message);
    if (IsFirstReceiver(to, message)) Spoil(*proposal);
    Count();
    if (frame_ != nullptr) TellBytes(to, frame_);
    if (spoiled_.has_value()) Tell(to, AsPeerMessage(*spoiled_));
    if (tells_truth_too_) Tell(to, message);
  }

 private:
  void Spoil(const Proposal& proposal) {
    frame_ = nullptr;
    spoiled_.reset();
    tells_truth_too_ = random().Chance(0.4);
    switch (random().Below(3)) {
      case 0:
        return SpoilBytes(proposal);
      case 1:
        spoiled_ = WithOtherPayload(proposal);
        break;
      default:
        spoiled_ = Alter(proposal, [this](Header& header) { SpoilHeader(&header); });
    }
    if (!tells_truth_too_) Replace(proposal.block->id, spoiled_->block->id);
  }

  void SpoilHeader(Header* header) {
    const uint64_t skew_us = limits().clock_skew_max_ms * 1000;
    switch (random().Below(12)) {
      case 0:
        header->state_root.bytes[0] ^= 1;
        return;
      case 1:
        header->executed_height.value += 1 + random().Below(2);
        return;
      case 2:
        header->executed_height.value -= std::min<uint64_t>(header->executed_height.value, 1);
        return;
      case 3:
        header->executed_height = {0};
        return;
      case 4:
        header->executed_height = {header->height.value - 1};
        return;
      case 5:
        header->time_us += skew_us * 2;
        return;
      case 6:
        header->time_us = UINT64_MAX;
        return;
      case 7:
        header->time_us = context_.genesis->time_us - 1;
        return;
      case 8:
        header->epoch_end = true;
        return;
      case 9:
        header->chain_id.bytes[3] ^= 1;
        return;
      case 10:
        header->state_root = Hash{};
        return;
      default:
        header->time_us += skew_us / 100;  // allowed
    }
  }

  void SpoilBytes(const Proposal& proposal) {
    const Block& block = *proposal.block;
    Header header = block.header;
    SharedBytes payload = block.payload;
    switch (random().Below(6)) {
      case 0:
        header.justify_hash.bytes[2] ^= 1;
        break;
      case 1:
        header.payload_root.bytes[2] ^= 1;
        break;
      case 2:
        payload = std::make_shared<const std::string>(*payload + std::string(1, '\0'));
        break;
      case 3:  // a count of transactions that are not there
        payload = std::make_shared<const std::string>(std::string(4, '\xFF'));
        break;
      case 4:
        payload = std::make_shared<const std::string>(limits().block_bytes_max + 1, '\0');
        break;
      default:
        payload = std::make_shared<const std::string>();
    }
    frame_ = RawProposal(header, proposal, std::move(payload), context_.signer);
  }

  Proposal WithOtherPayload(const Proposal& proposal) {
    const Block& block = *proposal.block;
    consensus::PayloadBuilder builder;
    const auto add = [&](absl::string_view envelope) {
      const bool fits = builder.BytesWith(envelope.size()) <= limits().block_bytes_max &&
                        builder.count() < limits().block_transactions_max;
      if (fits) builder.Add(envelope);
    };
    for (const absl::string_view envelope : EnvelopesOf(block)) {
      if (random().Chance(0.2)) add(WithLastHeight(envelope, 0));  // ahead of the one that counts
      add(envelope);
      if (random().Chance(0.5)) add(envelope);
      if (random().Chance(0.3)) add(WithLastHeight(envelope, 0));
      if (random().Chance(0.3)) add(WithLastHeight(envelope, UINT64_MAX));
    }
    // What was ordered before, as it was or as late as may be.
    const uint64_t latest = block.header.height.value + limits().duplicate_window_blocks;
    for (const consensus::BlockPtr& old : memory().Blocks()) {
      if (!random().Chance(0.2)) continue;
      const bool renews = random().Chance(0.5);
      for (const absl::string_view envelope : EnvelopesOf(*old)) {
        add(renews ? WithLastHeight(envelope, latest) : std::string(envelope));
      }
    }
    const SharedBytes payload = std::move(builder).Finish();
    auto index = consensus::IndexPayload(*payload, limits());
    if (!index.ok()) return proposal;
    return SignProposal(
        consensus::MakeBlock(block.header, block.justify, payload, *std::move(index)), proposal.tc);
  }

  std::string WithLastHeight(absl::string_view bytes, uint64_t last_height) {
    absl::StatusOr<Envelope> envelope = consensus::DecodeEnvelope(bytes, limits());
    if (!envelope.ok()) return std::string(bytes);
    envelope->last_height = last_height;
    std::string other;
    consensus::AppendEnvelope(*envelope, &other);
    return other;
  }

  std::optional<Proposal> spoiled_;
  network::FramePtr frame_;
  bool tells_truth_too_ = false;
};

// Everything just before the timeout, and no transaction of a quarter of the ids, ever.
class SlowDripper final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    const double share = fault_.amount > 0 ? std::min(fault_.amount, 1.0) : 0.9;
    const auto delay_us =
        static_cast<uint64_t>(share * static_cast<double>(context_.round_timeout_min_us));
    if (const auto* proposal = As<Proposal>(message);
        proposal != nullptr && IsFirstReceiver(to, message)) {
      Censor(*proposal);
    }
    PeerMessage said = message;
    if (As<Proposal>(message) != nullptr && censored_.has_value()) {
      said = AsPeerMessage(*censored_);
    }
    Count();
    After(delay_us, [this, to, said = std::move(said)] { Tell(to, said); });
  }

 private:
  void Censor(const Proposal& proposal) {
    censored_.reset();
    const Block& block = *proposal.block;
    consensus::PayloadBuilder builder;
    for (size_t i = 0; i < block.index->entries.size(); ++i) {
      if (block.index->entries[i].id.bytes[0] % 4 == 0) continue;
      builder.Add(block.index->EnvelopeAt(*block.payload, i));
    }
    if (builder.count() == block.index->entries.size()) return;
    const SharedBytes payload = std::move(builder).Finish();
    auto index = consensus::IndexPayload(*payload, limits());
    if (!index.ok()) return;
    censored_ = SignProposal(
        consensus::MakeBlock(block.header, block.justify, payload, *std::move(index)), proposal.tc);
    Replace(block.id, censored_->block->id);
  }

  std::optional<Proposal> censored_;
};

}  // namespace

std::unique_ptr<Liar> MakeContentsLiar(Fault fault, LiarContext context, Say say) {
  return Make<ContentsLiar>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeSlowDripper(Fault fault, LiarContext context, Say say) {
  return Make<SlowDripper>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
