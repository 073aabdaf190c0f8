// Votes and timeouts into certificates.
#ifndef KILN_CONSENSUS_VOTE_COLLECTOR_H_
#define KILN_CONSENSUS_VOTE_COLLECTOR_H_

#include <cstdint>
#include <optional>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/certificates.h"
#include "consensus/messages.h"
#include "consensus/validator_set.h"

namespace kiln::consensus {

// What authors sent, by round. Invariants: an author counts once for a round, with what it sent
// first; votes are held for the kRoundsMax rounds from the lowest on that matters, so memory is
// bounded by the validators' number. Takes verified messages only. Not thread-safe.
class VoteCollector {
 public:
  static constexpr uint64_t kRoundsMax = 64;

  // `validators` must outlive this.
  explicit VoteCollector(const ValidatorSet* validators) : validators_(validators) {}

  // The certificate, once, when this vote completes it. AlreadyExists for a second vote of an
  // author in a round (FailedPrecondition when it is for another block: the author is dishonest);
  // OutOfRange for a round that is not held.
  absl::StatusOr<std::optional<QuorumCertificate>> Add(const Vote& vote);
  absl::StatusOr<std::optional<TimeoutCertificate>> Add(const Timeout& timeout);

  // Whether those who gave up on `round` include an honest validator.
  bool HasBlockingShare(Round round) const;

  // Forgets votes of rounds below `votes` and timeouts of rounds below `timeouts`, and refuses them
  // from now on. Neither bound ever falls.
  void ForgetBelow(Round votes, Round timeouts);

 private:
  using Votes = absl::btree_map<ValidatorIndex, Vote>;
  using Timeouts = absl::btree_map<ValidatorIndex, Timeout>;

  uint64_t PowerFor(const Votes& votes, const Hash& block_id) const;
  uint64_t PowerOf(const Timeouts& timeouts) const;
  QuorumCertificate Certify(const Votes& votes, const Vote& last) const;
  TimeoutCertificate Certify(const Timeouts& timeouts, const Timeout& last) const;

  const ValidatorSet* const validators_;
  Round lowest_vote_{1};
  Round lowest_timeout_{1};
  absl::btree_map<Round, Votes> votes_;
  absl::btree_map<Round, Timeouts> timeouts_;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_VOTE_COLLECTOR_H_
