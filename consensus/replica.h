// One validator's part in the protocol: events in, effects out.
#ifndef KILN_CONSENSUS_REPLICA_H_
#define KILN_CONSENSUS_REPLICA_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/ids.h"
#include "consensus/block_fetcher.h"
#include "consensus/block_tree.h"
#include "consensus/effects.h"
#include "consensus/execution_tracker.h"
#include "consensus/leader_election.h"
#include "consensus/messages.h"
#include "consensus/pacemaker.h"
#include "consensus/peer_presence.h"
#include "consensus/range_sync.h"
#include "consensus/safety_rules.h"
#include "consensus/validator_set.h"
#include "consensus/vote_collector.h"
#include "kiln/genesis.h"

namespace kiln::consensus {

// Where a leader gets transactions from: the mempool. Called by the replica within Step;
// deterministic.
class PayloadSource {
 public:
  virtual ~PayloadSource() = default;
  // Whether any waits, or is in a block that is not committed.
  virtual bool HasTransactions() const = 0;
  // The next block of the chain, at the moment the replica commits it.
  virtual void Committed(const BlockPtr& block) = 0;

  struct Payload {
    SharedBytes bytes;
    std::shared_ptr<const PayloadIndex> index;
  };
  // Transactions for a block at `height`, within the chain's limits, none of which is in
  // `ancestors`: the blocks below it that are not committed. Empty when there are none.
  virtual Payload Build(Height height, absl::Span<const BlockPtr> ancestors) = 0;
};

struct ReplicaOptions {
  ValidatorIndex self;
  Hash chain_id;
  ChainLimits limits;
  PacemakerOptions pacemaker;
  // How long after Start nothing new is signed, so that signatures of another process with the same
  // key can be heard first. 0 to sign at once.
  uint64_t listen_us = 0;
  // Halt when a certificate shows a signature of one's own that the safety record does not know.
  // False only for who plays a faulty validator in a simulation.
  bool halts_at_unknown_signatures = true;
};

// What a replica starts from, read back from disk.
struct RecoveredReplica {
  SafetyRecord safety;
  BlockPtr committed;                 // the newest committed block
  Height committed_commits_height;    // BlockTree::CommitsHeight of it
  Height last_nonempty_height;        // the newest committed block with transactions, 0 for none;
                                      // exact only above committed->header.executed_height
  std::vector<BlockPtr> uncommitted;  // parents first
  // The state roots of heights from committed->header.executed_height to the newest executed one.
  absl::btree_map<Height, Hash> executed_roots;
};

struct ReplicaStatus {
  Epoch epoch;
  Round round;
  ValidatorIndex leader;
  Round high_qc_round;
  Height committed_height;
  Hash committed_id;
  uint64_t committed_time_us = 0;
  Height executed_height;
  Height catching_up_to;  // when it is far behind and knows how far; 0: it is not
  uint64_t votes_signed = 0;
  bool is_listening = false;  // see ReplicaOptions::listen_us
  Round abstains_up_to;       // since its safety record was recovered; 0: it does not
};

// The protocol of docs/protocol.md, made of the parts it names. Pure: the same events at the same
// times give the same effects, to the byte; it reads no clock and does nothing itself. Invariants:
// a signature is in the effects only together with the safety record that covers it; committed
// blocks form one chain; after an effect `halt` it does nothing any more. Not thread-safe.
class Replica {
 public:
  // What is borrowed must outlive the replica.
  Replica(const ReplicaOptions& options, const ValidatorSet* validators,
          const LeaderElection* leaders, Signer* signer, PayloadSource* payloads,
          RecoveredReplica recovered, Now now);

  // The first step; call it once, before any other.
  Effects Start(Now now);
  Effects Step(const Event& event, Now now);

  // When Step(Tick) has something to do, in monotonic microseconds. Ask again after every step.
  uint64_t NextDeadline() const;

  ReplicaStatus status() const;
  const SafetyRecord& safety_record() const { return safety_.record(); }

 private:
  // Events.
  void On(const VerifiedMessage& message);
  void On(const PeerConnected& event);
  void On(const PeerDisconnected& event);
  void On(const Tick& event);
  void On(const TransactionsWaiting& event);
  void On(const BlockExecuted& event);
  void On(const BlocksHeld& event);

  // Messages.
  void OnMessage(ValidatorIndex from, const Proposal& proposal);
  void OnMessage(ValidatorIndex from, const Vote& vote);
  void OnMessage(ValidatorIndex from, const Timeout& timeout);
  void OnMessage(ValidatorIndex from, const Certificates& certificates);
  void OnMessage(ValidatorIndex from, const Blocks& blocks);
  void OnMessage(ValidatorIndex from, const StandingRequest& request);
  void OnMessage(ValidatorIndex from, const Standing& standing);

  // Certificates move rounds, and commit.
  void Process(const QuorumCertificate& qc);
  void Process(const TimeoutCertificate& tc);
  void OnCertified(const BlockPtr& block, const QuorumCertificate& qc);
  void CommitUpTo(const Block& block, const Block& child, const QuorumCertificate& qc);
  void EnterRound(Round round, Pacemaker::EnteredBy how);
  // False, and the replica has halted, when another process signs in this validator's name.
  template <typename Certificate>
  bool SignedByThisProcess(const Certificate& certificate);
  void ForgetOldVotes();

  void TakeUncommitted(const std::vector<BlockPtr>& uncommitted);
  // Blocks enter the tree by this alone, once it runs. False when it was refused or its parent is
  // missing.
  bool InsertBlock(ValidatorIndex from, const BlockPtr& block, bool certified);
  bool ShowsConflict(const Blocks& blocks) const;
  // What of the ranges stands on the tree.
  void InsertRanges();

  // What the current round asks of this validator; called after every event.
  void Advance();
  void AskForBlocks();
  void TryVote();
  bool TryPropose();
  bool HasGivenUp() const;
  bool IsListening() const { return now_.monotonic_us < listens_until_us_; }
  void GiveUpOnRound();
  bool IsAway(ValidatorIndex peer) const { return peers_.IsAway(peer, now_.monotonic_us); }
  // Whether nothing can come of the current round: its leader is away, and has not proposed.
  bool IsLost() const;
  void SkipLostRounds();
  void Cast(const Vote& vote);
  void CastToAll(const Vote& vote);
  void Collect(ValidatorIndex from, const Vote& vote);
  void Collect(const Timeout& timeout);
  // Whether a leader that extends `tip` has a reason to propose at once.
  bool LeavesWork(const Block& tip) const;
  // The block of the highest QC; null while transactions wait, or that block is missing.
  BlockPtr TipWithNothingToOrder() const;
  bool IsQuiet() const;
  bool IsSettled() const;
  uint64_t SilentUntil() const;
  bool MayPropose(const BlockPtr& parent) const;
  BlockPtr MakeProposalBlock(const BlockPtr& parent);

  void ShareCertificate();
  void TellBehind(ValidatorIndex peer);
  // Whether a peer's turn has come again; `last_us` is when it was last taken, 0 for never.
  bool TakeTurn(uint64_t* last_us, uint64_t every_us) const;
  Certificates OwnCertificates() const;
  void Send(std::optional<ValidatorIndex> to, Message message);
  // Unless it may carry a signature that this step made.
  void SendEarly(Message message);
  void Refuse(ValidatorIndex from, std::string cause);
  void Halt(Height height, std::string cause, std::string what_to_do);
  Effects TakeEffects();

  const QuorumCertificate& high_qc() const { return safety_.record().high_qc; }
  // The TC by which the current round was entered, if it was by one.
  std::optional<TimeoutCertificate> EntryTc() const;
  Round round() const { return pacemaker_.round(); }

  const ReplicaOptions options_;
  const ValidatorSet* const validators_;
  const LeaderElection* const leaders_;
  PayloadSource* const payloads_;

  SafetyRules safety_;
  Pacemaker pacemaker_;
  BlockTree tree_;
  VoteCollector collector_;
  BlockFetcher fetcher_;
  RangeSync ranges_;
  ExecutionTracker execution_;
  PeerPresence peers_;

  std::optional<Proposal> pending_proposal_;  // of the current round, not yet voted for
  ValidatorIndex pending_from_;
  std::optional<Proposal> own_proposal_;  // of the current round
  std::vector<uint64_t> told_us_;         // by validator: when it was last told it is behind
  std::vector<uint64_t> stood_us_;        // by validator: when it was last told a standing

  Now now_;
  uint64_t listens_until_us_ = 0;
  bool certificate_unshared_ = false;  // votes became a QC here that nobody was told of
  int answers_in_a_row_ = 0;           // with blocks, after which more were missing
  bool blocks_held_ = false;           // none are asked for
  bool step_again_ = false;            // there is more to do at once
  bool halted_ = false;
  uint64_t votes_signed_ = 0;
  Round skipped_;            // the newest round given up on because its leader was away
  Round reserved_round_;     // the record's last proposed round, as earlier steps left it
  bool has_signed_ = false;  // a vote or timeout, in this step
  Effects effects_;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_REPLICA_H_
