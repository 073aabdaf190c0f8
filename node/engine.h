// The replica with what it needs: mempool, store, and a way out.
#ifndef KILN_NODE_ENGINE_H_
#define KILN_NODE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/stage_profile.h"
#include "consensus/effects.h"
#include "consensus/leader_election.h"
#include "consensus/payload.h"
#include "consensus/replica.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/node.h"
#include "node/forward_queue.h"
#include "node/mempool.h"
#include "node/pending_replies.h"
#include "storage/store.h"

namespace kiln::node {

// Where an engine's effects go once what they rely on is durable. Must not block.
class EngineOutput {
 public:
  virtual ~EngineOutput() = default;
  virtual void Send(std::optional<ValidatorIndex> to, const consensus::Message& message) = 0;
  virtual void Fetch(ValidatorIndex from, const consensus::BlockRequest& request) = 0;
  // Own clients' transactions, for the mempools of the validators that lead the coming rounds.
  virtual void Forward(const consensus::SharedBytes& batch) = 0;
  // The store's committed height rose to this.
  virtual void Committed(Height height) = 0;
  virtual void Refused(const consensus::Refusal& refusal) = 0;
};

// Transactions for the mempool. No origin: own clients'.
struct TransactionsArrived {
  TransactionBatch batch;
  std::optional<ValidatorIndex> origin;
};
using EngineEvent = std::variant<consensus::Event, TransactionsArrived>;

struct EngineOptions {
  consensus::ReplicaOptions replica;
  MempoolCharge mempool_each_peer_max;
  std::optional<TrustedBlock> trusted;
};

// What an engine borrows; all of it must outlive it.
struct EngineEnvironment {
  const consensus::ValidatorSet* validators = nullptr;
  const consensus::LeaderElection* leaders = nullptr;
  consensus::Signer* signer = nullptr;
  storage::Store* store = nullptr;
  MempoolBudget* budget = nullptr;    // what own clients' transactions reserve
  PendingReplies* replies = nullptr;  // told of those that no block can execute any more
  EngineOutput* output = nullptr;
  StageProfile* profile = nullptr;  // may be null
};

// Group commit: Handle takes events one after the other and keeps their effects; Flush makes all
// that they need durable with one sync, and only then lets anything leave. Single-threaded and
// deterministic: a node's replica thread drives it, or a simulator. After an error nothing may be
// called but status().
class Engine : private consensus::PayloadSource {
 public:
  static absl::StatusOr<std::unique_ptr<Engine>> Create(const EngineOptions& options,
                                                        const EngineEnvironment& environment,
                                                        Now now);

  void Start(Now now);
  void Handle(const EngineEvent& event, Now now);
  // Persist, then send. Aborted: the replica halted, with cause, height and what to do in the
  // message. Other errors are the store's. Either way nothing of the unflushed steps left, and
  // nothing may.
  absl::Status Flush();

  // When Handle(Tick) has something to do, in monotonic microseconds.
  uint64_t NextDeadline() const { return replica_->NextDeadline(); }

  consensus::ReplicaStatus status() const { return replica_->status(); }
  const MempoolCharge& mempool_total() const { return mempool_.total(); }

 private:
  Engine(const EngineOptions& options, const EngineEnvironment& environment);

  bool HasTransactions() const override;
  void Committed(const consensus::BlockPtr& block) override;
  Payload Build(Height height, absl::Span<const consensus::BlockPtr> ancestors) override;

  void Step(const consensus::Event& event, Now now);
  void Keep(consensus::Effects effects);
  absl::Status Persist(const consensus::DurableWrite& write);
  void SendAll(const std::vector<consensus::Outbound>& messages);
  void DropExpired();
  void RefuseExpired(const std::vector<Hash>& ids);
  void Forward();
  void Take(const TransactionsArrived& arrived, Now now);

  storage::Store* const store_;
  const std::optional<TrustedBlock> trusted_;
  PendingReplies* const replies_;
  EngineOutput* const output_;
  StageProfile* const profile_;
  Mempool mempool_;
  std::unique_ptr<consensus::Replica> replica_;

  ForwardQueue forwards_;
  consensus::Effects pending_;  // of all steps since the last flush
};

}  // namespace kiln::node

#endif  // KILN_NODE_ENGINE_H_
