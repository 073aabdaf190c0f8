// Lies to those who catch up: B11.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;
using consensus::BlockRequest;
using consensus::Blocks;
using consensus::Certificates;
using consensus::QuorumCertificate;
using network::PeerMessage;

// Answers requests with other blocks, with some, with none, with ever the same; claims certificates
// and then lower ones; asks everybody for everything, a bounded number of times a second.
class SyncAttacker final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    if (const auto* answer = As<Blocks>(message); answer != nullptr && !answer->blocks.empty()) {
      return AnswerBadly(to, *answer);
    }
    if (const auto* chunk = std::get_if<network::SnapshotChunk>(&message)) {
      return SendWrongChunk(to, *chunk);
    }
    if (const auto* offer = std::get_if<network::SnapshotOffer>(&message)) {
      return OfferChanged(to, *offer);
    }
    if (const auto* certificates = As<Certificates>(message); certificates != nullptr) {
      Tell(to, message);
      return Lower(to, *certificates);
    }
    Tell(to, message);
    Flood();
    if (random().Chance(0.1)) Offer(to);
    if (random().Chance(0.05)) OfferRival(to);
  }
  bool Hear(ValidatorIndex from, const PeerMessage& message) override {
    const auto* request = std::get_if<BlockRequest>(&message);
    if (request == nullptr || !random().Chance(0.5)) return true;
    // An answer before the honest one, or instead of it.
    if (random().Chance(0.5)) Offer(from);
    return random().Chance(0.5);
  }

 private:
  static consensus::SharedBytes WithOneBitChanged(const std::string& bytes, SimRandom* random) {
    std::string changed = bytes;
    changed[random->Below(changed.size())] ^= static_cast<char>(1 << random->Below(8));
    return std::make_shared<const std::string>(std::move(changed));
  }

  // Another chunk than the one that was asked for, or none that there is.
  void SendWrongChunk(ValidatorIndex to, network::SnapshotChunk chunk) {
    Count();
    const network::SnapshotChunk honest = chunk;
    switch (random().Below(5)) {
      case 0:
        return;  // nothing
      case 1:
        chunk.bytes = WithOneBitChanged(*chunk.bytes, &random());
        break;
      case 2:
        chunk.proof = *WithOneBitChanged(chunk.proof, &random());
        break;
      case 3:
        chunk.bytes = std::make_shared<const std::string>(kSnapshotBytesMax, 'x');
        break;
      default:
        if (newest_chunk_.has_value()) chunk.bytes = newest_chunk_->bytes;
        break;
    }
    newest_chunk_ = honest;
    Tell(to, chunk);
  }

  void OfferChanged(ValidatorIndex to, network::SnapshotOffer offer) {
    if (random().Chance(0.5)) {
      Count();
      offer.bytes = WithOneBitChanged(*offer.bytes, &random());
    }
    Tell(to, offer);
  }

  static constexpr size_t kSnapshotBytesMax = network::kSnapshotChunkBytesMax;
  static constexpr uint64_t kRequestsPerSecond = 200;
  static constexpr size_t kRequestsAtOnce = 8;

  void Say(ValidatorIndex to, Blocks blocks) {
    Count();
    Tell(to, AsPeerMessage(std::move(blocks)));
  }

  void AnswerBadly(ValidatorIndex to, Blocks answer) {
    std::vector<BlockPtr>& blocks = answer.blocks;
    switch (random().Below(9)) {
      case 0:
        return Count();  // nothing
      case 1:            // all but the last, under nobody's certificate
        if (blocks.size() > 1) blocks.pop_back();
        answer.tip_qc.reset();
        break;
      case 2:  // without the first
        if (blocks.size() > 1) blocks.erase(blocks.begin());
        break;
      case 3:
        std::reverse(blocks.begin(), blocks.end());
        break;
      case 4:  // the certificate of another block
        answer.tip_qc = memory().HighestQcBelow(blocks.back()->header.round);
        break;
      case 5:
        blocks.back() = Sibling(*blocks.back());
        break;
      case 6:  // more than an answer may hold
        blocks.resize(consensus::kBlocksPerAnswerMax + 1, blocks.back());
        break;
      case 7:
        blocks.clear();
        break;
      default:
        return Offer(to);
    }
    Say(to, std::move(answer));
  }

  // Blocks in order and certified, which whoever asked has, or did not ask for.
  void Offer(ValidatorIndex to) {
    const std::vector<BlockPtr> known = memory().Blocks();
    if (known.empty()) return;
    const BlockPtr& block = random().Pick(known);
    Blocks answer{.blocks = {block}, .tip_qc = std::nullopt};
    if (const BlockPtr parent = memory().BlockOf(block->header.parent_id);
        parent != nullptr && parent->header.height.value > 0) {
      answer = {.blocks = {parent}, .tip_qc = block->justify};
    }
    Say(to, std::move(answer));
  }

  // To somebody who did not ask: a block of a later round in the place of one that is committed, or
  // soon will be. Nobody signed it (in an answer, nobody has to), and nobody certified it: it comes
  // without a certificate, or with another block's.
  void OfferRival(ValidatorIndex to) {
    const QuorumCertificate& qc = memory().HighestQc();
    const BlockPtr newest = memory().BlockOf(qc.block_id);
    BlockPtr replaced = newest;
    for (uint64_t below = random().Between(1, 2); replaced != nullptr && below > 0; --below) {
      replaced = memory().BlockOf(replaced->header.parent_id);
    }
    if (replaced == nullptr || replaced->header.height.value == 0) return;
    consensus::Header header = replaced->header;
    header.round = newest->header.round;
    header.proposer = newest->header.proposer;
    Blocks rival{
        .blocks = {consensus::MakeBlock(header, replaced->justify, consensus::EmptyPayload(),
                                        consensus::EmptyPayloadIndex())},
        .tip_qc = std::nullopt};
    if (random().Chance(0.5)) rival.tip_qc = qc;
    Say(to, std::move(rival));
  }

  // Another block of the same round and parent. Nobody certified it.
  static BlockPtr Sibling(const consensus::Block& block) {
    consensus::Header header = block.header;
    ++header.time_us;
    return consensus::MakeBlock(header, block.justify, consensus::EmptyPayload(),
                                consensus::EmptyPayloadIndex());
  }

  void Lower(ValidatorIndex to, const Certificates& certificates) {
    Count();
    Tell(to,
         AsPeerMessage(Certificates{.high_qc = memory().HighestQcBelow(certificates.high_qc.round),
                                    .last_tc = std::nullopt}));
  }

  void Flood() {
    const uint64_t now_us = context_.now_us();
    if (now_us < next_us_) return;
    next_us_ = now_us + 1'000'000 * kRequestsAtOnce / kRequestsPerSecond;
    const std::vector<BlockPtr> known = memory().Blocks();
    for (size_t i = 0; i < kRequestsAtOnce; ++i) {
      BlockRequest request{.count = consensus::kBlocksPerAnswerMax};
      if (!known.empty()) request.block_id = random().Pick(known)->id;
      if (random().Chance(0.2)) request.block_id.bytes[0] ^= 1;
      if (random().Chance(0.2)) request.above_height = {UINT64_MAX - random().Below(2)};
      if (random().Chance(0.1)) request.count = 0;
      if (random().Chance(0.1)) request.count = consensus::kBlocksPerAnswerMax + 1;
      Count();
      Tell(RandomOther(), request);
    }
  }

  uint64_t next_us_ = 0;
  std::optional<network::SnapshotChunk> newest_chunk_;
};

}  // namespace

std::unique_ptr<Liar> MakeSyncAttacker(Fault fault, LiarContext context, Say say) {
  return Make<SyncAttacker>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
