// Many blocks below one that a quorum certified, asked of several validators at once.
#ifndef KILN_CONSENSUS_RANGE_SYNC_H_
#define KILN_CONSENSUS_RANGE_SYNC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/certificates.h"
#include "consensus/effects.h"
#include "consensus/fetch_patience.h"
#include "consensus/messages.h"
#include "consensus/peer_presence.h"
#include "kiln/types.h"

namespace kiln::consensus {

// For a replica that is far behind. A target is a block that a quorum certified. First one of its
// signers is asked for that block alone, whose header shows how far the way is; then as many
// signers as there may be requests are asked at once, each for a range of heights of the target's
// chain, and what arrives out of order waits until what is below it is there. Whoever is silent is
// passed over for a while and its range is asked elsewhere, half of it at a time, because lines may
// be too thin for more: the next answers that come in time make it more again; whose blocks do not
// stand on those of the range below is not asked again while others are left. When all of a target
// is asked for, a newer one that the replica names takes its place, so that a chain that goes on is
// caught up with in one go.
//
// Invariants: answers that nobody was asked for are not taken; blocks are given out in order of
// height, each on the one before; at most kOpenMax requests are open, kAheadMax heights are asked
// for above what is executed, and kWaitingBytesMax wait (and what the open requests bring).
// Not thread-safe; times are monotonic microseconds. That each answer is covered by a certificate
// is checked before (MessageVerifier).
class RangeSync {
 public:
  static constexpr size_t kOpenMax = 6;
  static constexpr size_t kOpenOfOnePeerMax = 2;  // the next is served while one is on its way
  static constexpr size_t kLateOfOnePeerMax = 8;
  static constexpr uint64_t kAheadMax = 192;  // less than storage keeps decoded for execution
  static constexpr size_t kWaitingBytesMax = 32 << 20;

  RangeSync(ValidatorIndex self, size_t validators, const FetchTimeouts& timeouts)
      : self_(self), patience_(timeouts), peers_(validators) {}

  // Whether it fetches: nobody else should.
  bool is_active() const { return target_.has_value() || probed_.has_value(); }
  // The height of the target; 0 while it is not known.
  Height target_height() const { return target_.has_value() ? target_->height : Height{0}; }
  // The certificate of the target, or of the block that may become it.
  std::optional<QuorumCertificate> CertificateFor(const Hash& id) const;

  // The block of `qc` becomes the target, once its height is known, unless one of a round as high
  // is. `root` is the newest committed block. Nothing happens for a while after all signers were of
  // no use.
  void Aim(const QuorumCertificate& qc, const Block& root, uint64_t now_us);
  // Whether a newer target is welcome: all of this one is asked for, or nobody answers.
  bool wants_target() const;

  // Whether `from` was asked for these blocks; then they are kept, as far as there is use for them.
  bool Take(ValidatorIndex from, const Blocks& answer, uint64_t now_us);

  // The next block, on the one that was inserted last or on `root`; null when it is not there yet.
  struct Next {
    BlockPtr block;
    ValidatorIndex from;
  };
  Next Front(const Block& root);
  // What came of the one in front. A certified block that is refused is its sender's doing.
  void NoteInserted();
  void NoteRefused(const Block& root);

  // A request that is due, if one is; ask again until there is none. Who is not connected is asked
  // when nobody else can be.
  std::optional<Fetch> TakeDue(Height executed, const PeerPresence& connections, uint64_t now_us);
  // UINT64_MAX when nothing is waited for.
  uint64_t deadline_us() const;

 private:
  struct Target {
    QuorumCertificate qc;
    Height height;
  };
  struct Request {
    Hash id;
    Height above;
    uint32_t count = 0;
    bool is_probe = false;
    uint64_t due_us = 0;
  };
  struct Peer {
    std::vector<Request> open;  // oldest first
    std::vector<Request> late;  // were not answered in time, and may still be; oldest first
    uint64_t passed_over_until_us = 0;
    uint32_t silences = 0;    // in a row
    uint64_t asked_last = 0;  // counts requests
    bool is_doubted = false;
  };
  struct Waiting {
    BlockPtr block;
    ValidatorIndex from;
  };
  struct Range {
    Height above;
    uint32_t count = 0;
  };

  static bool Answers(const Request& request, const Blocks& answer);
  static std::optional<Request> TakeAnswered(Peer* peer, const Blocks& answer);
  void TakeTarget(ValidatorIndex from, const BlockPtr& block);
  void Keep(ValidatorIndex from, const BlockPtr& block);
  void ExpireRequests();
  void NoteSilence(const Request& request, Peer* peer);
  // Whom to ask for blocks of this certificate's chain; none when all are busy or passed over.
  std::optional<ValidatorIndex> Choose(const QuorumCertificate& qc,
                                       const PeerPresence& connections) const;
  bool IsAsked(Height height, Height* up_to) const;
  size_t OpenRequests() const;
  // The lowest heights up to `highest` that are neither here nor asked for.
  std::optional<Range> NextHole(Height highest) const;
  Fetch Ask(ValidatorIndex peer, Request request);
  void Doubt(ValidatorIndex peer);
  // From `root` on, once more.
  void StartOver(const Block& root);
  void StandOn(const Block& root);
  void EndIfReached();
  void End();
  void Rest();
  std::vector<ValidatorIndex> SignersOf(const QuorumCertificate& qc) const;

  const ValidatorIndex self_;
  FetchPatience patience_;
  std::vector<Peer> peers_;  // by validator
  std::optional<Target> target_;
  std::optional<QuorumCertificate> probed_;  // whose block's height is being asked for
  Height base_;                              // of the block that was given out last
  Hash base_id_;
  std::optional<ValidatorIndex> base_from_;  // none: it is committed
  absl::btree_map<Height, Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  uint32_t span_ = kBlocksPerAnswerMax;  // heights of one request, after the answers
  bool is_stalled_ = false;              // a whole turn of silence
  uint64_t requests_ = 0;                // made so far
  uint64_t now_us_ = 0;                  // of the call at hand, or the last one that had a time
  uint64_t rests_until_us_ = 0;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_RANGE_SYNC_H_
