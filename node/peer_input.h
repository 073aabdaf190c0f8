// Between the peers' streams and the replica: decodes, verifies, drops.
#ifndef KILN_NODE_PEER_INPUT_H_
#define KILN_NODE_PEER_INPUT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "base/stage_profile.h"
#include "consensus/leader_election.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "consensus/verifier.h"
#include "kiln/genesis.h"
#include "network/frames.h"
#include "node/duplicate_window.h"
#include "node/engine.h"
#include "node/snapshot_answers.h"
#include "node/snapshot_sync.h"
#include "node/vote_log.h"
#include "storage/store.h"

namespace kiln::node {

// Turns frames, in whatever order they come, into what follows from them: messages become verified
// events, batches lose what was executed before, requests for blocks are answered from the store.
// What is invalid is counted and reported with its sender and cause, and costs nothing further.
// Thread-safe; starts no thread and keeps no frame.
class PeerInput {
 public:
  struct Sinks {
    // False when there is no room: the event is dropped.
    std::function<bool(EngineEvent, size_t bytes)> event;
    std::function<void(ValidatorIndex to, network::FramePtr)> answer;
    std::function<void(ValidatorIndex from, const absl::Status& why)> refused;  // may be null
    // Blocks that somebody else than the replica asked for: true when they are taken. May be null.
    std::function<bool(ValidatorIndex from, const consensus::Blocks&)> blocks;
    std::function<uint64_t()> now_us;  // monotonic microseconds
  };

  // What is borrowed must outlive it. `vote_log` and `profile` may be null.
  PeerInput(const Genesis& genesis, const consensus::ValidatorSet* validators,
            const consensus::LeaderElection* leaders,
            const consensus::SignatureVerifier* signatures, const storage::Store* store,
            const DuplicateWindow* window, SnapshotAnswers* snapshot_answers,
            SnapshotSync* snapshot_sync, VoteLog* vote_log, Sinks sinks,
            StageProfile* profile = nullptr);

  // Everything that the frame causes has been given to the sinks when it returns.
  void Handle(ValidatorIndex from, network::Frame frame);
  // The same for a frame of `bytes` bytes of which DecodeFrame has made this.
  void Handle(ValidatorIndex from, absl::StatusOr<network::PeerMessage> message, size_t bytes);

  // Votes of rounds up to this one can make no certificate that is news: from now on they are
  // dropped before they cost a check of their signature. Rounds ascend.
  void SetCertifiedRound(Round round) { certified_round_ = round.value; }

  // Frames refused since construction.
  uint64_t refused() const { return refused_; }

 private:
  void HandleMessage(ValidatorIndex from, consensus::Message message, size_t bytes);
  void HandleMessage(ValidatorIndex from, const consensus::BlockRequest& request, size_t bytes);
  void HandleMessage(ValidatorIndex from, network::TransactionBatch batch, size_t bytes);
  void HandleMessage(ValidatorIndex from, const network::SnapshotOffer& offer, size_t bytes);
  void HandleMessage(ValidatorIndex from, const network::SnapshotRequest& request, size_t bytes);
  void HandleMessage(ValidatorIndex from, const network::SnapshotOfferRequest& request,
                     size_t bytes);
  void OfferSnapshot(ValidatorIndex to);
  void HandleMessage(ValidatorIndex from, const network::SnapshotChunk& chunk, size_t bytes);
  bool ComesTooLate(const consensus::Message& message) const;
  void LogVote(const consensus::Message& message);
  void Refuse(ValidatorIndex from, const absl::Status& why);

  const ChainLimits limits_;
  const storage::Store* const store_;
  const DuplicateWindow* const window_;
  SnapshotAnswers* const snapshot_answers_;
  SnapshotSync* const snapshot_sync_;
  VoteLog* const vote_log_;
  const Sinks sinks_;
  StageProfile* const profile_;
  consensus::MessageVerifier verifier_;
  std::atomic<uint64_t> certified_round_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace kiln::node

#endif  // KILN_NODE_PEER_INPUT_H_
