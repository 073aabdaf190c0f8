// Lies with what was signed before, and with odd signatures: B8, B16.
#include <algorithm>
#include <deque>
#include <utility>

#include "consensus/signing.h"
#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::Certificates;
using consensus::Header;
using consensus::Proposal;
using consensus::Timeout;
using consensus::Vote;
using crypto::Signature;
using network::PeerMessage;

// Beside each message one that was said before: its own, another's, the receiver's own, or one
// signed for another chain.
class Replayer final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    Tell(to, message);
    Keep(context_.self, message);
    if (random().Chance(0.2)) return TellForAnotherChain(to, message);
    if (kept_.empty()) return;
    const Said& old = kept_[random().Below(kept_.size())];
    Count();
    Tell(old.by == context_.self || random().Chance(0.5) ? to : Reflected(old.by), old.message);
  }
  bool Hear(ValidatorIndex from, const PeerMessage& message) override {
    if (random().Chance(0.3)) Keep(from, message);
    return true;
  }

 private:
  static constexpr size_t kKeptMax = 256;
  struct Said {
    ValidatorIndex by;
    PeerMessage message;
  };

  ValidatorIndex Reflected(ValidatorIndex by) { return by == context_.self ? RandomOther() : by; }

  // The first are kept for ever, the later ones for a while.
  void Keep(ValidatorIndex by, const PeerMessage& message) {
    kept_.push_back({by, message});
    if (kept_.size() > kKeptMax) kept_.erase(kept_.begin() + kKeptMax / 2);
  }

  void TellForAnotherChain(ValidatorIndex to, const PeerMessage& message) {
    Hash chain = chain_id();
    chain.bytes[0] ^= 1;
    if (const auto* vote = As<Vote>(message)) {
      Vote other = *vote;
      other.signature = context_.signer->Sign(
          consensus::VoteBytes(chain, vote->epoch, vote->round, vote->block_id));
      Count();
      Tell(to, AsPeerMessage(other));
    } else if (const auto* timeout = As<Timeout>(message)) {
      Timeout other = *timeout;
      other.signature = context_.signer->Sign(
          consensus::TimeoutBytes(chain, other.epoch, other.round, other.high_qc.round));
      Count();
      Tell(to, AsPeerMessage(std::move(other)));
    } else if (const auto* proposal = As<Proposal>(message)) {
      Count();
      Tell(to,
           AsPeerMessage(Alter(*proposal, [&chain](Header& header) { header.chain_id = chain; })));
    }
  }

  std::deque<Said> kept_;
};

// --- Signatures

// S + L: the same scalar to a verifier that does not insist on the smaller one (RFC 8032, 5.1.7).
Signature PlusOrder(Signature signature) {
  // 2^252 + 27742317777372353535851937790883648493, little-endian.
  constexpr uint8_t kOrder[32] = {0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7,
                                  0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0,    0,    0,    0,    0,    0,
                                  0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  unsigned carry = 0;
  for (size_t i = 0; i < 32; ++i) {
    const unsigned sum = signature[32 + i] + kOrder[i] + carry;
    signature[32 + i] = static_cast<uint8_t>(sum);
    carry = sum >> 8;
  }
  return signature;
}

// R is the neutral element, which has order 1, or the point of order 2.
Signature SmallOrderR(Signature signature, bool order_two) {
  std::fill(signature.begin(), signature.begin() + 32, order_two ? 0xFF : 0x00);
  if (order_two) {
    signature[0] = 0xEC;
    signature[31] = 0x7F;
  } else {
    signature[0] = 1;
  }
  return signature;
}

// Its own signatures, and those of others in certificates that it repeats, in forms that a lenient
// verifier would accept. Half of the receivers get the real one as well: all must decide alike.
class OddSigner final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    PeerMessage odd = message;
    if (Spoil(&odd)) {
      Count();
      Tell(to, odd);
      if (random().Chance(0.3)) return;
    }
    Tell(to, message);
  }

 private:
  bool Spoil(PeerMessage* message) {
    auto* inner = std::get_if<consensus::Message>(message);
    if (inner == nullptr) return false;
    if (auto* vote = std::get_if<Vote>(inner)) {
      vote->signature = Odd(vote->signature);
    } else if (auto* timeout = std::get_if<Timeout>(inner)) {
      Signature& signature = !timeout->high_qc.signatures.empty() && random().Chance(0.5)
                                 ? timeout->high_qc.signatures.front()
                                 : timeout->signature;
      signature = Odd(signature);
    } else if (auto* proposal = std::get_if<Proposal>(inner)) {
      proposal->signature = Odd(proposal->signature);
    } else if (auto* certificates = std::get_if<Certificates>(inner);
               certificates != nullptr && !certificates->high_qc.signatures.empty()) {
      Signature& signature = certificates->high_qc.signatures.back();
      signature = Odd(signature);
    } else {
      return false;
    }
    return true;
  }

  Signature Odd(Signature signature) {
    switch (random().Below(6)) {
      case 0:
      case 1:
        return PlusOrder(signature);
      case 2:
        return SmallOrderR(signature, random().Chance(0.5));
      case 3:
        return Signature{};
      case 4:  // R not below the field's prime, or another sign
        signature[31] ^= 0x80;
        return signature;
      default:
        signature[random().Below(signature.size())] ^=
            static_cast<uint8_t>(1U << random().Below(8));
        return signature;
    }
  }
};

}  // namespace

std::unique_ptr<Liar> MakeReplayer(Fault fault, LiarContext context, Say say) {
  return Make<Replayer>(std::move(fault), std::move(context), std::move(say));
}
std::unique_ptr<Liar> MakeOddSigner(Fault fault, LiarContext context, Say say) {
  return Make<OddSigner>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
