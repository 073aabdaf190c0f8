// Blocks that a certificate names and this replica lacks.
#ifndef KILN_CONSENSUS_BLOCK_FETCHER_H_
#define KILN_CONSENSUS_BLOCK_FETCHER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ids.h"
#include "consensus/certificates.h"
#include "consensus/effects.h"
#include "kiln/types.h"

namespace kiln::consensus {

// Asks the signers of the certificate in turn, one request at a time for each wanted block, until
// it has arrived. Invariant: at most kWantedMax blocks are wanted, those of the highest rounds. Not
// thread-safe; times are monotonic microseconds.
class BlockFetcher {
 public:
  static constexpr size_t kWantedMax = 16;

  BlockFetcher(ValidatorIndex self, uint64_t retry_us) : self_(self), retry_us_(retry_us) {}

  // Starts to want the block that `qc` certifies. Nothing changes if it is wanted already.
  void Want(const QuorumCertificate& qc, uint64_t now_us);
  // The certificate of a wanted block; none when it is not wanted.
  std::optional<QuorumCertificate> CertificateFor(const Hash& id) const;
  // The block arrived.
  void Forget(const Hash& id) { wanted_.erase(id); }
  // Forgets blocks of rounds that no longer matter.
  void ForgetUpTo(Round round);
  // An answer brought new blocks, though not the wanted ones: asks the same peer for more at once.
  void NoteProgress(ValidatorIndex from, uint64_t now_us);
  // An answer brought nothing: asks the next.
  void NoteUseless(ValidatorIndex from, uint64_t now_us);

  // Requests that are due, for blocks above `above_height`.
  std::vector<Fetch> TakeDue(Height above_height, uint64_t now_us);
  // UINT64_MAX when nothing is wanted.
  uint64_t deadline_us() const;
  bool empty() const { return wanted_.empty(); }

 private:
  struct Wanted {
    QuorumCertificate qc;
    std::vector<ValidatorIndex> signers;  // others than oneself
    size_t next = 0;                      // in signers
    std::optional<ValidatorIndex> asked;
    uint64_t due_us = 0;
  };

  const ValidatorIndex self_;
  const uint64_t retry_us_;
  absl::btree_map<Hash, Wanted> wanted_;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_BLOCK_FETCHER_H_
