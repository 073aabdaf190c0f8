#include "consensus/verifier.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/codec.h"

namespace kiln::consensus {
namespace {

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Where `child` does not follow from `parent`.
absl::Status CheckLink(const Block& parent, const Block& child) {
  if (child.header.parent_id != parent.id) {
    return Refuse("parent is ", child.header.parent_id.Short(), ", the one before it is ",
                  parent.id.Short());
  }
  if (child.header.height.value != parent.header.height.value + 1) {
    return Refuse("height ", child.header.height.value, " after height ",
                  parent.header.height.value);
  }
  if (child.header.parent_round != parent.header.round) {
    return Refuse("parent round ", child.header.parent_round.value, ", the one before it has ",
                  parent.header.round.value);
  }
  if (child.header.time_us < parent.header.time_us) return Refuse("time is before its parent's");
  return absl::OkStatus();
}

// A round is entered by the certificate of the one before it: by its TC exactly when not by its QC.
absl::Status CheckEntry(const Proposal& proposal) {
  const uint64_t round = proposal.block->header.round.value;
  const uint64_t justify_round = proposal.block->justify.round.value;
  if (justify_round == round - 1) {
    if (!proposal.tc.has_value()) return absl::OkStatus();
    return Refuse("timeout certificate beside a QC of round ", justify_round);
  }
  if (!proposal.tc.has_value()) {
    return Refuse("no timeout certificate for round ", round - 1, ", QC has round ", justify_round);
  }
  if (proposal.tc->round.value == round - 1) return absl::OkStatus();
  return Refuse("timeout certificate has round ", proposal.tc->round.value, ", round ", round,
                " needs ", round - 1);
}

absl::Status CheckEntry(const Timeout& timeout) {
  const uint64_t round = timeout.round.value;
  if (timeout.high_qc.round >= timeout.round) {
    return Refuse("high QC round ", timeout.high_qc.round.value, " is not below round ", round);
  }
  if (timeout.last_tc.has_value()) {
    if (timeout.last_tc->round.value == round - 1) return absl::OkStatus();
    return Refuse("last timeout certificate has round ", timeout.last_tc->round.value, ", round ",
                  round, " needs ", round - 1);
  }
  if (timeout.high_qc.round.value == round - 1) return absl::OkStatus();
  return Refuse("nothing certifies round ", round - 1, ": high QC has round ",
                timeout.high_qc.round.value, " and there is no timeout certificate");
}

// What each signer of a TC reported, against the TC's round and the QC that it carries.
absl::Status CheckReportedRounds(const TimeoutCertificate& tc) {
  if (tc.high_qc_rounds.size() != tc.signatures.size()) {
    return Refuse("high QC rounds: ", tc.high_qc_rounds.size(), " for ", tc.signatures.size(),
                  " signers");
  }
  const Round highest = *std::max_element(tc.high_qc_rounds.begin(), tc.high_qc_rounds.end());
  if (highest >= tc.round) {
    return Refuse("high QC round ", highest.value, " is not below the certificate's round ",
                  tc.round.value);
  }
  if (tc.high_qc.round != highest) {
    KILN_MARK("a TC with another QC than reported is refused");
    return Refuse("high QC has round ", tc.high_qc.round.value, ", the highest reported is ",
                  highest.value);
  }
  return absl::OkStatus();
}

}  // namespace

MessageVerifier::MessageVerifier(const Genesis& genesis, const ValidatorSet* validators,
                                 const LeaderElection* leaders, Epoch epoch,
                                 const SignatureVerifier* signatures)
    : chain_id_(genesis.ChainId()),
      epoch_(epoch),
      validators_(validators),
      leaders_(leaders),
      signatures_(signatures),
      genesis_certificate_(GenesisCertificate(genesis)) {}

absl::StatusOr<VerifiedMessage> MessageVerifier::Verify(ValidatorIndex from, Message message) {
  if (!validators_->Contains(from)) {
    return Refuse("sender ", from.value, " is not in the validator set");
  }
  struct Dispatch {
    absl::Status operator()(const Proposal& m) const { return verifier->VerifyProposal(from, m); }
    absl::Status operator()(const Vote& m) const { return verifier->VerifyVote(from, m); }
    absl::Status operator()(const Timeout& m) const { return verifier->VerifyTimeout(from, m); }
    absl::Status operator()(const Certificates& m) const { return verifier->VerifyCertificates(m); }
    absl::Status operator()(const Blocks& m) const { return verifier->VerifyBlocks(m); }
    absl::Status operator()(const StandingRequest&) const { return absl::OkStatus(); }
    absl::Status operator()(const Standing& m) const { return verifier->VerifyStanding(from, m); }
    MessageVerifier* verifier;
    ValidatorIndex from;
  };
  KILN_RETURN_IF_ERROR(std::visit(Dispatch{this, from}, message));
  return VerifiedMessage(from, std::move(message));
}

absl::Status MessageVerifier::VerifyQuorumCertificate(const QuorumCertificate& qc) {
  absl::Status form = CheckForm(qc);
  return form.ok() ? CheckSignatures(qc) : form;
}

absl::Status MessageVerifier::VerifyTimeoutCertificate(const TimeoutCertificate& tc) {
  absl::Status form = CheckForm(tc);
  return form.ok() ? CheckSignatures(tc) : form;
}

absl::Status MessageVerifier::VerifyBlock(const Block& block) {
  KILN_RETURN_IF_ERROR(Annotate(CheckForm(block), "block"));
  return Annotate(CheckJustify(block), "block");
}

absl::Status MessageVerifier::VerifyProposal(ValidatorIndex from, const Proposal& proposal) {
  KILN_CHECK(proposal.block != nullptr);
  const Header& header = proposal.block->header;
  KILN_RETURN_IF_ERROR(Annotate(CheckAuthor(from, header.proposer), "proposal"));
  KILN_RETURN_IF_ERROR(Annotate(CheckForm(*proposal.block), "proposal"));
  KILN_RETURN_IF_ERROR(Annotate(CheckEntry(proposal), "proposal"));
  if (proposal.tc.has_value()) {
    KILN_RETURN_IF_ERROR(Annotate(CheckForm(*proposal.tc), "proposal"));
  }
  // The proposer's own signature first: only a validator can make us pay for the certificates.
  const std::string message =
      ProposalBytes(chain_id_, header.epoch, header.round, proposal.block->id);
  KILN_RETURN_IF_ERROR(Annotate(CheckSignature(from, message, proposal.signature), "proposal"));
  KILN_RETURN_IF_ERROR(Annotate(CheckJustify(*proposal.block), "proposal"));
  if (!proposal.tc.has_value()) return absl::OkStatus();
  return Annotate(CheckSignatures(*proposal.tc), "proposal");
}

absl::Status MessageVerifier::VerifyVote(ValidatorIndex from, const Vote& vote) {
  KILN_RETURN_IF_ERROR(Annotate(CheckAuthor(from, vote.author), "vote"));
  KILN_RETURN_IF_ERROR(Annotate(CheckEpochAndRound(vote.epoch, vote.round), "vote"));
  const std::string message = VoteBytes(chain_id_, vote.epoch, vote.round, vote.block_id);
  return Annotate(CheckSignature(from, message, vote.signature), "vote");
}

absl::Status MessageVerifier::VerifyTimeout(ValidatorIndex from, const Timeout& timeout) {
  KILN_RETURN_IF_ERROR(Annotate(CheckAuthor(from, timeout.author), "timeout"));
  KILN_RETURN_IF_ERROR(Annotate(CheckEpochAndRound(timeout.epoch, timeout.round), "timeout"));
  KILN_RETURN_IF_ERROR(Annotate(CheckEntry(timeout), "timeout"));
  KILN_RETURN_IF_ERROR(Annotate(CheckForm(timeout.high_qc), "timeout"));
  if (timeout.last_tc.has_value()) {
    KILN_RETURN_IF_ERROR(Annotate(CheckForm(*timeout.last_tc), "timeout"));
  }
  const std::string message =
      TimeoutBytes(chain_id_, timeout.epoch, timeout.round, timeout.high_qc.round);
  KILN_RETURN_IF_ERROR(Annotate(CheckSignature(from, message, timeout.signature), "timeout"));
  KILN_RETURN_IF_ERROR(Annotate(CheckSignatures(timeout.high_qc), "timeout"));
  if (!timeout.last_tc.has_value()) return absl::OkStatus();
  return Annotate(CheckSignatures(*timeout.last_tc), "timeout");
}

absl::Status MessageVerifier::VerifyCertificates(const Certificates& certificates) {
  KILN_RETURN_IF_ERROR(Annotate(VerifyQuorumCertificate(certificates.high_qc), "certificates"));
  if (!certificates.last_tc.has_value()) return absl::OkStatus();
  return Annotate(VerifyTimeoutCertificate(*certificates.last_tc), "certificates");
}

absl::Status MessageVerifier::VerifyBlocks(const Blocks& answer) {
  const std::vector<BlockPtr>& blocks = answer.blocks;
  if (blocks.empty() || blocks.size() > kBlocksPerAnswerMax) {
    return Refuse("blocks: ", blocks.size(), " of them, allowed are 1 to ", kBlocksPerAnswerMax);
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    KILN_CHECK(blocks[i] != nullptr);
    const std::string what = absl::StrCat("blocks: block ", i);
    KILN_RETURN_IF_ERROR(Annotate(CheckForm(*blocks[i]), what));
    if (i > 0) KILN_RETURN_IF_ERROR(Annotate(CheckLink(*blocks[i - 1], *blocks[i]), what));
  }
  // One certificate for all: whatever certifies a block certifies by hash everything below it, the
  // certificates in between included, which a quorum saw when it voted.
  const Block& tip = *blocks.back();
  if (!answer.tip_qc.has_value()) return Annotate(CheckJustify(tip), "blocks");
  if (answer.tip_qc->block_id != tip.id || answer.tip_qc->round != tip.header.round) {
    return Refuse("blocks: the certificate is not the last block's");
  }
  return Annotate(VerifyQuorumCertificate(*answer.tip_qc), "blocks");
}

// The certificates are what proves the author's round: a liar cannot stand higher than a quorum let
// anybody come.
absl::Status MessageVerifier::VerifyStanding(ValidatorIndex from, const Standing& standing) {
  KILN_RETURN_IF_ERROR(Annotate(CheckAuthor(from, standing.author), "standing"));
  KILN_RETURN_IF_ERROR(Annotate(CheckEpochAndRound(standing.epoch, standing.round()), "standing"));
  KILN_RETURN_IF_ERROR(Annotate(CheckForm(standing.high_qc), "standing"));
  if (standing.last_tc.has_value()) {
    KILN_RETURN_IF_ERROR(Annotate(CheckForm(*standing.last_tc), "standing"));
  }
  const std::string message = StandingBytes(chain_id_, standing);
  KILN_RETURN_IF_ERROR(Annotate(CheckSignature(from, message, standing.signature), "standing"));
  KILN_RETURN_IF_ERROR(Annotate(CheckSignatures(standing.high_qc), "standing"));
  if (!standing.last_tc.has_value()) return absl::OkStatus();
  return Annotate(CheckSignatures(*standing.last_tc), "standing");
}

absl::Status MessageVerifier::CheckAuthor(ValidatorIndex from, ValidatorIndex author) const {
  if (!validators_->Contains(author)) {
    return Refuse("author ", author.value, " is not in the validator set");
  }
  if (author == from) return absl::OkStatus();
  KILN_MARK("a message in another's name is refused");
  return Refuse("author ", author.value, " is not the sender ", from.value);
}

absl::Status MessageVerifier::CheckEpochAndRound(Epoch epoch, Round round) const {
  if (epoch != epoch_) return Refuse("epoch ", epoch.value, ", this is epoch ", epoch_.value);
  if (round.value == 0) return Refuse("round 0 is the genesis block's alone");
  if (round > kRoundMax) return Refuse("round ", round.value, " is above ", kRoundMax.value);
  return absl::OkStatus();
}

absl::Status MessageVerifier::CheckSigners(const SignerBitmap& signers,
                                           size_t signature_count) const {
  const size_t bytes_needed = (validators_->size() + 7) / 8;
  if (signers.bytes().size() != bytes_needed) {
    return Refuse("bitmap is ", signers.bytes().size(), " bytes, the set needs ", bytes_needed);
  }
  if (!signers.IsCanonicalFor(validators_->size())) return Refuse("bitmap has padding bits set");
  if (signature_count != signers.Count()) {
    return Refuse("signatures: ", signature_count, " for ", signers.Count(), " signers");
  }
  uint64_t power = 0;
  for (const ValidatorIndex signer : signers.Members()) power += validators_->PowerOf(signer);
  if (!validators_->IsQuorum(power)) {
    KILN_MARK("a certificate without a quorum is refused");
    return Refuse("power ", power, " of ", validators_->total_power(), " is no quorum");
  }
  return absl::OkStatus();
}

absl::Status MessageVerifier::CheckForm(const QuorumCertificate& qc) const {
  if (qc == genesis_certificate_) return absl::OkStatus();
  constexpr absl::string_view kWhat = "quorum certificate";
  KILN_RETURN_IF_ERROR(Annotate(CheckEpochAndRound(qc.epoch, qc.round), kWhat));
  return Annotate(CheckSigners(qc.signers, qc.signatures.size()), kWhat);
}

absl::Status MessageVerifier::CheckForm(const TimeoutCertificate& tc) const {
  constexpr absl::string_view kWhat = "timeout certificate";
  KILN_RETURN_IF_ERROR(Annotate(CheckEpochAndRound(tc.epoch, tc.round), kWhat));
  KILN_RETURN_IF_ERROR(Annotate(CheckSigners(tc.signers, tc.signatures.size()), kWhat));
  KILN_RETURN_IF_ERROR(Annotate(CheckReportedRounds(tc), kWhat));
  return Annotate(CheckForm(tc.high_qc), kWhat);
}

absl::Status MessageVerifier::CheckForm(const Block& block) const {
  const Header& header = block.header;
  if (header.chain_id != chain_id_) {
    return Refuse("chain id ", header.chain_id.Short(), ", this is chain ", chain_id_.Short());
  }
  KILN_RETURN_IF_ERROR(CheckEpochAndRound(header.epoch, header.round));
  if (header.height.value == 0) return Refuse("height 0 is the genesis block's alone");
  if (header.height > kHeightMax) {
    return Refuse("height ", header.height.value, " is above ", kHeightMax.value);
  }
  if (header.parent_round >= header.round) {
    return Refuse("round ", header.round.value, " is not above its parent's round ",
                  header.parent_round.value);
  }
  if (header.executed_height >= header.height) {
    return Refuse("executed height ", header.executed_height.value, " is not below height ",
                  header.height.value);
  }
  const ValidatorIndex leader = leaders_->LeaderOf(header.round);
  if (header.proposer != leader) {
    KILN_MARK("a block out of turn is refused");
    return Refuse("proposer ", header.proposer.value, " is not the leader of round ",
                  header.round.value, ", which is ", leader.value);
  }
  if (header.epoch_end) return Refuse("epoch-end flag is set, but no epoch ends");
  if (block.justify.block_id != header.parent_id) {
    return Refuse("QC certifies block ", block.justify.block_id.Short(), ", the parent is ",
                  header.parent_id.Short());
  }
  if (block.justify.round != header.parent_round) {
    return Refuse("QC has round ", block.justify.round.value, ", the parent has round ",
                  header.parent_round.value);
  }
  return CheckForm(block.justify);
}

absl::Status MessageVerifier::CheckSignatures(const QuorumCertificate& qc, const Hash& hash) {
  if (qc == genesis_certificate_) return absl::OkStatus();
  if (verified_.Contains(hash)) return absl::OkStatus();
  const std::string message = VoteBytes(chain_id_, qc.epoch, qc.round, qc.block_id);
  size_t next = 0;
  for (const ValidatorIndex signer : qc.signers.Members()) {
    KILN_RETURN_IF_ERROR(
        Annotate(CheckSignature(signer, message, qc.signatures[next++]), "quorum certificate"));
  }
  verified_.Remember(hash);
  return absl::OkStatus();
}

absl::Status MessageVerifier::CheckSignatures(const TimeoutCertificate& tc) {
  const Hash hash = HashOf(tc);
  if (verified_.Contains(hash)) return absl::OkStatus();
  size_t next = 0;
  for (const ValidatorIndex signer : tc.signers.Members()) {
    const std::string message =
        TimeoutBytes(chain_id_, tc.epoch, tc.round, tc.high_qc_rounds[next]);
    KILN_RETURN_IF_ERROR(
        Annotate(CheckSignature(signer, message, tc.signatures[next++]), "timeout certificate"));
  }
  KILN_RETURN_IF_ERROR(Annotate(CheckSignatures(tc.high_qc), "timeout certificate"));
  verified_.Remember(hash);
  return absl::OkStatus();
}

absl::Status MessageVerifier::CheckSignature(ValidatorIndex author, absl::string_view message,
                                             const crypto::Signature& signature) const {
  if (signatures_->Verify(validators_->at(author).consensus_key, message, signature)) {
    return absl::OkStatus();
  }
  return Refuse("signature of validator ", author.value, " does not verify");
}

}  // namespace kiln::consensus
