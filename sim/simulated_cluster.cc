#include "kiln/testing/simulated_cluster.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <list>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "consensus/payload.h"
#include "network/client_service.h"
#include "node/one_receipt.h"
#include "sim/determinism.h"
#include "sim/message_chart.h"
#include "sim/sim_cluster.h"
#include "sim/sim_keys.h"

namespace kiln::testing {
namespace {

using sim::CrashKind;
using sim::SimReplica;

// A client that heard nothing for this many of the shortest round timeouts asks somebody else.
constexpr uint64_t kAttemptTimeouts = 4;
// And after a refusal it waits for this long.
constexpr uint64_t kRetryAfterUs = 50'000;
constexpr size_t kBarrierKeyBytes = 32;
constexpr size_t kPayloadShownBytesMax = 60;
constexpr size_t kStateScanStep = 256;

uint64_t Micros(absl::Duration duration) {
  KILN_CHECK(duration >= absl::ZeroDuration()) << "a duration is negative";
  // Far beyond the end of every test, and far from an overflow.
  return static_cast<uint64_t>(
      absl::ToInt64Microseconds(std::min(duration, absl::Hours(1'000'000))));
}

uint64_t Millis(absl::Duration duration) {
  return std::max<uint64_t>(1, Micros(duration) / 1000);
}

sim::Scenario ScenarioOf(const SimulatedClusterOptions& options) {
  sim::Scenario scenario;
  scenario.name = "a test";
  scenario.seed = options.seed;
  scenario.powers = options.powers;
  if (scenario.powers.empty()) scenario.powers.assign(options.validators, 1);
  KILN_CHECK(!scenario.powers.empty() && scenario.powers.size() <= sim::kSimValidatorsMax)
      << "a simulated cluster has 1 to " << sim::kSimValidatorsMax << " validators";
  scenario.round_timeout_min_ms = Millis(options.round_timeout_min);
  scenario.round_timeout_max_ms = Millis(options.round_timeout_max);
  scenario.heartbeat_ms = Millis(options.heartbeat_interval);
  scenario.delay_min_us = Micros(options.delay_min);
  scenario.delay_mean_us = Micros(options.delay_mean);
  scenario.sync_us = Micros(options.sync_time);
  scenario.execute_us = Micros(options.execute_time);
  return scenario;
}

Genesis GenesisOf(const sim::Scenario& scenario, const ChainLimits& limits) {
  Genesis genesis = sim::MakeSimGenesis(scenario);
  genesis.limits = limits;
  KILN_CHECK_OK(genesis.Validate());
  return genesis;
}

// Kiln's log is silent while one of these exists.
class LogSilence {
 public:
  LogSilence() {
    if (count_++ > 0) return;
    SetLogSink([](absl::string_view) {});
    SetLogLevel(LogLevel::kError);
  }
  ~LogSilence() {
    if (--count_ > 0) return;
    SetLogLevel(LogLevel::kInfo);
    SetLogSink(nullptr);
  }
  LogSilence(const LogSilence&) = delete;
  LogSilence& operator=(const LogSilence&) = delete;

 private:
  static inline std::atomic<int> count_{0};
};

// What a client has heard so far. Shared with the sinks that are still to be told.
struct Call {
  uint32_t attempt = 0;            // the newest
  std::optional<Receipt> receipt;  // of any attempt
  uint32_t answered_by = 0;
  std::optional<absl::Status> error;  // of the newest attempt

  bool is_over() const { return receipt.has_value() || error.has_value(); }
};

// An envelope that is about to be ordered.
struct Request {
  std::string key;
  std::string payload;
  bool is_barrier = false;
};

}  // namespace

class SimulatedCluster::Impl final : public sim::ClusterHost {
 public:
  Impl(const SimulatedClusterOptions& options, MakeApplication make_application)
      : options_(options),
        scenario_(ScenarioOf(options)),
        make_application_(std::move(make_application)),
        cluster_(scenario_, GenesisOf(scenario_, options.limits), make_application_, this, &tail_),
        random_(cluster_.random().Fork()),
        validators_(cluster_.size()) {
    for (uint32_t validator = 0; validator < cluster_.size(); ++validator) {
      cluster_.Start(validator);
    }
  }
  // Processes end first: they answer whoever still waits.
  ~Impl() override { cluster_.End(); }

  // Clients.
  struct Answered {
    Receipt receipt;
    uint32_t by = 0;
  };
  // By `only`, or by whoever is up.
  absl::StatusOr<Answered> Order(const Request& request, std::optional<uint32_t> only);
  void SubmitAndForget(std::string payload);
  std::string NextKey() { return absl::StrCat("simulated-", ++submitted_); }
  Request Barrier();
  absl::StatusOr<Answer> Ask(uint32_t validator, absl::string_view query);
  std::optional<uint32_t> NextUp();

  // Time.
  void RunFor(absl::Duration duration) { queue().RunUntil(now_us() + Micros(duration)); }
  absl::Status RunUntilAgreement(absl::Duration timeout);

  // Faults.
  void BeginOnNetwork(std::string kind, std::vector<uint32_t> nodes);
  void Heal();
  void Crash(uint32_t validator, CrashKind kind) {
    Check(validator);
    cluster_.Crash(validator, kind);
  }

  // Views.
  void Check(uint32_t validator) const {
    KILN_CHECK_LT(validator, cluster_.size()) << "there is no validator of this number";
  }
  uint32_t Leader() const;
  absl::Status DownError(uint32_t validator) const {
    return absl::UnavailableError(absl::StrCat("validator ", validator, " is down"));
  }
  absl::Status Failure(absl::StatusCode code, absl::string_view what) const;
  std::string Chart(size_t lines_max) const {
    return sim::MessageChart(tail_.events(), cluster_.size(), lines_max);
  }
  absl::StatusOr<std::vector<sim::ShownBlock>> History() const;
  absl::Status CheckDeterminism(const DeterminismOptions& options) const;

  sim::EventQueue& queue() { return cluster_.queue(); }
  uint64_t now_us() const { return cluster_.now_us(); }
  sim::SimCluster& cluster() { return cluster_; }

  // What is known of a validator, its process alive or not.
  struct Seen {
    uint64_t committed = 0;
    uint64_t executed = 0;
    absl::Status why_stopped;
  };
  const Seen& seen(uint32_t validator) const {
    Check(validator);
    return validators_[validator];
  }
  const SimulatedClusterOptions& options() const { return options_; }

 private:
  // sim::ClusterHost
  void OnStarted(SimReplica& replica, const absl::Status& why) override;
  void OnStopped(SimReplica& replica, const absl::Status& why) override;
  void OnCommitted(SimReplica& replica, Height height) override;
  void OnExecuted(SimReplica& replica, Height height) override;

  // Until `is_over`, which may change with any event, or `end_us`.
  void RunUntil(uint64_t end_us, const std::function<bool()>& is_over);
  void Attempt(const Request& request, uint32_t validator, uint64_t end_us,
               const std::shared_ptr<Call>& call);
  void Acknowledged(const Receipt& receipt) {
    acknowledged_ = std::max(acknowledged_, receipt.height);
  }
  bool AnyStopped() const;
  bool Agree() const;
  std::string Standing() const;
  std::vector<std::string> ShownAt(const storage::Store& store, Height height, absl::Status* status,
                                   uint64_t* time_us) const;

  const SimulatedClusterOptions options_;
  const sim::Scenario scenario_;
  const MakeApplication make_application_;
  const LogSilence silence_;
  sim::TraceTail tail_;
  sim::SimCluster cluster_;
  sim::SimRandom random_;
  std::vector<Seen> validators_;
  std::list<sim::Fault> faults_;  // of the network: it holds on to each until it ends
  uint64_t submitted_ = 0;
  uint64_t acknowledged_ = 0;  // the highest height that a client was told
};

// --- What replicas tell

void SimulatedCluster::Impl::OnStarted(SimReplica& replica, const absl::Status& why) {
  Seen& seen = validators_[replica.number()];
  seen.why_stopped = why;
  if (!why.ok()) return;
  seen.committed = replica.store()->committed_height().value;
  seen.executed = replica.store()->executed_state().height.value;
}

void SimulatedCluster::Impl::OnStopped(SimReplica& replica, const absl::Status& why) {
  validators_[replica.number()].why_stopped = why;
}

void SimulatedCluster::Impl::OnCommitted(SimReplica& replica, Height height) {
  validators_[replica.number()].committed = height.value;
}

void SimulatedCluster::Impl::OnExecuted(SimReplica& replica, Height height) {
  validators_[replica.number()].executed = height.value;
}

// --- Failures

absl::Status SimulatedCluster::Impl::Failure(absl::StatusCode code, absl::string_view what) const {
  return absl::Status(
      code, absl::StrCat("seed ", options_.seed, ", after ",
                         absl::StrFormat("%.6f", static_cast<double>(now_us()) / 1e6), " s: ", what,
                         "\n", Chart(40)));
}

// How far everybody is.
std::string SimulatedCluster::Impl::Standing() const {
  std::vector<std::string> lines;
  for (uint32_t number = 0; number < cluster_.size(); ++number) {
    const SimReplica& replica = cluster_.replica(number);
    const Seen& seen = validators_[number];
    std::string line = absl::StrCat("validator ", number, " ");
    if (!seen.why_stopped.ok()) {
      absl::StrAppend(&line, "stopped itself: ", seen.why_stopped.message());
    } else if (!replica.is_up()) {
      absl::StrAppend(&line, "is down");
    } else {
      const consensus::ExecutedState state = replica.store()->executed_state();
      absl::StrAppend(&line, "is in round ", cluster_.seen_round(number).value, ", committed ",
                      seen.committed, ", executed ", state.height.value, " with state root ",
                      state.Root().Short());
    }
    lines.push_back(std::move(line));
  }
  return absl::StrJoin(lines, "\n");
}

// --- Time

void SimulatedCluster::Impl::RunUntil(uint64_t end_us, const std::function<bool()>& is_over) {
  while (!is_over()) {
    if (queue().empty() || queue().next_us() > end_us) return queue().RunUntil(end_us);
    queue().RunNext();
  }
}

bool SimulatedCluster::Impl::AnyStopped() const {
  return std::any_of(validators_.begin(), validators_.end(),
                     [](const Seen& seen) { return !seen.why_stopped.ok(); });
}

bool SimulatedCluster::Impl::Agree() const {
  std::optional<consensus::ExecutedState> first;
  for (uint32_t number = 0; number < cluster_.size(); ++number) {
    const SimReplica& replica = cluster_.replica(number);
    if (!replica.is_up()) continue;
    const uint64_t executed = validators_[number].executed;
    if (executed < acknowledged_) return false;
    if (first.has_value() && first->height.value != executed) return false;
    const consensus::ExecutedState state = replica.store()->executed_state();
    if (first.has_value() && first->Root() != state.Root()) return false;
    first = state;
  }
  return first.has_value();
}

absl::Status SimulatedCluster::Impl::RunUntilAgreement(absl::Duration timeout) {
  bool agree = false;
  RunUntil(now_us() + Micros(timeout), [&] {
    agree = Agree();
    return agree || AnyStopped();
  });
  if (AnyStopped()) {
    return Failure(absl::StatusCode::kAborted,
                   absl::StrCat("validators stopped themselves\n", Standing()));
  }
  if (agree) return absl::OkStatus();
  return Failure(absl::StatusCode::kDeadlineExceeded,
                 absl::StrCat("no agreement within ", absl::FormatDuration(timeout),
                              "; acknowledged up to height ", acknowledged_, "\n", Standing()));
}

// --- Clients

// Whoever is up, in turn.
std::optional<uint32_t> SimulatedCluster::Impl::NextUp() {
  std::vector<uint32_t> up;
  for (uint32_t number = 0; number < cluster_.size(); ++number) {
    if (cluster_.replica(number).is_up()) up.push_back(number);
  }
  if (up.empty()) return std::nullopt;
  return random_.Pick(up);
}

void SimulatedCluster::Impl::Attempt(const Request& request, uint32_t validator, uint64_t end_us,
                                     const std::shared_ptr<Call>& call) {
  const uint32_t attempt = ++call->attempt;
  call->error.reset();
  auto sink = std::make_shared<node::OneReceipt>(
      [this, call, attempt, validator](absl::StatusOr<Receipt> outcome) {
        if (outcome.ok()) Acknowledged(*outcome);
        if (outcome.ok() && !call->receipt.has_value()) {
          call->receipt = *std::move(outcome);
          call->answered_by = validator;
        } else if (!outcome.ok() && attempt == call->attempt) {
          call->error = outcome.status();
        }
      });
  cluster_.replica(validator).Submit(network::BatchOfOne(request.key, request.payload), end_us,
                                     std::move(sink), request.is_barrier);
}

absl::StatusOr<SimulatedCluster::Impl::Answered> SimulatedCluster::Impl::Order(
    const Request& request, std::optional<uint32_t> only) {
  const auto call = std::make_shared<Call>();
  const uint64_t end_us = now_us() + Micros(options_.patience);
  const uint64_t attempt_us = kAttemptTimeouts * scenario_.round_timeout_min_ms * 1000;
  absl::Status last = absl::UnavailableError("no validator is up");
  while (now_us() < end_us) {
    const std::optional<uint32_t> validator = only.has_value() ? only : NextUp();
    if (!validator.has_value() || !cluster_.replica(*validator).is_up()) break;
    Attempt(request, *validator, end_us, call);
    RunUntil(std::min(end_us, now_us() + attempt_us), [&] { return call->is_over(); });
    if (call->receipt.has_value()) return Answered{*std::move(call->receipt), call->answered_by};
    last = call->error.value_or(
        absl::DeadlineExceededError(absl::StrCat("validator ", *validator, " does not answer")));
    if (absl::IsInvalidArgument(last)) return last;
    RunUntil(std::min(end_us, now_us() + kRetryAfterUs), [&] { return call->receipt.has_value(); });
    if (call->receipt.has_value()) return Answered{*std::move(call->receipt), call->answered_by};
  }
  const std::string what =
      request.is_barrier
          ? "the query"
          : absl::StrCat("\"", absl::CHexEscape(request.payload.substr(0, kPayloadShownBytesMax)),
                         "\"");
  const bool is_late = now_us() >= end_us;
  return Failure(
      is_late ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kUnavailable,
      absl::StrCat("no receipt for ", what,
                   is_late ? absl::StrCat(" within ", absl::FormatDuration(options_.patience)) : "",
                   ": ", last.message(), "\n", Standing()));
}

void SimulatedCluster::Impl::SubmitAndForget(std::string payload) {
  const std::optional<uint32_t> validator = NextUp();
  if (!validator.has_value()) return;
  Attempt({.key = NextKey(), .payload = std::move(payload), .is_barrier = false}, *validator,
          now_us() + Micros(options_.patience), std::make_shared<Call>());
}

Request SimulatedCluster::Impl::Barrier() {
  Request barrier{.key = "", .payload = "", .is_barrier = true};
  while (barrier.key.size() < kBarrierKeyBytes) {
    barrier.key.push_back(static_cast<char>(random_.Below(256)));
  }
  return barrier;
}

absl::StatusOr<Answer> SimulatedCluster::Impl::Ask(uint32_t validator, absl::string_view query) {
  const SimReplica& replica = cluster_.replica(validator);
  if (!replica.is_up()) return DownError(validator);
  const storage::Store::View view = replica.store()->state_view();
  KILN_ASSIGN_OR_RETURN(std::string value, replica.application()->Query(*view.state, query));
  return Answer{.height = view.height.value, .value = std::move(value)};
}

// --- Faults

void SimulatedCluster::Impl::BeginOnNetwork(std::string kind, std::vector<uint32_t> nodes) {
  for (const uint32_t validator : nodes) Check(validator);
  // Nobody named would be everybody.
  if (nodes.empty()) return;
  sim::Fault fault;
  fault.row = "N2";
  fault.kind = std::move(kind);
  fault.nodes = std::move(nodes);
  faults_.push_back(std::move(fault));
  cluster_.network().Begin(faults_.back(), now_us());
  cluster_.Record({.kind = sim::TraceEvent::Kind::kFaultBegan,
                   .text = absl::StrCat(faults_.back().kind, " of ",
                                        absl::StrJoin(faults_.back().nodes, ", "))});
}

void SimulatedCluster::Impl::Heal() {
  for (const sim::Fault& fault : faults_) cluster_.network().End(fault);
  faults_.clear();
  cluster_.Record({.kind = sim::TraceEvent::Kind::kHealed});
  for (uint32_t validator = 0; validator < cluster_.size(); ++validator) {
    cluster_.replica(validator).SetSyncTime(0);
    cluster_.Start(validator);
  }
  cluster_.Reconnect();
}

// --- Views

uint32_t SimulatedCluster::Impl::Leader() const {
  Round highest;
  for (uint32_t number = 0; number < cluster_.size(); ++number) {
    if (!cluster_.replica(number).is_up()) continue;
    highest = std::max(highest, cluster_.seen_round(number));
  }
  return cluster_.leaders().LeaderOf(highest).value;
}

// What the application was shown of the block.
std::vector<std::string> SimulatedCluster::Impl::ShownAt(const storage::Store& store, Height height,
                                                         absl::Status* status,
                                                         uint64_t* time_us) const {
  std::vector<std::string> shown;
  const absl::StatusOr<consensus::BlockPtr> block = store.BlockAt(height);
  const absl::StatusOr<storage::BlockResults> results = store.ResultsAt(height);
  status->Update(block.status());
  status->Update(results.status());
  if (!status->ok()) return shown;
  *time_us = (*block)->header.time_us;
  const consensus::PayloadIndex& index = *(*block)->index;
  for (size_t i = 0; i < index.entries.size(); ++i) {
    if (results->replies[i].code >= Reply::kFirstEngineCode) continue;
    const absl::StatusOr<consensus::Envelope> envelope = consensus::DecodeEnvelope(
        index.EnvelopeAt(*(*block)->payload, i), cluster_.genesis().limits);
    KILN_CHECK_OK(envelope.status());
    if (!envelope->payload.empty()) shown.emplace_back(envelope->payload);
  }
  return shown;
}

absl::StatusOr<std::vector<sim::ShownBlock>> SimulatedCluster::Impl::History() const {
  const storage::Store* longest = nullptr;
  for (uint32_t number = 0; number < cluster_.size(); ++number) {
    const storage::Store* store = cluster_.replica(number).store();
    if (store == nullptr) continue;
    if (longest == nullptr || store->executed_state().height > longest->executed_state().height) {
      longest = store;
    }
  }
  if (longest == nullptr) return absl::UnavailableError("no validator is up");
  std::vector<sim::ShownBlock> history;
  const uint64_t executed = longest->executed_state().height.value;
  for (uint64_t height = 1; height <= executed; ++height) {
    absl::Status status;
    uint64_t time_us = 0;
    std::vector<std::string> shown = ShownAt(*longest, Height{height}, &status, &time_us);
    KILN_RETURN_IF_ERROR(status);
    history.push_back({.height = height,
                       .time = absl::FromUnixMicros(static_cast<int64_t>(time_us)),
                       .transactions = std::move(shown)});
  }
  return history;
}

absl::Status SimulatedCluster::Impl::CheckDeterminism(const DeterminismOptions& options) const {
  KILN_ASSIGN_OR_RETURN(std::vector<sim::ShownBlock> blocks, History());
  sim::SimRandom random(options_.seed);
  const std::vector<sim::ShownBlock> others = sim::RandomBlocksAfter(
      blocks, options.random_blocks, cluster_.genesis().limits.transaction_bytes_max, &random);
  blocks.insert(blocks.end(), others.begin(), others.end());
  const sim::ExecutionRuns runs = {
      .make_application = make_application_, .count = options.runs, .apart = options.apart};
  const absl::Status status = sim::CompareExecutions(blocks, runs, random.Fork());
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("seed ", options_.seed, ": ", status.message()));
}

// --- The public class

SimulatedCluster::SimulatedCluster(SimulatedClusterOptions options,
                                   MakeApplication make_application)
    : impl_(std::make_unique<Impl>(options, std::move(make_application))) {}

SimulatedCluster::~SimulatedCluster() = default;

absl::StatusOr<Receipt> SimulatedCluster::SubmitAndWait(absl::string_view payload) {
  return SubmitAndWait(Transaction{std::string(payload), impl_->NextKey()});
}

absl::StatusOr<Receipt> SimulatedCluster::SubmitAndWait(Transaction transaction) {
  KILN_ASSIGN_OR_RETURN(Impl::Answered answered,
                        impl_->Order({.key = std::move(transaction.key),
                                      .payload = std::move(transaction.payload),
                                      .is_barrier = false},
                                     std::nullopt));
  return std::move(answered.receipt);
}

void SimulatedCluster::Submit(absl::string_view payload) {
  impl_->SubmitAndForget(std::string(payload));
}

absl::StatusOr<std::string> SimulatedCluster::Query(absl::string_view query, Read level) {
  std::optional<uint32_t> validator;
  if (level == Read::kLinearizable) {
    KILN_ASSIGN_OR_RETURN(const Impl::Answered barrier,
                          impl_->Order(impl_->Barrier(), std::nullopt));
    validator = barrier.by;
  }
  for (uint32_t i = 0; i < size() && !validator.has_value(); ++i) {
    if (is_up(i)) validator = i;
  }
  if (!validator.has_value()) {
    return impl_->Failure(absl::StatusCode::kUnavailable, "no validator is up");
  }
  KILN_ASSIGN_OR_RETURN(Answer answer, impl_->Ask(*validator, query));
  return std::move(answer.value);
}

absl::StatusOr<Answer> SimulatedCluster::QueryAt(uint32_t validator, absl::string_view query,
                                                 Read level) {
  if (!is_up(validator)) return impl_->DownError(validator);
  if (level == Read::kLinearizable) {
    KILN_RETURN_IF_ERROR(impl_->Order(impl_->Barrier(), validator).status());
  }
  return impl_->Ask(validator, query);
}

void SimulatedCluster::RunFor(absl::Duration duration) {
  impl_->RunFor(duration);
}

absl::Status SimulatedCluster::RunUntilAgreement(absl::Duration timeout) {
  return impl_->RunUntilAgreement(timeout);
}

absl::Duration SimulatedCluster::elapsed() const {
  return absl::Microseconds(static_cast<int64_t>(impl_->now_us()));
}

uint32_t SimulatedCluster::size() const {
  return impl_->cluster().size();
}

uint32_t SimulatedCluster::leader() const {
  return impl_->Leader();
}

uint32_t SimulatedCluster::follower(uint32_t i) const {
  KILN_CHECK_LT(i + 1, size()) << "there are not as many followers";
  return i < leader() ? i : i + 1;
}

void SimulatedCluster::Silence(uint32_t validator) {
  impl_->BeginOnNetwork("mute", {validator});
}

void SimulatedCluster::Partition(const std::vector<uint32_t>& group) {
  impl_->BeginOnNetwork("partition", group);
}

void SimulatedCluster::SlowDisk(uint32_t validator, absl::Duration sync_time) {
  impl_->Check(validator);
  impl_->cluster().replica(validator).SetSyncTime(Micros(sync_time));
}

SimulatedCluster::Ended SimulatedCluster::Crash(uint32_t validator) {
  impl_->Crash(validator, CrashKind::kProcessOnly);
  return Ended(this, validator);
}

SimulatedCluster::Ended SimulatedCluster::LosePower(uint32_t validator) {
  impl_->Crash(validator, CrashKind::kPrefixKept);
  return Ended(this, validator);
}

SimulatedCluster::Ended SimulatedCluster::LoseUnsyncedWrites(uint32_t validator) {
  impl_->Crash(validator, CrashKind::kNoneKept);
  return Ended(this, validator);
}

SimulatedCluster::Ended SimulatedCluster::TearLastWrite(uint32_t validator) {
  impl_->Crash(validator, CrashKind::kTornRecord);
  return Ended(this, validator);
}

void SimulatedCluster::Restart(uint32_t validator) {
  impl_->Check(validator);
  impl_->cluster().Start(validator);
}

void SimulatedCluster::Heal() {
  impl_->Heal();
}

bool SimulatedCluster::is_up(uint32_t validator) const {
  impl_->Check(validator);
  return impl_->cluster().replica(validator).is_up();
}

absl::Status SimulatedCluster::WhyStopped(uint32_t validator) const {
  return impl_->seen(validator).why_stopped;
}

uint64_t SimulatedCluster::committed_height(uint32_t validator) const {
  return impl_->seen(validator).committed;
}

uint64_t SimulatedCluster::executed_height(uint32_t validator) const {
  return impl_->seen(validator).executed;
}

absl::StatusOr<Hash> SimulatedCluster::StateRoot(uint32_t validator) const {
  if (!is_up(validator)) return impl_->DownError(validator);
  return impl_->cluster().replica(validator).store()->executed_state().Root();
}

absl::StatusOr<std::map<std::string, std::string>> SimulatedCluster::StateOf(
    uint32_t validator) const {
  if (!is_up(validator)) return impl_->DownError(validator);
  const storage::Store::View view = impl_->cluster().replica(validator).store()->state_view();
  std::map<std::string, std::string> state;
  std::string from;
  while (true) {
    KILN_ASSIGN_OR_RETURN(auto entries, view.state->Scan(from, kStateScanStep));
    state.insert(entries.begin(), entries.end());
    if (entries.size() < kStateScanStep) return state;
    from = entries.back().first + '\0';
  }
}

std::string SimulatedCluster::Chart(size_t lines_max) const {
  return impl_->Chart(lines_max);
}

absl::Status SimulatedCluster::CheckDeterminism(const DeterminismOptions& options) const {
  KILN_CHECK_GE(options.runs, 2u) << "one run cannot be compared";
  return impl_->CheckDeterminism(options);
}

}  // namespace kiln::testing
