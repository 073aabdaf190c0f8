// The gate between what was received and what is believed.
#ifndef KILN_CONSENSUS_VERIFIER_H_
#define KILN_CONSENSUS_VERIFIER_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "base/recent_hashes.h"
#include "consensus/codec.h"
#include "consensus/leader_election.h"
#include "consensus/messages.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::consensus {

// A message whose form, membership, signatures and certificates were checked against the epoch's
// validator set. Only MessageVerifier makes one from the network; a replica makes them from what it
// signed itself. Whether the message is timely or may be voted for is the replica's to decide.
class VerifiedMessage {
 public:
  const ValidatorIndex& from() const { return from_; }
  const Message& message() const { return message_; }

 private:
  friend class MessageVerifier;
  friend class Replica;
  VerifiedMessage(ValidatorIndex from, Message message)
      : from_(from), message_(std::move(message)) {}

  ValidatorIndex from_;
  Message message_;
};

// Thread-safe: the verification pool calls one verifier from all its threads. What it borrows must
// outlive it. Checks, in order of cost: sender and author, epoch, form, then signatures.
class MessageVerifier {
 public:
  MessageVerifier(const Genesis& genesis, const ValidatorSet* validators,
                  const LeaderElection* leaders, Epoch epoch, const SignatureVerifier* signatures);

  // InvalidArgument says by name what is wrong. A vote, timeout or proposal must be its sender's
  // own.
  absl::StatusOr<VerifiedMessage> Verify(ValidatorIndex from, Message message);

  // The parts, also for stored and exported certificates. A genesis certificate is OK by equality.
  absl::Status VerifyQuorumCertificate(const QuorumCertificate& qc);
  absl::Status VerifyTimeoutCertificate(const TimeoutCertificate& tc);
  // Header fields that need no tree: chain, epoch, round > parent round, height, proposer leads the
  // round, justify certifies the parent that the header names; and the justify QC itself. No epoch
  // ends yet: the epoch-end flag is refused.
  absl::Status VerifyBlock(const Block& block);

 private:
  absl::Status VerifyProposal(ValidatorIndex from, const Proposal& proposal);
  absl::Status VerifyVote(ValidatorIndex from, const Vote& vote);
  absl::Status VerifyTimeout(ValidatorIndex from, const Timeout& timeout);
  absl::Status VerifyCertificates(const Certificates& certificates);
  absl::Status VerifyBlocks(const Blocks& blocks);
  absl::Status VerifyStanding(ValidatorIndex from, const Standing& standing);

  // Form: what can be seen without a signature. Each is cheap and runs before any signature is paid
  // for.
  absl::Status CheckAuthor(ValidatorIndex from, ValidatorIndex author) const;
  absl::Status CheckEpochAndRound(Epoch epoch, Round round) const;
  absl::Status CheckSigners(const SignerBitmap& signers, size_t signature_count) const;
  absl::Status CheckForm(const QuorumCertificate& qc) const;
  absl::Status CheckForm(const TimeoutCertificate& tc) const;
  absl::Status CheckForm(const Block& block) const;

  // REQUIRES: the form was checked.
  absl::Status CheckSignatures(const QuorumCertificate& qc) {
    return CheckSignatures(qc, HashOf(qc));
  }
  absl::Status CheckSignatures(const QuorumCertificate& qc, const Hash& hash);
  // The same for a block's own, whose hash the header has.
  absl::Status CheckJustify(const Block& block) {
    return CheckSignatures(block.justify, block.header.justify_hash);
  }
  absl::Status CheckSignatures(const TimeoutCertificate& tc);
  absl::Status CheckSignature(ValidatorIndex author, absl::string_view message,
                              const crypto::Signature& signature) const;

  static constexpr size_t kCertificatesRememberedMax = 1024;

  const Hash chain_id_;
  const Epoch epoch_;
  const ValidatorSet* const validators_;
  const LeaderElection* const leaders_;
  const SignatureVerifier* const signatures_;
  const QuorumCertificate genesis_certificate_;
  // The certificates that verified, by hash, so that the one QC which every proposal, timeout and
  // answer repeats costs its signatures once. The hash covers the signatures too: a certificate
  // that differs in any byte is another one.
  RecentHashes verified_{kCertificatesRememberedMax};
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_VERIFIER_H_
