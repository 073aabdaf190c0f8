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
#include "consensus/fetch_patience.h"
#include "consensus/peer_presence.h"
#include "kiln/types.h"

namespace kiln::consensus {

// Asks the signers of the certificate in turn until the block and what is missing below it have
// arrived. Whole turns of silence make it more patient; what helps, and having all, less. When one
// answer is not enough there is RangeSync. Invariants: at most kWantedMax blocks are wanted, those
// of the highest rounds and the one that is asked for; one request is open at a time, for the
// highest that is due: its chain is likely to hold the others. Not thread-safe; times are monotonic
// microseconds.
class BlockFetcher {
 public:
  static constexpr size_t kWantedMax = 16;

  // REQUIRES: timeouts.min_us <= timeouts.max_us.
  BlockFetcher(ValidatorIndex self, const FetchTimeouts& timeouts)
      : self_(self), patience_(timeouts) {}

  // Starts to want the block that `qc` certifies. Nothing changes if it is wanted already.
  void Want(const QuorumCertificate& qc, uint64_t now_us);
  // The certificate of a wanted block; none when it is not wanted.
  std::optional<QuorumCertificate> CertificateFor(const Hash& id) const;
  // That of the highest round; none when nothing is wanted.
  std::optional<QuorumCertificate> HighestWanted() const;
  // The block arrived.
  void Forget(const Hash& id);
  // Forgets blocks of rounds that no longer matter.
  void ForgetUpTo(Round round);
  // `from` answered, and its blocks are now known up to height `reached` (0: none of them is). When
  // that is more than was known it is asked at once for what follows, else the next signer is, for
  // all from the committed block on: what one signer sent may lead nowhere, and never decides what
  // another is asked for. Whether it helped.
  bool NoteAnswer(ValidatorIndex from, Height reached, uint64_t now_us);

  // The request that is due, if one is, for blocks above the committed height or above what the
  // same signer already brought. Signers whose streams are up come before the others.
  std::optional<Fetch> TakeDue(Height committed_height, const PeerPresence& peers, uint64_t now_us);
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

  static size_t NextSigner(const Wanted& wanted, const PeerPresence& peers);
  void Erase(const Hash& id);
  void DropLowest();

  const ValidatorIndex self_;
  FetchPatience patience_;
  absl::btree_map<Hash, Wanted> wanted_;
  std::optional<Open> open_;  // the request that was sent last, while its block is wanted
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_BLOCK_FETCHER_H_
