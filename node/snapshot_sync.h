// A snapshot from the others, for a validator that is further behind than their blocks reach.
#ifndef KILN_NODE_SNAPSHOT_SYNC_H_
#define KILN_NODE_SNAPSHOT_SYNC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/genesis.h"
#include "kiln/node.h"
#include "network/frames.h"
#include "storage/chain_verifier.h"
#include "storage/snapshot_proof.h"
#include "storage/snapshot_stage.h"
#include "storage/store.h"

namespace kiln::node {

// Takes the offers that come in the place of blocks, and fetches what they prove: chunk by chunk,
// from several validators at once, each checked against the certified root before it is staged. Who
// sends a wrong one is asked no more. One snapshot at a time; what is staged survives the process.
//
// It begins when validators with a blocking share of the power have offered snapshots above the own
// head: at least one of them is honest, and offers because it has no blocks there any more, or
// because it was asked. Nothing else is needed of them, because what they offer is proved. It asks
// when the validator is farther behind than blocks are to be fetched (NoteBehind).
//
// While a snapshot comes forward no blocks are to be asked for: it takes their place.
//
// Thread-safe. All time comes from the caller; the same calls have the same effects.
class SnapshotSync {
 public:
  static constexpr size_t kInFlightMax = 16;
  static constexpr size_t kInFlightOfPeerMax = 4;
  static constexpr uint64_t kAnswerWithinUs = 1'000'000;
  static constexpr uint64_t kSilentMaxUs = 16'000'000;
  // Without a chunk for so long another snapshot is taken in its place: the others keep it no more.
  static constexpr uint64_t kStalledAfterUs = 10'000'000;
  static constexpr uint64_t kOffersEveryUs = 1'000'000;  // how often all are asked for offers
  static constexpr uint64_t kOffersWithinUs = 2'000'000;

  struct Options {
    std::optional<TrustedBlock> trusted;
    uint64_t catch_up_blocks = 0;  // farther behind, offers are asked for; 0: never
    bool archive = false;          // it wants every block: offers are not asked for, nor taken
  };

  struct Sinks {
    std::function<void(ValidatorIndex to, network::FramePtr frame)> send;
    // All is staged: the next start of the validator makes a ledger of it. Called once.
    std::function<void()> ready;
  };

  // What is borrowed outlives it.
  SnapshotSync(const Genesis& genesis, ValidatorIndex self,
               const consensus::ValidatorSet* validators,
               const consensus::SignatureVerifier* signatures, storage::Store* store,
               const Options& options, Sinks sinks);

  // Goes on with what an earlier process has staged. REQUIRES: nothing was called yet.
  absl::Status Restore();

  // An error is the sender's fault.
  absl::Status OnOffer(ValidatorIndex from, const network::SnapshotOffer& offer, uint64_t now_us);
  absl::Status OnChunk(ValidatorIndex from, const network::SnapshotChunk& chunk, uint64_t now_us);
  // To be called ten times a second or so.
  void Tick(uint64_t now_us);

  // By how many blocks the validator knows to be behind; 0 when it is not. Never waits.
  void NoteBehind(uint64_t blocks);
  // Never waits.
  bool holds_blocks() const { return comes_forward_ || offers_ == Offers::kAwaited; }

  struct Progress {
    Height height;
    uint32_t chunks = 0;
    uint32_t chunks_total = 0;  // 0: not known yet
  };
  // None when nothing is being fetched.
  std::optional<Progress> progress() const;

 private:
  // Since the validator is too far behind for blocks. They are held until somebody could have
  // offered, and not again before it has caught up.
  enum class Offers { kNotNeeded, kAwaited, kNoneCame };
  struct Target {
    storage::ProvedSnapshot proved;
    uint32_t chunks = 0;  // 0 until the first chunk has shown it
    uint32_t staged = 0;
    absl::btree_set<uint32_t> missing;  // and not asked for
    uint64_t progress_us = 0;
  };
  struct Asked {
    ValidatorIndex peer;
    uint64_t until_us = 0;
  };
  struct Peer {
    Height offers;  // the newest snapshot that it offered; 0: none
    uint64_t offer_from_us = 0;
    bool is_bad = false;  // it sent a chunk that is none
    size_t in_flight = 0;
    uint64_t silent_us = 0;  // how long it is left alone after its next silence
    uint64_t ask_from_us = 0;
  };

  void Adopt(const network::SnapshotOffer& offer, storage::ProvedSnapshot proved, uint64_t now_us)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsOfferedByHonest() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of a chunk that the snapshot has: learns how many there are.
  void NoteCount(uint32_t chunks) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveBack(uint32_t chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetSilent(uint64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<ValidatorIndex> NextPeer(uint64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Ask(uint64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsStalled(uint64_t now_us) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsFarBehind() const {
    return !options_.archive && options_.catch_up_blocks > 0 && behind_ > options_.catch_up_blocks;
  }
  void AskForOffers(uint64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropIfReached() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Genesis genesis_;
  const ValidatorIndex self_;
  const consensus::ValidatorSet* const validators_;
  storage::Store* const store_;
  const Options options_;
  const Sinks sinks_;

  std::atomic<uint64_t> behind_{0};
  std::atomic<bool> comes_forward_{false};  // a snapshot does
  std::atomic<Offers> offers_{Offers::kNotNeeded};

  mutable absl::Mutex mutex_;
  const std::unique_ptr<storage::ChainVerifier> verifier_ ABSL_GUARDED_BY(mutex_);
  std::vector<Peer> peers_ ABSL_GUARDED_BY(mutex_);
  std::optional<Target> target_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<uint32_t, Asked> asked_ ABSL_GUARDED_BY(mutex_);
  uint32_t next_peer_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t ask_offers_from_us_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t await_until_us_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: none are awaited
  bool is_ready_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kiln::node

#endif  // KILN_NODE_SNAPSHOT_SYNC_H_
