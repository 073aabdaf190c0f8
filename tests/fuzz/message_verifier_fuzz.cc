// Whatever the verifier lets through, a second, slower reading of docs/protocol.md agrees with:
// every signature in it was made by its author for exactly that statement, and every certificate
// has a quorum behind it.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "consensus/codec.h"
#include "network/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mend.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

using consensus::Message;

// Bits of the input's first byte: what is made good after the mutation, so that mutated contents
// come with hashes and signatures that hold, as those of a lying validator do.
constexpr uint8_t kMendHashes = 1;
constexpr uint8_t kSignAuthors = 2;       // votes, timeouts and proposals
constexpr uint8_t kSignCertificates = 4;  // by everybody in their bitmaps

consensus::TestWorld& World() {
  return CheapSamples().world;
}

bool IsMember(ValidatorIndex author) {
  return author.value < World().genesis().validators.size();
}

crypto::Signature SignatureBy(ValidatorIndex author, absl::string_view statement) {
  return consensus::CheapSigner::SignatureOf(
      World().genesis().validators[author.value].consensus_key, statement);
}

std::string VoteStatement(Epoch epoch, Round round, const Hash& block_id) {
  return consensus::VoteBytes(World().chain_id(), epoch, round, block_id);
}
std::string TimeoutStatement(Epoch epoch, Round round, Round high_qc_round) {
  return consensus::TimeoutBytes(World().chain_id(), epoch, round, high_qc_round);
}
std::string ProposalStatement(const consensus::Block& block) {
  return consensus::ProposalBytes(World().chain_id(), block.header.epoch, block.header.round,
                                  block.id);
}

// --- The slow reading

bool WasSigned(ValidatorIndex author, absl::string_view statement,
               const crypto::Signature& signature) {
  return IsMember(author) && SignatureBy(author, statement) == signature;
}

// More than two thirds of 3 + 2 + 2 + 1.
bool IsQuorum(const consensus::SignerBitmap& signers) {
  uint64_t power = 0;
  for (const ValidatorIndex signer : signers.Members()) {
    if (!IsMember(signer)) return false;
    power += World().genesis().validators[signer.value].power;
  }
  return power >= 6;
}

bool Holds(const consensus::QuorumCertificate& qc) {
  if (qc == World().genesis_qc()) return true;
  const auto signers = qc.signers.Members();
  if (qc.epoch != Epoch{1} || signers.size() != qc.signatures.size()) return false;
  for (size_t i = 0; i < signers.size(); ++i) {
    const std::string statement = VoteStatement(qc.epoch, qc.round, qc.block_id);
    if (!WasSigned(signers[i], statement, qc.signatures[i])) return false;
  }
  return IsQuorum(qc.signers);
}

bool Holds(const consensus::TimeoutCertificate& tc) {
  const auto signers = tc.signers.Members();
  if (tc.epoch != Epoch{1} || signers.size() != tc.signatures.size()) return false;
  if (signers.empty() || signers.size() != tc.high_qc_rounds.size()) return false;
  Round highest;
  for (size_t i = 0; i < signers.size(); ++i) {
    const Round reported = tc.high_qc_rounds[i];
    const std::string statement = TimeoutStatement(tc.epoch, tc.round, reported);
    if (!WasSigned(signers[i], statement, tc.signatures[i]) || reported >= tc.round) return false;
    highest = std::max(highest, reported);
  }
  return IsQuorum(tc.signers) && tc.high_qc.round == highest && Holds(tc.high_qc);
}

bool Holds(const std::optional<consensus::TimeoutCertificate>& tc) {
  return !tc.has_value() || Holds(*tc);
}

bool Holds(const consensus::Block& block) {
  const consensus::Header& header = block.header;
  return header.chain_id == World().chain_id() && header.epoch == Epoch{1} && !header.epoch_end &&
         header.round > header.parent_round && header.proposer == World().LeaderOf(header.round) &&
         block.justify.block_id == header.parent_id && block.justify.round == header.parent_round &&
         Holds(block.justify);
}

struct Reading {
  ValidatorIndex from;

  bool operator()(const consensus::Vote& vote) const {
    return vote.author == from && vote.epoch == Epoch{1} &&
           WasSigned(from, VoteStatement(vote.epoch, vote.round, vote.block_id), vote.signature);
  }
  bool operator()(const consensus::Timeout& timeout) const {
    const std::string statement =
        TimeoutStatement(timeout.epoch, timeout.round, timeout.high_qc.round);
    return timeout.author == from && timeout.epoch == Epoch{1} &&
           WasSigned(from, statement, timeout.signature) && timeout.high_qc.round < timeout.round &&
           Holds(timeout.high_qc) && Holds(timeout.last_tc);
  }
  bool operator()(const consensus::Proposal& proposal) const {
    const consensus::Block& block = *proposal.block;
    const Round before{block.header.round.value - 1};
    const bool entered =
        proposal.tc.has_value() ? proposal.tc->round == before : block.justify.round == before;
    return block.header.proposer == from && entered && Holds(block) && Holds(proposal.tc) &&
           WasSigned(from, ProposalStatement(block), proposal.signature);
  }
  bool operator()(const consensus::Certificates& certificates) const {
    return Holds(certificates.high_qc) && Holds(certificates.last_tc);
  }
  bool operator()(const consensus::Blocks& blocks) const {
    for (size_t i = 0; i < blocks.blocks.size(); ++i) {
      const consensus::Header& header = blocks.blocks[i]->header;
      if (i == 0) continue;
      const consensus::Block& parent = *blocks.blocks[i - 1];
      if (header.parent_id != parent.id || header.parent_round != parent.header.round) return false;
      if (header.height.value != parent.header.height.value + 1) return false;
      if (header.time_us < parent.header.time_us) return false;
    }
    const consensus::Block& tip = *blocks.blocks.back();
    if (!blocks.tip_qc.has_value()) return Holds(tip);
    return blocks.tip_qc->block_id == tip.id && Holds(*blocks.tip_qc);
  }
  bool operator()(const consensus::StandingRequest&) const { return true; }
  bool operator()(const consensus::Standing& standing) const {
    return standing.author == from && standing.epoch == Epoch{1} &&
           WasSigned(from, consensus::StandingBytes(World().chain_id(), standing),
                     standing.signature) &&
           Holds(standing.high_qc) && Holds(standing.last_tc);
  }
};

// --- Signatures for what the mutation made

void Sign(consensus::QuorumCertificate* qc) {
  const auto signers = qc->signers.Members();
  for (size_t i = 0; i < signers.size() && i < qc->signatures.size(); ++i) {
    if (!IsMember(signers[i])) continue;
    qc->signatures[i] = SignatureBy(signers[i], VoteStatement(qc->epoch, qc->round, qc->block_id));
  }
}

void Sign(std::optional<consensus::TimeoutCertificate>* tc) {
  if (!tc->has_value()) return;
  Sign(&(*tc)->high_qc);
  const auto signers = (*tc)->signers.Members();
  for (size_t i = 0; i < signers.size() && i < (*tc)->signatures.size(); ++i) {
    if (!IsMember(signers[i])) continue;
    const std::string statement =
        TimeoutStatement((*tc)->epoch, (*tc)->round, (*tc)->high_qc_rounds[i]);
    (*tc)->signatures[i] = SignatureBy(signers[i], statement);
  }
}

consensus::BlockPtr WithSignedJustify(const consensus::Block& block) {
  consensus::QuorumCertificate justify = block.justify;
  Sign(&justify);
  return consensus::MakeBlock(block.header, std::move(justify), block.payload, block.index);
}

struct CertificateSigning {
  void operator()(consensus::Vote&) const {}
  void operator()(consensus::Timeout& timeout) const {
    Sign(&timeout.high_qc);
    Sign(&timeout.last_tc);
  }
  void operator()(consensus::Proposal& proposal) const {
    proposal.block = WithSignedJustify(*proposal.block);
    Sign(&proposal.tc);
  }
  void operator()(consensus::Certificates& certificates) const {
    Sign(&certificates.high_qc);
    Sign(&certificates.last_tc);
  }
  void operator()(consensus::Blocks& blocks) const {
    for (consensus::BlockPtr& block : blocks.blocks) block = WithSignedJustify(*block);
    if (blocks.tip_qc.has_value()) Sign(&*blocks.tip_qc);
  }
  void operator()(consensus::StandingRequest&) const {}
  void operator()(consensus::Standing& standing) const {
    Sign(&standing.high_qc);
    Sign(&standing.last_tc);
  }
};

struct AuthorSigning {
  void operator()(consensus::Vote& vote) const {
    if (!IsMember(vote.author)) return;
    const std::string statement = VoteStatement(vote.epoch, vote.round, vote.block_id);
    vote.signature = SignatureBy(vote.author, statement);
  }
  void operator()(consensus::Timeout& timeout) const {
    if (!IsMember(timeout.author)) return;
    const std::string statement =
        TimeoutStatement(timeout.epoch, timeout.round, timeout.high_qc.round);
    timeout.signature = SignatureBy(timeout.author, statement);
  }
  void operator()(consensus::Proposal& proposal) const {
    const ValidatorIndex proposer = proposal.block->header.proposer;
    if (!IsMember(proposer)) return;
    proposal.signature = SignatureBy(proposer, ProposalStatement(*proposal.block));
  }
  void operator()(consensus::Certificates&) const {}
  void operator()(consensus::Blocks&) const {}
  void operator()(consensus::StandingRequest&) const {}
  void operator()(consensus::Standing& standing) const {
    if (!IsMember(standing.author)) return;
    standing.signature =
        SignatureBy(standing.author, consensus::StandingBytes(World().chain_id(), standing));
  }
};

}  // namespace

// What is made good, the sender, a frame.
KILN_FUZZ_TARGET(message_verifier) {
  const uint8_t made_good = TakeByte(&input);
  const ValidatorIndex from{TakeByte(&input)};
  network::Frame frame = TakeFrame(input);
  if ((made_good & kMendHashes) != 0) MendFrame(&frame);
  absl::StatusOr<network::PeerMessage> decoded =
      network::DecodeFrame(std::move(frame), SampleLimits());
  if (!decoded.ok() || !std::holds_alternative<Message>(*decoded)) return false;
  Message message = std::get<Message>(*std::move(decoded));
  if ((made_good & kSignCertificates) != 0) std::visit(CertificateSigning(), message);
  if ((made_good & kSignAuthors) != 0) std::visit(AuthorSigning(), message);

  // A verifier of its own for each input: it remembers certificates.
  consensus::MessageVerifier verifier(World().genesis(), &World().validators(), &World().leaders(),
                                      Epoch{1}, &World().signatures());
  const absl::StatusOr<consensus::VerifiedMessage> first = verifier.Verify(from, message);
  const absl::StatusOr<consensus::VerifiedMessage> second = verifier.Verify(from, message);
  Expect(first.ok() == second.ok(), "what was remembered changes no answer");
  if (!first.ok()) {
    ExpectReadable(first.status());
    return false;
  }
  Expect(first->from() == from, "a verified message is its sender's");
  Expect(std::visit(Reading{from}, first->message()), "what verifies was signed, by a quorum");
  return true;
}

}  // namespace kiln::fuzz
