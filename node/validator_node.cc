#include "node/validator_node.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "crypto/ed25519.h"
#include "node/health.h"
#include "node/key_use.h"
#include "node/one_receipt.h"
#include "node/peer_options.h"
#include "node/receipts.h"
#include "node/run_arguments.h"
#include "storage/ledger_repair.h"
#include "storage/ledger_store.h"
#include "storage/rocksdb_database.h"

namespace kiln {

absl::StatusOr<std::unique_ptr<Node>> Node::Start(NodeOptions options,
                                                  std::unique_ptr<Application> application) {
  return node::ValidatorNode::Start(std::move(options), std::move(application));
}

namespace node {
namespace {

constexpr absl::Duration kSuperviseEvery = absl::Milliseconds(100);
// How long a graceful stop waits for transactions that were accepted.
constexpr absl::Duration kDrainMax = absl::Seconds(3);
constexpr size_t kBarrierKeyBytes = 32;
constexpr int kScrubNice = 19;
constexpr absl::Duration kScrubStartsAfter = absl::Minutes(1);

int VerifyThreads(const NodeOptions& options) {
  if (options.verify_threads > 0) return options.verify_threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
}

uint64_t Microseconds(absl::Duration duration) {
  return static_cast<uint64_t>(absl::ToInt64Microseconds(duration));
}

consensus::PacemakerOptions MakePacemakerOptions(const NodeOptions& options) {
  return {.round_timeout_min_us = Microseconds(options.round_timeout_min),
          .round_timeout_max_us = Microseconds(options.round_timeout_max),
          .heartbeat_us = Microseconds(options.heartbeat_interval)};
}

absl::string_view WhatNow(storage::LedgerPart part) {
  if (storage::IsMendedByABlock(part)) return "asking the other validators for the block";
  if (part == storage::LedgerPart::kSnapshot) {
    return "it is removed once later states have named it; the next one takes its place";
  }
  return "stop this validator: `kiln ledger verify` says what mends it";
}

// With the way out, where only the operator has one.
void LogDamage(const storage::Damage& damage) {
  KILN_LOG(kError, "scrub", "damage on disk",
           {{"height", damage.height.value_or(Height{0}).value},
            {"part", storage::NameOf(damage.part)},
            {"cause", damage.cause},
            {"what_now", WhatNow(damage.part)}});
}

// A key that nobody else can use up.
std::string RandomBarrierKey(Random& random) {
  std::string key;
  while (key.size() < kBarrierKeyBytes) key.push_back(static_cast<char>(random.Below(256)));
  return key;
}

}  // namespace

ValidatorNode::ValidatorNode(NodeOptions options, std::unique_ptr<Application> application)
    : options_(std::move(options)),
      application_(std::move(application)),
      chain_id_(options_.genesis.ChainId()),
      disk_(options_.data_dir, options_.disk_free_bytes_min),
      inbox_(kInboxEventsMax, kInboxBytesMax) {}

absl::StatusOr<std::unique_ptr<Node>> ValidatorNode::Start(
    NodeOptions options, std::unique_ptr<Application> application) {
  KILN_CHECK(application != nullptr);
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  KILN_RETURN_IF_ERROR(ValidateNodeOptions(options));
  std::unique_ptr<ValidatorNode> node(
      new ValidatorNode(std::move(options), std::move(application)));
  KILN_RETURN_IF_ERROR(node->LoadIdentity());
  KILN_RETURN_IF_ERROR(node->OpenStore());
  KILN_RETURN_IF_ERROR(node->Recover());
  KILN_RETURN_IF_ERROR(node->StartNetwork());
  KILN_RETURN_IF_ERROR(node->StartThreads());
  const NodeStatus status = node->status();
  KILN_LOG(kInfo, "node", "running",
           {{"validator", status.validator_name},
            {"chain", status.chain_name},
            {"chain_id", status.chain_id.Short()},
            {"height", status.committed_height},
            {"round", status.round},
            {"peers_at", node->peer_address()},
            {"clients_at", node->client_address()}});
  return node;
}

ValidatorNode::~ValidatorNode() {
  Stop();
  if (supervisor_.joinable()) {
    supervisor_.join();
  } else {
    ShutDown();  // Start failed half-way
  }
}

// --- Start
// ----------------------------------------------------------------------------------------

absl::Status ValidatorNode::LoadIdentity() {
  KILN_ASSIGN_OR_RETURN(consensus::ValidatorSet validators,
                        consensus::ValidatorSet::FromGenesis(options_.genesis));
  validators_.emplace(std::move(validators));
  leaders_.emplace(*validators_);
  KILN_ASSIGN_OR_RETURN(NodeKeys keys, LoadNodeKeys(options_));
  keys_.emplace(std::move(keys));
  KILN_ASSIGN_OR_RETURN(KeyLock lock, KeyLock::Acquire(keys_->consensus.public_key(),
                                                       validators_->at(keys_->self).name));
  key_lock_.emplace(std::move(lock));
  const crypto::PublicKey own_key = keys_->consensus.public_key();
  signer_ = std::make_unique<consensus::Ed25519Signer>(std::move(keys_->consensus));
  signatures_ = std::make_unique<SignatureMemory>(own_key, signer_.get(), &verifier_);
  return absl::OkStatus();
}

absl::Status ValidatorNode::OpenStore() {
  KILN_RETURN_IF_ERROR(CheckKeyUse(options_.consensus_key_file, chain_id_, options_.data_dir));
  std::error_code error;
  std::filesystem::create_directories(options_.data_dir, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot make the data folder ", options_.data_dir, ": ", error.message()));
  }
  KILN_RETURN_IF_ERROR(disk_.Prepare());
  KILN_ASSIGN_OR_RETURN(database_,
                        storage::OpenRocksDbDatabase(options_.data_dir, storage::Access::kReadWrite,
                                                     /*env=*/nullptr));
  KILN_ASSIGN_OR_RETURN(store_,
                        storage::OpenStore(database_, options_.genesis, /*read_only=*/false));
  if (const absl::Status noted = NoteKeyUse(options_.consensus_key_file, chain_id_); !noted.ok()) {
    KILN_LOG(kWarning, "node", "cannot note that the key is in use", {{"cause", noted.message()}});
  }
  if (!options_.vote_log_file.empty()) {
    KILN_ASSIGN_OR_RETURN(vote_log_, VoteLog::Open(options_.vote_log_file));
  }
  return absl::OkStatus();
}

absl::Status ValidatorNode::Recover() {
  const auto offer = [this](EngineEvent event, size_t bytes) {
    return inbox_.TryPush(std::move(event), bytes);
  };
  ValidatorCore::Environment environment{
      .validators = &*validators_,
      .leaders = &*leaders_,
      .signer = signatures_.get(),
      .signatures = signatures_.get(),
      .store = store_.get(),
      .database = database_.get(),
      .application = application_.get(),
      .output = this,
      .vote_log = vote_log_.get(),
      .profile = &profile_,
      .sinks = {.event = offer,
                .executed = [this](EngineEvent event) { inbox_.Push(std::move(event)); },
                .answer = [this](
                              ValidatorIndex to,
                              network::FramePtr frame) { transport_->Send(to, std::move(frame)); },
                .refused =
                    [this](ValidatorIndex from, const absl::Status& why) {
                      KILN_LOG(kWarning, "verify", "message refused",
                               {{"peer", validators_->at(from).name}, {"cause", why.message()}});
                    },
                .snapshot_ready = [this] { EndToStartAgain(); },
                .deadline_added = [this] { execution_->Wake(); },
                .damage_found = [](const storage::Damage& damage) { LogDamage(damage); },
                .block_mended =
                    [this](Height height, ValidatorIndex from) {
                      KILN_LOG(kWarning, "scrub", "mended from another validator",
                               {{"height", height.value}, {"from", validators_->at(from).name}});
                    },
                .scrub_passed =
                    [](uint64_t blocks, uint64_t damaged) {
                      KILN_LOG(kInfo, "scrub", "all stored blocks were read again",
                               {{"blocks", blocks}, {"damaged", damaged}});
                    }},
      .now_us = [] { return SystemClock()->Read().monotonic_us; },
      .replaying =
          [](Height replayed, Height committed) {
            KILN_LOG(kInfo, "node", "replaying",
                     {{"height", replayed.value}, {"of", committed.value}});
          }};
  KILN_ASSIGN_OR_RETURN(
      core_, ValidatorCore::Recover(
                 {.genesis = options_.genesis,
                  .self = keys_->self,
                  .pacemaker = MakePacemakerOptions(options_),
                  .listen_us = Microseconds(options_.doppelganger_wait),
                  .mempool_max = {options_.mempool_transactions_max, options_.mempool_bytes_max},
                  .snapshots_kept = options_.snapshots_kept,
                  .scrub_bytes_per_second = options_.scrub_bytes_per_second,
                  .retention_blocks = options_.retention_blocks,
                  .snapshot_catch_up_blocks = options_.snapshot_catch_up_blocks,
                  .archive = options_.archive,
                  .trusted = options_.trusted},
                 environment, SystemClock()->Read()));
  Publish();
  execution_ = std::make_unique<ExecutionThread>(
      core_.get(),
      ExecutionThread::Sinks{.failed = [this](absl::Status why) { Fail(std::move(why)); }});
  queries_ = std::make_unique<QueryPool>(1);
  pool_ = std::make_unique<VerificationPool>(&core_->peer_input(), VerifyThreads(options_));
  return absl::OkStatus();
}

absl::Status ValidatorNode::StartNetwork() {
  for (uint32_t i = 0; i < validators_->size(); ++i) {
    if (ValidatorIndex{i} != keys_->self) OnDisconnected({i});  // not connected yet
  }
  KILN_ASSIGN_OR_RETURN(transport_, network::PeerTransport::Start(
                                        MakePeerOptions(options_, *keys_, *validators_), this));

  network::ClientServerOptions clients;
  clients.listen_address = options_.client_listen_address;
  clients.tls = options_.client_tls;
  clients.node_key = &keys_->node;
  clients.chain_id = chain_id_;
  clients.limits = options_.genesis.limits;
  clients.admin_socket = options_.admin_socket;
  KILN_ASSIGN_OR_RETURN(client_server_, network::ClientServer::Start(std::move(clients), this));
  return absl::OkStatus();
}

absl::Status ValidatorNode::StartThreads() {
  pool_->Start();
  execution_->Start();
  snapshot_thread_ = std::thread([this] { core_->snapshots().Run(); });
  if (core_->scrub() != nullptr) scrub_thread_ = std::thread([this] { RunScrub(); });
  prune_thread_ = std::thread([this] {
    absl::Status pruned = core_->pruner().Run([this] { return core_->PruneStep(); });
    if (!pruned.ok()) Fail(std::move(pruned));
  });
  replica_thread_ = std::thread([this] { RunReplica(); });
  supervisor_ = std::thread([this] { RunSupervisor(); });
  return absl::OkStatus();
}

// --- The replica thread
// ---------------------------------------------------------------------------

void ValidatorNode::RunReplica() {
  Clock* const clock = SystemClock();
  absl::Status status = core_->Start(*clock);
  while (status.ok()) {
    Publish();
    // Meanwhile reads are served, and the inbox fills and then drops: the protocol tolerates loss.
    if (inbox_.closed() || !WaitForDiskRoom()) return;
    const uint64_t now_us = clock->Read().monotonic_us;
    const uint64_t deadline_us = core_->NextDeadline();
    const absl::Duration wait = deadline_us <= now_us
                                    ? absl::ZeroDuration()
                                    : absl::Microseconds(std::min<uint64_t>(
                                          deadline_us - now_us, Microseconds(absl::Minutes(1))));
    status = core_->RunGroup(inbox_.TakeUpTo(ValidatorCore::kGroupEventsMax, absl::Now() + wait),
                             *clock);
  }
  Fail(std::move(status));
}

bool ValidatorNode::WaitForDiskRoom() {
  absl::MutexLock lock(&mutex_);
  const auto has_room_or_stops = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || disk_room_ != DiskRoom::kNone;
  };
  mutex_.Await(absl::Condition(&has_room_or_stops));
  return disk_room_ != DiskRoom::kNone;
}

void ValidatorNode::Publish() {
  const consensus::ReplicaStatus status = core_->replica_status();
  absl::MutexLock lock(&mutex_);
  replica_status_ = status;
  mempool_ = core_->mempool_total();
}

void ValidatorNode::Send(std::optional<ValidatorIndex> to, const consensus::Message& message) {
  if (core_->failed()) return;
  network::FramePtr frame = network::EncodeFrame(message);
  if (to.has_value()) {
    transport_->Send(*to, std::move(frame));
  } else {
    Broadcast(std::move(frame));
  }
}

void ValidatorNode::Fetch(ValidatorIndex from, const consensus::BlockRequest& request) {
  transport_->Send(from, network::EncodeFrame(request));
}

void ValidatorNode::Forward(const consensus::SharedBytes& batch) {
  Broadcast(network::EncodeFrame(network::TransactionBatch{.payload = batch, .index = nullptr}));
}

// To the leader first, or, if it is this one, to the next.
void ValidatorNode::Broadcast(network::FramePtr frame) {
  transport_->Broadcast(std::move(frame), core_->replica_status().leader);
}

void ValidatorNode::Committed(Height height) {
  execution_->Committed(height);
}

void ValidatorNode::Refused(const consensus::Refusal& refusal) {
  KILN_LOG(kWarning, "replica", "refused",
           {{"from", validators_->at(refusal.from).name}, {"cause", refusal.cause}});
}

// --- Peers
// ----------------------------------------------------------------------------------------

bool ValidatorNode::OnFrame(ValidatorIndex from, network::Frame frame) {
  return pool_->Add(from, std::move(frame));
}

// The replica remembers these until the next of them comes, and each costs the peer a handshake.
void ValidatorNode::OnConnected(ValidatorIndex peer) {
  inbox_.PushBeyondLimit(consensus::Event(consensus::PeerConnected{peer}));
}

void ValidatorNode::OnDisconnected(ValidatorIndex peer) {
  inbox_.PushBeyondLimit(consensus::Event(consensus::PeerDisconnected{peer}));
}

// --- Clients
// --------------------------------------------------------------------------------------

void ValidatorNode::Submit(uint64_t first_sequence, std::string batch, absl::Time deadline,
                           std::shared_ptr<network::SubmitSink> sink) {
  core_->submission().Submit(first_sequence, std::move(batch), deadline, std::move(sink));
}

void ValidatorNode::Submit(Transaction transaction, absl::Time deadline, SubmitDone done) {
  if (transaction.key.size() > consensus::kTransactionKeyBytesMax) {
    return std::move(done)(absl::InvalidArgumentError(
        absl::StrCat("transaction: the key has ", transaction.key.size(), " bytes, at most ",
                     consensus::kTransactionKeyBytesMax, " are allowed")));
  }
  core_->submission().Submit(0, network::BatchOfOne(transaction.key, transaction.payload), deadline,
                             std::make_shared<OneReceipt>(std::move(done)));
}

absl::StatusOr<Receipt> ValidatorNode::SubmitAndWait(Transaction transaction,
                                                     absl::Duration timeout) {
  absl::StatusOr<Receipt> result;
  absl::Notification answered;
  Submit(std::move(transaction), absl::Now() + timeout, [&](absl::StatusOr<Receipt> receipt) {
    result = std::move(receipt);
    answered.Notify();
  });
  answered.WaitForNotification();
  return result;
}

void ValidatorNode::RunQuery(const std::string& query,
                             absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) {
  const storage::Store::View view = store_->state_view();
  absl::StatusOr<std::string> value = application_->Query(*view.state, query);
  if (!value.ok()) return std::move(done)(value.status());
  std::move(done)(Answer{.height = view.height.value, .value = *std::move(value)});
}

void ValidatorNode::Query(std::string query, Read level, absl::Time deadline,
                          absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) {
  // Shared, because a job that finds no room is lost with what it holds.
  auto shared = std::make_shared<decltype(done)>(std::move(done));
  const auto run = [this, query = std::move(query), shared] {
    if (!queries_->TryAdd([this, query, shared] { RunQuery(query, std::move(*shared)); })) {
      std::move (*shared)(absl::ResourceExhaustedError("too many queries: ask again later"));
    }
  };
  if (level == Read::kLocal) return run();
  // A barrier ordered now comes after all that was acknowledged before (Raft's read index, with the
  // ledger itself as the index).
  core_->submission().Submit(
      0, network::BatchOfOne(RandomBarrierKey(*SystemRandom()), ""), deadline,
      std::make_shared<OneReceipt>([run, shared](absl::StatusOr<Receipt> barrier) {
        if (!barrier.ok()) return std::move(*shared)(barrier.status());
        run();
      }),
      /*may_be_barrier=*/true);
}

absl::StatusOr<Answer> ValidatorNode::Query(absl::string_view query, Read level,
                                            absl::Duration timeout) {
  absl::StatusOr<Answer> result;
  absl::Notification answered;
  Query(std::string(query), level, absl::Now() + timeout, [&](absl::StatusOr<Answer> answer) {
    result = std::move(answer);
    answered.Notify();
  });
  answered.WaitForNotification();
  return result;
}

absl::StatusOr<network::CommittedBlockView> ValidatorNode::GetBlock(uint64_t height) {
  KILN_ASSIGN_OR_RETURN(consensus::BlockPtr block, store_->BlockAt(Height{height}));
  if (height == 0) return network::CommittedBlockView{std::move(block), ""};
  KILN_ASSIGN_OR_RETURN(std::string finality, store_->FinalityAt(Height{height}));
  return network::CommittedBlockView{std::move(block), std::move(finality)};
}

absl::StatusOr<network::TransactionView> ValidatorNode::GetTransaction(const Hash& id) {
  KILN_ASSIGN_OR_RETURN(const ReceiptParts found, FindReceipt(*store_, id));
  KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store_->BlockAt(found.height));
  return network::TransactionView{
      .envelope = std::string(block->index->EnvelopeAt(*block->payload, found.index)),
      .receipt = ToReceipt(found)};
}

void ValidatorNode::WaitForHeight(uint64_t height, absl::AnyInvocable<void() &&> waiter) {
  execution_->WaitForHeight(Height{height}, std::move(waiter));
}

absl::Status ValidatorNode::SetLogLevel(absl::string_view level) {
  KILN_ASSIGN_OR_RETURN(const LogLevel parsed, ParseLogLevel(level));
  kiln::SetLogLevel(parsed);
  return absl::OkStatus();
}

Subscription ValidatorNode::OnCommit(
    absl::AnyInvocable<void(const Block&, const CommitProof&)> seen) {
  return core_->subscribers()->Add(std::move(seen));
}

// --- Status
// ---------------------------------------------------------------------------------------

NodeStatus ValidatorNode::status() const {
  NodeStatus status;
  consensus::ReplicaStatus replica;
  {
    absl::MutexLock lock(&mutex_);
    replica = replica_status_;
    status.mempool_transactions = mempool_.transactions;
    status.mempool_bytes = mempool_.bytes;
    status.catching_up = progress_.status();
  }
  const consensus::ExecutedState executed = store_->executed_state();
  status.chain_name = options_.genesis.chain_name;
  status.chain_id = chain_id_;
  status.validator_name = validators_->at(keys_->self).name;
  status.epoch = replica.epoch.value;
  status.round = replica.round.value;
  status.leader = validators_->at(replica.leader).name;
  status.committed_height = replica.committed_height.value;
  status.head_id = replica.committed_id;
  status.head_time = absl::FromUnixMicros(static_cast<int64_t>(replica.committed_time_us));
  status.executed_height = executed.height.value;
  status.state_root = executed.Root();
  status.committed_transactions = core_->total_transactions();
  status.votes_signed = replica.votes_signed;
  if (core_->scrub() != nullptr) status.scrub = core_->scrub()->status();
  const std::vector<network::PeerConnectionStatus> connections = transport_->status();
  const std::vector<std::string> addresses = PeerAddresses(options_, *validators_);
  for (uint32_t i = 0; i < validators_->size(); ++i) {
    if (ValidatorIndex{i} == keys_->self) continue;
    status.peers.push_back({.name = validators_->at(ValidatorIndex{i}).name,
                            .address = addresses[i],
                            .connected = connections[i].connected,
                            .last_error = connections[i].last_error});
  }
  status.not_ready_reason = NotReadyReason(replica, connections);
  status.ready = status.not_ready_reason.empty();
  return status;
}

std::string ValidatorNode::NotReadyReason(
    const consensus::ReplicaStatus& replica,
    const std::vector<network::PeerConnectionStatus>& connections) const {
  HealthInput input;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return "stopping";
    input.disk_room = disk_room_;
    input.disk_free_bytes = disk_free_bytes_;
    input.catching_up = progress_.status();
  }
  input.validators = &*validators_;
  input.self = keys_->self;
  for (const network::PeerConnectionStatus& peer : connections) {
    input.connected.push_back(peer.connected);
  }
  input.is_listening = replica.is_listening;
  input.abstains_up_to = replica.abstains_up_to;
  input.committed_height = replica.committed_height;
  input.head_time = absl::FromUnixMicros(static_cast<int64_t>(replica.committed_time_us));
  input.now = absl::Now();
  input.head_age_max = HeadAgeMax(options_.heartbeat_interval, options_.round_timeout_max);
  input.disk_free_bytes_min = options_.disk_free_bytes_min;
  return WhyNotReady(input);
}

// --- Stop
// -----------------------------------------------------------------------------------------

void ValidatorNode::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

absl::Status ValidatorNode::Wait() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&stopped_));
  return failure_;
}

void ValidatorNode::Fail(absl::Status why) {
  KILN_CHECK(!why.ok());
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return;
  KILN_LOG(kError, "node", "stopping to stay safe", {{"cause", why.message()}});
  failure_ = std::move(why);
  stopping_ = true;
}

// Not a failure, though it ends as after one: nothing further is signed from the old ledger.
void ValidatorNode::EndToStartAgain() {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return;
  must_start_again_ = true;
  failure_ = absl::AbortedError(
      "a snapshot of the others was fetched: start the node again, it goes on from there");
  stopping_ = true;
}

void ValidatorNode::RunSupervisor() {
  while (true) {
    LookAtDisk();
    LookAtProgress();
    core_->TickSnapshots(SystemClock()->Read().monotonic_us);
    LookAtQueues();
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kSuperviseEvery)) break;
  }
  ShutDown();
}

void ValidatorNode::LookAtDisk() {
  const DiskRoom room = disk_.Look();
  const uint64_t free_bytes = disk_.free_bytes();
  core_->submission().SetPaused(
      room == DiskRoom::kEnough
          ? absl::OkStatus()
          : absl::ResourceExhaustedError("this validator's disk is nearly full: use another"));
  execution_->SetHasRoom(room == DiskRoom::kEnough);
  if (room == DiskRoom::kLow) {
    KILN_LOG(kError, "node", "disk nearly full: new transactions are refused",
             {{"folder", options_.data_dir}, {"free_mib", free_bytes >> 20}});
  } else if (room == DiskRoom::kNone) {
    KILN_LOG(kError, "node", "disk full: nothing is signed until disk_free_bytes_min is free",
             {{"folder", options_.data_dir}, {"free_mib", free_bytes >> 20}});
  }
  if (room == DiskRoom::kEnough && disk_room() != DiskRoom::kEnough) {
    KILN_LOG(kInfo, "node", "disk has room again",
             {{"folder", options_.data_dir}, {"free_mib", free_bytes >> 20}});
  }
  absl::MutexLock lock(&mutex_);
  disk_room_ = room;
  disk_free_bytes_ = free_bytes;
}

void ValidatorNode::LookAtProgress() {
  const Height executed = core_->executed_height();
  absl::MutexLock lock(&mutex_);
  switch (progress_.Note(executed, replica_status_.catching_up_to,
                         SystemClock()->Read().monotonic_us)) {
    case CatchUpProgress::Line::kNone:
      return;
    case CatchUpProgress::Line::kBegun:
      KILN_LOG(kInfo, "node", "far behind: catching up",
               {{"height", executed.value}, {"of", progress_.status()->target}});
      return;
    case CatchUpProgress::Line::kGoesOn:
      KILN_LOG(kInfo, "node", "catching up",
               {{"height", executed.value},
                {"of", progress_.status()->target},
                {"percent", 100 * executed.value / progress_.status()->target},
                {"blocks_per_second", progress_.status()->blocks_per_second},
                {"seconds_left", progress_.status()->seconds_left}});
      return;
    case CatchUpProgress::Line::kDone:
      KILN_LOG(kInfo, "node", "caught up",
               {{"height", executed.value},
                {"blocks", progress_.blocks()},
                {"seconds", progress_.seconds()}});
      return;
  }
}

// The lowest priority there is: Linux takes it for the thread that asks.
void ValidatorNode::RunScrub() {
  setpriority(PRIO_PROCESS, 0, kScrubNice);
  Clock* const clock = SystemClock();
  uint64_t due_us = clock->Read().monotonic_us + Microseconds(kScrubStartsAfter);
  while (true) {
    const uint64_t now_us = clock->Read().monotonic_us;
    const absl::Duration wait = absl::Microseconds(due_us > now_us ? due_us - now_us : 0);
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait)) return;
    }
    due_us = core_->scrub()->Step(clock->Read());
    if (core_->failed()) return Fail(core_->failure());
  }
}

void ValidatorNode::LookAtQueues() {
  profile_.AddDepth(Depth::kInbox, inbox_.size());
  profile_.AddDepth(Depth::kVerification, pool_->size());
  size_t frames = 0;
  for (const network::PeerConnectionStatus& peer : transport_->status()) {
    frames += peer.frames_waiting;
  }
  profile_.AddDepth(Depth::kSend, frames);
  const uint64_t executed = core_->executed_height().value;
  absl::MutexLock lock(&mutex_);
  profile_.AddDepth(Depth::kMempool, mempool_.transactions);
  const uint64_t committed = replica_status_.committed_height.value;
  profile_.AddDepth(Depth::kUnexecuted, committed > executed ? committed - executed : 0);
}

DiskRoom ValidatorNode::disk_room() const {
  absl::MutexLock lock(&mutex_);
  return disk_room_;
}

// From the outside in: no new work, then what is under way, then the threads. After a failure the
// replica thread has ended already and nothing is waited for.
void ValidatorNode::ShutDown() {
  const absl::Status closed = absl::UnavailableError("the validator is stopping: use another");
  if (core_ != nullptr) {
    core_->submission().Close(closed);
    const absl::Time drained_by = absl::Now() + kDrainMax;
    while (!core_->failed() && replica_thread_.joinable() && core_->replies().size() > 0 &&
           disk_room() != DiskRoom::kNone && absl::Now() < drained_by) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    core_->replies().FailAll(absl::CancelledError(
        "the validator stopped before the transaction was committed: its outcome is unknown"));
  }
  if (client_server_ != nullptr) client_server_->Stop(absl::Seconds(1));
  if (transport_ != nullptr) transport_->Stop();
  if (pool_ != nullptr) pool_->Stop();
  inbox_.Close();
  if (replica_thread_.joinable()) replica_thread_.join();
  if (execution_ != nullptr) execution_->Stop();
  if (core_ != nullptr) core_->pruner().Stop();
  if (prune_thread_.joinable()) prune_thread_.join();
  if (core_ != nullptr) core_->snapshots().Stop();  // after who may wait for it
  if (snapshot_thread_.joinable()) snapshot_thread_.join();
  if (scrub_thread_.joinable()) scrub_thread_.join();
  if (queries_ != nullptr) queries_->Stop();
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

}  // namespace node
}  // namespace kiln
