// What this validator may sign. The only place that holds the consensus key's consent.
#ifndef KILN_CONSENSUS_SAFETY_RULES_H_
#define KILN_CONSENSUS_SAFETY_RULES_H_

#include <optional>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/messages.h"
#include "consensus/safety_record.h"
#include "consensus/signing.h"
#include "kiln/types.h"

namespace kiln::consensus {

// Judges by the safety record alone, and updates it with every signature. Invariants: rounds in the
// record never decrease; a round gets at most one vote, one timeout and one proposal, ever; a
// refusal changes nothing. The caller makes record() durable before a signature leaves
// (docs/protocol.md, "Durability"). Not thread-safe.
class SafetyRules {
 public:
  // `signer` must outlive this.
  SafetyRules(const Hash& chain_id, ValidatorIndex self, Signer* signer, SafetyRecord recovered);

  // Votes for `block` if (Jolteon, figure 2; HotStuff-2, section 3)
  //   its epoch is the record's, its round is above every round voted or timed out in, and it
  //   extends the QC of the round before, or `tc` is for the round before and no signer of it
  //   reported a QC above the block's.
  // Whether the block is well formed, led, linked and executed is for proposal_rules and the
  // verifier.
  absl::StatusOr<Vote> SignVote(const Block& block, const std::optional<TimeoutCertificate>& tc);

  // Gives up on `round` if no higher round was voted in and `high_qc` is not below the lock. Asked
  // again for the same round, it returns the same timeout.
  absl::StatusOr<Timeout> SignTimeout(Round round, const QuorumCertificate& high_qc,
                                      const std::optional<TimeoutCertificate>& last_tc);

  // One proposal for each round, and none for a round that is behind.
  absl::StatusOr<crypto::Signature> SignProposal(const Block& block);
  // Records that `round` is proposed in, before it is: the proposal need not wait for the disk when
  // its time comes. After a restart a reserved round counts as proposed in. Lower rounds than the
  // record's are ignored.
  void ReserveProposal(Round round);
  // Whether SignProposal would refuse `round`: proposed in, behind, or perhaps proposed in before a
  // restart.
  bool HasProposed(Round round) const { return round <= proposed_round_; }

  // Where this validator stands, for one that lost its record. A statement about the record, which
  // it does not change.
  Standing SignStanding(ValidatorIndex asker, const Hash& nonce) const;

  // Keeps the highest certificates, for restarts. Lower ones are ignored.
  void Observe(const QuorumCertificate& qc);
  void Observe(const TimeoutCertificate& tc);

  // False when a signature of this validator is in the certificate that the record knows nothing
  // of: the record is older than the key's last use, or another process uses the key. Certificates
  // of rounds further back, and of all that a recovery covers, cannot be judged and count as known.
  bool Knows(const QuorumCertificate& qc) const;
  bool Knows(const TimeoutCertificate& tc) const;

  const SafetyRecord& record() const { return record_; }
  // Whether record() changed since this was last asked.
  bool TakeChanged();

 private:
  // Whether the record cannot tell what was signed in this round, if anything was.
  bool IsForgotten(Round round) const;

  const Hash chain_id_;
  const ValidatorIndex self_;
  Signer* const signer_;
  SafetyRecord record_;
  Round proposed_round_;  // at most the record's, which may be a reservation
  bool changed_ = false;
};

// The record of a validator that never signed anything.
SafetyRecord InitialSafetyRecord(const QuorumCertificate& genesis_certificate);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_SAFETY_RULES_H_
