// kiln recover: the way back after the safety record was lost.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "consensus/leader_election.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "crypto/ed25519.h"
#include "crypto/nonce.h"
#include "kiln/node.h"
#include "network/peer_transport.h"
#include "node/key_lock.h"
#include "node/node_options.h"
#include "node/peer_options.h"
#include "node/standing_query.h"
#include "storage/data_dir.h"
#include "storage/lost_record.h"
#include "storage/rocksdb_database.h"
#include "tools/command.h"
#include "tools/describe_safety.h"
#include "tools/interrupt.h"
#include "tools/offline_home.h"

namespace kiln::tools {
namespace {

using consensus::SafetyRecord;
using node::StandingAnswer;
using node::StandingQuery;

struct RecoverArguments {
  std::string home;
  PassphraseSource passphrase;
  bool old_copy = false;
  double timeout_s = 60;
  bool yes = false;
  bool json = false;
};

// Who the home belongs to. The lock keeps a node of the same key from starting meanwhile.
struct Identity {
  NodeOptions options;
  consensus::ValidatorSet validators;
  node::NodeKeys keys;
  node::KeyLock lock;

  const std::string& name() const { return validators.at(keys.self).name; }
};

absl::StatusOr<Identity> ReadIdentity(const RecoverArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(NodeOptions options, NodeOptions::FromHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(options.key_passphrase, ReadPassphrase(arguments.passphrase));
  KILN_ASSIGN_OR_RETURN(consensus::ValidatorSet validators,
                        consensus::ValidatorSet::FromGenesis(options.genesis));
  KILN_ASSIGN_OR_RETURN(node::NodeKeys keys, node::LoadNodeKeys(options));
  KILN_ASSIGN_OR_RETURN(node::KeyLock lock, node::KeyLock::Acquire(keys.consensus.public_key(),
                                                                   validators.at(keys.self).name));
  return Identity{std::move(options), std::move(validators), std::move(keys), std::move(lock)};
}

// --- The folder

struct Folder {
  std::shared_ptr<storage::RocksDb> database;  // null when there is no ledger
  storage::RecordRemains remains;
};

absl::StatusOr<Folder> OpenFolder(const Identity& identity, bool yes) {
  const std::string& dir = identity.options.data_dir;
  const Genesis& genesis = identity.options.genesis;
  const absl::Status there = storage::RequireLedger(dir);
  if (absl::IsNotFound(there)) return Folder{nullptr, storage::NoRemains(genesis)};
  KILN_RETURN_IF_ERROR(there);
  const auto access = yes ? storage::Access::kReadWrite : storage::Access::kReadOnly;
  KILN_ASSIGN_OR_RETURN(std::shared_ptr<storage::RocksDb> database,
                        storage::OpenRocksDbDatabase(dir, access, /*env=*/nullptr));
  KILN_ASSIGN_OR_RETURN(storage::RecordRemains remains,
                        storage::FindRecordRemains(*database, genesis, identity.keys.self,
                                                   consensus::Ed25519Verifier()));
  return Folder{std::move(database), std::move(remains)};
}

absl::Status Write(const Identity& identity, Folder* folder, const SafetyRecord& record) {
  if (folder->database == nullptr) {
    KILN_ASSIGN_OR_RETURN(
        folder->database,
        storage::OpenRocksDbDatabase(identity.options.data_dir, storage::Access::kReadWrite,
                                     /*env=*/nullptr));
  }
  return storage::WriteRecoveredRecord(folder->database.get(), identity.options.genesis,
                                       identity.keys.self, record, consensus::Ed25519Verifier());
}

absl::Status CheckNeed(const Folder& folder, const RecoverArguments& arguments,
                       const std::string& dir) {
  if (!folder.remains.record.ok() || arguments.old_copy) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      dir,
      ": the safety record is whole and fits the ledger: start the node. Only if the folder is "
      "an older copy of what this validator signed with last, repeat this with --old-copy"));
}

// --- The question

// A query that gRPC's threads feed.
class Asker final : public network::PeerHandler {
 public:
  Asker(const Identity& identity, const SafetyRecord& known)
      : identity_(identity),
        leaders_(identity.validators),
        query_(identity.options.genesis, identity.keys.self, &identity.validators, &leaders_,
               &signatures_, crypto::FreshNonce(), known,
               [this](ValidatorIndex to, network::FramePtr frame) {
                 if (transport_ != nullptr) transport_->Send(to, std::move(frame));
               }) {}
  ~Asker() override {
    if (transport_ != nullptr) transport_->Stop();
  }

  absl::Status Start() {
    KILN_ASSIGN_OR_RETURN(
        auto transport,
        network::PeerTransport::Start(
            node::MakePeerOptions(identity_.options, identity_.keys, identity_.validators), this));
    absl::MutexLock lock(&mutex_);
    transport_ = std::move(transport);
    return absl::OkStatus();
  }

  // True once enough have answered.
  bool AskAndWait(absl::Duration patience) {
    absl::MutexLock lock(&mutex_);
    query_.AskAgain();
    const auto enough = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return query_.recovery().HasQuorum();
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), patience);
  }

  bool IsPossible() {
    absl::MutexLock lock(&mutex_);
    return query_.recovery().IsPossible();
  }
  SafetyRecord Adopt() {
    absl::MutexLock lock(&mutex_);
    return query_.recovery().Adopt();
  }
  uint64_t power() {
    absl::MutexLock lock(&mutex_);
    return query_.recovery().power();
  }
  // What a validator said, or why it says nothing.
  StandingAnswer AnswerOf(ValidatorIndex index) {
    const std::vector<network::PeerConnectionStatus> peers = transport_->status();
    absl::MutexLock lock(&mutex_);
    const std::optional<StandingAnswer>& answer = query_.answers().at(index.value);
    if (answer.has_value()) return *answer;
    const network::PeerConnectionStatus& peer = peers.at(index.value);
    if (peer.connected) return {absl::UnavailableError("connected, no answer yet"), {}};
    return {absl::UnavailableError(peer.last_error.empty()
                                       ? "not connected"
                                       : absl::StrCat("not connected: ", peer.last_error)),
            {}};
  }

 private:
  bool OnFrame(ValidatorIndex from, network::Frame frame) override {
    absl::MutexLock lock(&mutex_);
    query_.Handle(from, std::move(frame));
    return true;
  }
  void OnConnected(ValidatorIndex peer) override {
    absl::MutexLock lock(&mutex_);
    query_.Connected(peer);
  }
  void OnDisconnected(ValidatorIndex) override {}

  const Identity& identity_;
  const consensus::Ed25519Verifier signatures_;
  const consensus::LeaderElection leaders_;
  absl::Mutex mutex_;
  StandingQuery query_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<network::PeerTransport> transport_;  // set once, by Start
};

// One line of progress for every validator whose answer changed.
class AnswerLog {
 public:
  AnswerLog(const Identity& identity, Asker* asker)
      : identity_(identity), asker_(asker), shown_(identity.validators.size()) {}

  void Show() {
    for (uint32_t i = 0; i < shown_.size(); ++i) {
      if (ValidatorIndex{i} == identity_.keys.self) continue;
      const StandingAnswer answer = asker_->AnswerOf({i});
      std::string line = answer.counts.ok() ? absl::StrCat("stands in round ", answer.round.value)
                                            : std::string(answer.counts.message());
      if (line == shown_[i]) continue;
      const consensus::Validator& validator = identity_.validators.at({i});
      std::fprintf(stderr, "%s (power %llu): %s\n", validator.name.c_str(),
                   static_cast<unsigned long long>(validator.power), line.c_str());
      shown_[i] = std::move(line);
    }
  }

 private:
  const Identity& identity_;
  Asker* const asker_;
  std::vector<std::string> shown_;
};

absl::Status TooFew(const Identity& identity, uint64_t power) {
  return absl::UnavailableError(
      absl::StrCat("validators with power ", power, " of ", identity.validators.total_power(),
                   " answered, more than two thirds are needed without ", identity.name(),
                   ": see above why the others do not count, start them, and repeat this"));
}

absl::StatusOr<SafetyRecord> AskTheOthers(const Identity& identity, const SafetyRecord& known,
                                          absl::Duration patience) {
  Asker asker(identity, known);
  if (!asker.IsPossible()) {
    return absl::FailedPreconditionError(
        absl::StrCat("without ", identity.name(),
                     " the other validators have no more than two thirds of the "
                     "voting power: they cannot vouch for what it signed"));
  }
  KILN_RETURN_IF_ERROR(asker.Start());
  AnswerLog log(identity, &asker);
  WatchForInterrupts();
  const absl::Time deadline = absl::Now() + patience;
  while (!asker.AskAndWait(absl::Microseconds(StandingQuery::kAskEveryUs))) {
    log.Show();
    if (Interrupted()) return absl::CancelledError("interrupted; nothing was changed");
    if (absl::Now() >= deadline) return TooFew(identity, asker.power());
  }
  log.Show();
  return asker.Adopt();
}

// --- The command

void PrintOutcome(const RecoverArguments& arguments, const Identity& identity, const Folder& folder,
                  const SafetyRecord& record) {
  if (arguments.json) {
    nlohmann::ordered_json json = {{"validator", identity.name()}};
    json["found"] = std::string(folder.remains.record.message());
    json["abstains_up_to_round"] = record.last_voted_round.value;
    json["written"] = arguments.yes;
    json["record"] = SafetyJson(record);
    return PrintJson(json);
  }
  PrintSafety(record);
  std::printf("\n%s abstains in all rounds up to %llu: it may have signed in them\n",
              identity.name().c_str(),
              static_cast<unsigned long long>(record.last_voted_round.value));
  if (arguments.yes) {
    std::printf("Written: start it with `kiln node --home %s`\n", arguments.home.c_str());
  } else {
    std::printf("%s\n", kDryRunNote);
  }
}

absl::Status Recover(const RecoverArguments& arguments) {
  SetLogLevel(LogLevel::kError);
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  KILN_ASSIGN_OR_RETURN(const Identity identity, ReadIdentity(arguments));
  KILN_ASSIGN_OR_RETURN(Folder folder, OpenFolder(identity, arguments.yes));
  KILN_RETURN_IF_ERROR(CheckNeed(folder, arguments, identity.options.data_dir));
  KILN_ASSIGN_OR_RETURN(
      const SafetyRecord record,
      AskTheOthers(identity, folder.remains.known, absl::Seconds(arguments.timeout_s)));
  if (arguments.yes) KILN_RETURN_IF_ERROR(Write(identity, &folder, record));
  PrintOutcome(arguments, identity, folder, record);
  return absl::OkStatus();
}

}  // namespace

void AddRecoverCommand(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<RecoverArguments>();
  CLI::App* command = app.add_subcommand(
      "recover", "Ask the other validators what this one may still sign, when its record is lost");
  AddOfflineHomeOption(command, &arguments->home);
  AddPassphraseOptions(command, &arguments->passphrase);
  command->add_flag("--old-copy", arguments->old_copy,
                    "The folder is an older copy: raise its record although it looks whole");
  command->add_option("--timeout", arguments->timeout_s, "Seconds to wait for the others' answers")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  AddYesOption(command, &arguments->yes);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "For a validator whose safety record or whole data folder is lost. More than two thirds of\n"
      "the voting power must answer without it. It then abstains for the next rounds, in which it\n"
      "may have signed; nothing else may run with its key. docs/recovery.md says why that is "
      "safe.\n\n"
      "Example: kiln recover --home net/validator-0 --yes");
  SetAction(command, context, [arguments] { return Recover(*arguments); });
}

}  // namespace kiln::tools
