// One validator: threads, sockets and disk around a ValidatorCore.
#ifndef KILN_NODE_VALIDATOR_NODE_H_
#define KILN_NODE_VALIDATOR_NODE_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/bounded_queue.h"
#include "base/stage_profile.h"
#include "consensus/leader_election.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/node.h"
#include "network/client_service.h"
#include "network/peer_transport.h"
#include "node/catch_up_progress.h"
#include "node/disk_guard.h"
#include "node/engine.h"
#include "node/execution_thread.h"
#include "node/key_lock.h"
#include "node/mempool.h"
#include "node/node_options.h"
#include "node/query_pool.h"
#include "node/signature_memory.h"
#include "node/validator_core.h"
#include "node/verification_pool.h"
#include "node/vote_log.h"
#include "storage/database.h"
#include "storage/store.h"

namespace kiln::node {

// Threads: gRPC's bring frames and calls; the verification pool turns frames into events; the
// replica thread steps the engine and waits for nothing but its group commit; the execution thread
// runs the application and answers clients; the query pool runs queries; the supervisor watches
// disk and health and takes everything down in order when the node stops or a part fails. After a
// failure nothing is signed or sent any more, and Wait() says why.
class ValidatorNode final : public Node,
                            private network::PeerHandler,
                            private network::ClientHandler,
                            private EngineOutput {
 public:
  static absl::StatusOr<std::unique_ptr<Node>> Start(NodeOptions options,
                                                     std::unique_ptr<Application> application);
  ~ValidatorNode() override;

  void Submit(Transaction transaction, absl::Time deadline, SubmitDone done) override;
  absl::StatusOr<Receipt> SubmitAndWait(Transaction transaction, absl::Duration timeout) override;
  absl::StatusOr<Answer> Query(absl::string_view query, Read level,
                               absl::Duration timeout) override;
  Subscription OnCommit(absl::AnyInvocable<void(const Block&, const CommitProof&)> seen) override;
  NodeStatus status() const override;
  std::string peer_address() const override { return transport_->listen_address(); }
  std::string client_address() const override { return client_server_->listen_address(); }
  void Stop() override;
  absl::Status Wait() override;

  // Whether it ended because a snapshot is staged: started again, it goes on from there.
  bool must_start_again() const { return must_start_again_; }
  // REQUIRES: Wait has returned.
  std::unique_ptr<Application> TakeApplication() { return std::move(application_); }

 private:
  // Events that wait for the replica thread.
  static constexpr size_t kInboxEventsMax = 8192;
  static constexpr size_t kInboxBytesMax = 256 << 20;

  ValidatorNode(NodeOptions options, std::unique_ptr<Application> application);

  // Start, part by part, in this order.
  absl::Status LoadIdentity();
  absl::Status OpenStore();
  absl::Status Recover();
  absl::Status StartThreads();
  absl::Status StartNetwork();

  // network::PeerHandler
  bool OnFrame(ValidatorIndex from, network::Frame frame) override;
  void OnConnected(ValidatorIndex peer) override;
  void OnDisconnected(ValidatorIndex peer) override;

  // network::ClientHandler
  void Submit(uint64_t first_sequence, std::string batch, absl::Time deadline,
              std::shared_ptr<network::SubmitSink> sink) override;
  void Query(std::string query, Read level, absl::Time deadline,
             absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) override;
  absl::StatusOr<network::CommittedBlockView> GetBlock(uint64_t height) override;
  absl::StatusOr<network::TransactionView> GetTransaction(const Hash& id) override;
  NodeStatus GetStatus() override { return status(); }
  ProfileSnapshot GetProfile() override { return profile_.Read(); }
  void WaitForHeight(uint64_t height, absl::AnyInvocable<void() &&> waiter) override;
  absl::Status SetLogLevel(absl::string_view level) override;
  void RequestStop() override { Stop(); }

  // EngineOutput, on the replica thread
  void Send(std::optional<ValidatorIndex> to, const consensus::Message& message) override;
  void Fetch(ValidatorIndex from, const consensus::BlockRequest& request) override;
  void Forward(const consensus::SharedBytes& batch) override;
  void Committed(Height height) override;
  void Refused(const consensus::Refusal& refusal) override;
  void Broadcast(network::FramePtr frame);

  void RunReplica();
  // Until the disk has room enough to vote. False when the node stops before. A snapshot needs
  // more: until then nothing is executed (ExecutionThread::SetHasRoom), and the validator votes
  // until a block shows a state that it does not know yet.
  bool WaitForDiskRoom();
  void RunSupervisor();
  void LookAtDisk();
  void LookAtProgress();
  void RunScrub();
  void LookAtQueues();
  DiskRoom disk_room() const;
  void ShutDown();
  void Fail(absl::Status why);
  void EndToStartAgain();
  void Publish();
  void RunQuery(const std::string& query, absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done);
  std::string NotReadyReason(const consensus::ReplicaStatus& replica,
                             const std::vector<network::PeerConnectionStatus>& connections) const;

  const NodeOptions options_;
  std::unique_ptr<Application> application_;
  const Hash chain_id_;

  std::optional<NodeKeys> keys_;
  std::optional<KeyLock> key_lock_;
  std::optional<consensus::ValidatorSet> validators_;
  std::optional<consensus::LeaderElection> leaders_;
  std::unique_ptr<consensus::Signer> signer_;
  const consensus::Ed25519Verifier verifier_;
  std::unique_ptr<SignatureMemory> signatures_;  // before both
  StageProfile profile_;
  DiskGuard disk_;  // the supervisor's, once that runs
  std::shared_ptr<storage::Database> database_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<VoteLog> vote_log_;
  BoundedQueue<EngineEvent> inbox_;
  std::unique_ptr<ValidatorCore> core_;
  std::unique_ptr<ExecutionThread> execution_;
  std::unique_ptr<QueryPool> queries_;
  std::unique_ptr<VerificationPool> pool_;
  std::unique_ptr<network::PeerTransport> transport_;
  std::unique_ptr<network::ClientServer> client_server_;

  mutable absl::Mutex mutex_;
  consensus::ReplicaStatus replica_status_ ABSL_GUARDED_BY(mutex_);
  MempoolCharge mempool_ ABSL_GUARDED_BY(mutex_);
  CatchUpProgress progress_ ABSL_GUARDED_BY(mutex_);
  DiskRoom disk_room_ ABSL_GUARDED_BY(mutex_) = DiskRoom::kEnough;
  uint64_t disk_free_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);

  std::atomic<bool> must_start_again_{false};

  std::thread replica_thread_;
  std::thread snapshot_thread_;
  std::thread scrub_thread_;
  std::thread prune_thread_;
  std::thread supervisor_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_VALIDATOR_NODE_H_
