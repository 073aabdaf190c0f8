// Blocks that a certificate names and this replica lacks.
#ifndef KILN_CONSENSUS_BLOCK_FETCHER_H_
#define KILN_CONSENSUS_BLOCK_FETCHER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ids.h"
#include "consensus/certificates.h"
#include "consensus/effects.h"
#include "kiln/types.h"

namespace kiln::consensus {

// How long to wait for an answer before somebody else is asked.
struct FetchTimeouts {
  uint64_t min_us = 0;
  uint64_t max_us = 0;
};

// Asks the signers of the certificate in turn until the block and what is missing below it have
// arrived. Each whole turn of silence makes the wait for an answer half as long again, up to the
// bound: a slow network would otherwise be asked for the same blocks faster than it can bring them,
// and the answers hold up all else. What helps, and having all, makes it the shortest again.
// Invariants: at most kWantedMax blocks are wanted, those of the highest rounds; one request is
// open at a time, for the highest that is due: its chain is likely to hold the others. Not
// thread-safe; times are monotonic microseconds.
class BlockFetcher {
 public:
  static constexpr size_t kWantedMax = 16;

  // REQUIRES: timeouts.min_us <= timeouts.max_us.
  BlockFetcher(ValidatorIndex self, const FetchTimeouts& timeouts)
      : self_(self), timeouts_(timeouts), timeout_us_(timeouts.min_us) {}

  // Starts to want the block that `qc` certifies. Nothing changes if it is wanted already.
  void Want(const QuorumCertificate& qc, uint64_t now_us);
  // The certificate of a wanted block; none when it is not wanted.
  std::optional<QuorumCertificate> CertificateFor(const Hash& id) const;
  // The block arrived.
  void Forget(const Hash& id);
  // Forgets blocks of rounds that no longer matter.
  void ForgetUpTo(Round round);
  // `from` answered, and its blocks are now known up to height `reached` (0: none of them is). When
  // that is more than was known it is asked at once for what follows, else the next signer is, for
  // all from the committed block on: what one signer sent may lead nowhere, and never decides what
  // another is asked for.
  void NoteAnswer(ValidatorIndex from, Height reached, uint64_t now_us);

  // The request that is due, if one is, for blocks above the committed height or above what the
  // same signer already brought.
  std::optional<Fetch> TakeDue(Height committed_height, uint64_t now_us);
  // UINT64_MAX when nothing is wanted.
  uint64_t deadline_us() const;
  bool empty() const { return wanted_.empty(); }

 private:
  struct Wanted {
    QuorumCertificate qc;
    std::vector<ValidatorIndex> signers;  // others than oneself
    size_t next = 0;                      // in signers
    ValidatorIndex asked;                 // last; oneself when nobody was
    Height reached;                       // what the signer asked last brought
    uint64_t due_us = 0;
  };
  struct Open {
    Hash id;
    ValidatorIndex to;
    Height above_height;
  };

  void Erase(const Hash& id);
  void NoteSilence(size_t signers);
  void NoteHelp();

  const ValidatorIndex self_;
  const FetchTimeouts timeouts_;
  uint64_t timeout_us_;         // of the next request
  size_t silent_requests_ = 0;  // in a row, of this turn
  absl::btree_map<Hash, Wanted> wanted_;
  std::optional<Open> open_;  // the request that was sent last, while its block is wanted
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_BLOCK_FETCHER_H_
