// What a validator that lost its safety record may still sign: as much as the others can vouch for.
#ifndef KILN_CONSENSUS_SAFETY_RECOVERY_H_
#define KILN_CONSENSUS_SAFETY_RECOVERY_H_

#include <cstdint>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "base/ids.h"
#include "consensus/messages.h"
#include "consensus/safety_record.h"
#include "consensus/validator_set.h"
#include "consensus/verifier.h"
#include "kiln/types.h"

namespace kiln::consensus {

// Collects where the other validators stand until those who answered are a quorum without the one
// that asks; then there is a record that forbids whatever that one may have signed. The proof, with
// each condition that is checked here, is in docs/recovery.md. The idea is that of recovery in
// Viewstamped Replication (Liskov and Cowling, "Viewstamped Replication Revisited", MIT-CSAIL-TR-
// 2012-021, section 4.3): with a nonce of its own, who forgot asks a quorum and takes no part until
// it knows what it may have taken part in; the weighted, Byzantine form is ours.
//
// Invariants: one statement for each validator, never one's own; what is adopted is never below
// what is known. Pure; not thread-safe.
class SafetyRecovery {
 public:
  // `nonce` is random and of this recovery alone. `known` is what is certain all the same: a record
  // that can be read but may be old, certificates in the ledger; or the initial record.
  // `validators` must outlive this.
  SafetyRecovery(ValidatorIndex self, const ValidatorSet* validators, const Hash& nonce,
                 const SafetyRecord& known);

  // Whether the others alone are a quorum. Nothing can be recovered in a set in which they are not.
  bool IsPossible() const;

  StandingRequest request() const { return {.nonce = nonce_}; }
  // Counts the statement. FailedPrecondition says why it does not count (yet): it is of another
  // recovery, or its author is recovering itself. Further ones of an author that counts already are
  // ignored. REQUIRES: what was verified is a Standing.
  absl::Status Add(const VerifiedMessage& message);

  bool HasAnswerOf(ValidatorIndex author) const { return statements_.contains(author); }
  uint64_t power() const { return power_; }
  bool HasQuorum() const;

  // Up to and with this round nothing is signed any more. REQUIRES: HasQuorum().
  Round AbstainsUpTo() const;
  // The record to write. REQUIRES: HasQuorum().
  SafetyRecord Adopt() const;

 private:
  const ValidatorIndex self_;
  const ValidatorSet* const validators_;
  const Hash nonce_;
  const SafetyRecord known_;
  absl::btree_map<ValidatorIndex, Standing> statements_;
  uint64_t power_ = 0;  // of statements_
};

// `record` with the highest certificates of the two.
void RaiseCertificates(SafetyRecord* record, const QuorumCertificate& high_qc,
                       const std::optional<TimeoutCertificate>& last_tc);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_SAFETY_RECOVERY_H_
