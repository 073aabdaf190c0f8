#include "sim/observer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "consensus/safety_record.h"
#include "sim/accountability_oracle.h"
#include "sim/agreement_oracle.h"
#include "sim/certificates_oracle.h"
#include "sim/durability_oracle.h"
#include "sim/evidence_oracle.h"
#include "sim/finality_oracle.h"
#include "sim/liveness_oracle.h"
#include "sim/observed.h"
#include "sim/reference_execution.h"
#include "sim/resources_oracle.h"
#include "sim/sim_disk_view.h"
#include "sim/throughput_oracle.h"
#include "sim/vote_rules_oracle.h"

namespace kiln::sim {
namespace {

// Hands each event to the oracles that it concerns. What dishonest replicas do reaches those alone
// that look at what was signed by whom.
class AllOracles final : public Observer {
 public:
  explicit AllOracles(ObserverContext context)
      : observed_(std::move(context)),
        reference_(observed_.genesis()),
        evidence_(&observed_),
        certificates_(&observed_, &evidence_),
        votes_(&observed_, &certificates_, [this](uint64_t h) { return reference_.RootAt(h); }),
        durability_(&observed_),
        agreement_(&observed_, &reference_),
        finality_(&observed_),
        resources_(&observed_),
        liveness_(&observed_),
        throughput_(&observed_),
        accountability_(&observed_),
        replicas_(observed_.replicas()) {}

  void OnStarted(uint32_t replica, uint64_t now_us, SimDisk* disk, const storage::Store* store,
                 const absl::Status& why) override {
    if (store != nullptr) observed_.NoteStored(*store);
    if (!observed_.IsHonest(replica)) return;
    SimDiskView& view = ViewOf(replica, disk);
    durability_.OnStarted(replica, view, why);
    if (!why.ok()) {
      view.ForgetFailures();
      return liveness_.OnEnded(replica, why.ToString());
    }
    if (const consensus::SafetyRecord* record = RecordOf(replica, view, now_us)) {
      votes_.OnRecord(replica, *record);
    }
    agreement_.OnStarted(replica, *store);
    liveness_.OnCommitted(replica, now_us, Height{agreement_.CommittedOf(replica)});
  }

  void OnCrashed(uint32_t replica, uint64_t) override {
    if (!observed_.IsHonest(replica)) return;
    End(replica, "");
    durability_.OnCrashed(replica);
  }

  void OnStopped(uint32_t replica, uint64_t, const absl::Status& why) override {
    if (!observed_.IsHonest(replica)) return;
    durability_.OnStopped(replica, why);
    End(replica, why.ToString());
  }

  void OnRecovered(uint32_t replica, const consensus::SafetyRecord& record) override {
    if (!observed_.IsHonest(replica)) return;
    replicas_.at(replica).record = record;
    evidence_.OnRecovered(observed_.ValidatorOf(replica), record.last_voted_round);
    votes_.OnRecovered(replica, record);
    durability_.OnRecovered(replica);
    agreement_.OnRecovered(replica);
    liveness_.OnRecovered(replica);
  }

  void OnSent(uint32_t replica, uint64_t now_us, std::optional<ValidatorIndex>,
              const consensus::Message& message, SimDisk* disk) override {
    Note(replica, message);
    evidence_.OnSent(replica, message);
    certificates_.OnSent(replica, message);
    if (!observed_.IsHonest(replica)) return;
    const consensus::SafetyRecord* record = nullptr;
    if (IsSigned(message) || std::holds_alternative<consensus::Certificates>(message)) {
      record = RecordOf(replica, ViewOf(replica, disk), now_us);
      if (record != nullptr) votes_.OnRecord(replica, *record);
      if (record != nullptr) accountability_.OnRecord(*record);
    }
    if (const auto* vote = std::get_if<consensus::Vote>(&message)) accountability_.OnVote(*vote);
    durability_.OnSent(replica, now_us, message, record);
    votes_.OnSent(replica, now_us, message);
  }

  void OnStatus(uint32_t replica, uint64_t now_us,
                const consensus::ReplicaStatus& status) override {
    if (!observed_.IsHonest(replica)) return;
    agreement_.OnStatus(replica, status);
    liveness_.OnStatus(replica, now_us, status);
    highest_round_ = std::max(highest_round_, status.round.value);
  }

  void OnCommitted(uint32_t replica, uint64_t now_us, Height height,
                   const storage::Store& store) override {
    if (!observed_.IsHonest(replica)) return;
    durability_.OnCommitted(replica);
    agreement_.OnCommitted(replica, height, store);
    finality_.OnCommitted(replica, Height{agreement_.CommittedOf(replica)}, store);
    liveness_.OnCommitted(replica, now_us, Height{agreement_.CommittedOf(replica)});
    throughput_.OnCommitted(replica, now_us, Height{agreement_.CommittedOf(replica)});
  }

  void OnExecuted(uint32_t replica, uint64_t, Height height, const storage::Store& store) override {
    if (observed_.IsHonest(replica)) agreement_.OnExecuted(replica, height, store);
    liveness_.OnExecuted(replica, height);
  }

  void OnSubmitted(uint32_t replica, uint64_t now_us, const Hash& id, absl::string_view,
                   absl::string_view) override {
    reference_.NoteSubmitted(id);
    liveness_.OnSubmitted(replica, now_us, id);
  }

  void OnAnswered(uint32_t replica, uint64_t now_us, const Hash& id,
                  const absl::StatusOr<Receipt>& answer) override {
    if (!observed_.IsHonest(replica)) return;
    durability_.OnAnswered(replica, now_us, answer);
    agreement_.OnAnswered(replica, id, answer);
    liveness_.OnAnswered(replica, id, answer);
  }

  void OnQueue(uint32_t replica, uint64_t, absl::string_view name, uint64_t length,
               uint64_t length_max) override {
    if (observed_.IsHonest(replica)) resources_.OnQueue(replica, name, length, length_max);
  }

  void OnTraffic(uint32_t replica, ValidatorIndex peer, uint64_t bytes_received,
                 uint64_t bytes_sent) override {
    if (!observed_.IsHonest(replica)) return;
    resources_.OnTraffic(replica, peer, bytes_received, bytes_sent);
  }

  void OnHealed(uint64_t now_us, const std::vector<bool>& is_up) override {
    liveness_.OnHealed(now_us, is_up);
  }

  bool IsSatisfied(uint64_t) const override { return liveness_.IsSatisfied(); }

  void OnEnd(uint64_t now_us, const std::vector<const storage::Store*>& stores) override {
    liveness_.OnEnd(now_us);
    throughput_.OnEnd(now_us);
    for (uint32_t replica = 0; replica < stores.size(); ++replica) {
      if (stores[replica] == nullptr || !observed_.IsHonest(replica)) continue;
      agreement_.OnEnd(replica, *stores[replica]);
      finality_.OnEnd(replica, *stores[replica]);
      accountability_.OnEnd(*stores[replica]);
    }
    accountability_.Judge();
  }

  uint64_t highest_committed() const override { return observed_.highest_committed(); }
  uint64_t highest_round() const override { return highest_round_; }

 private:
  struct Replica {
    std::unique_ptr<SimDiskView> view;
    // The newest that could be read: rot may make it unreadable until the next is written.
    std::optional<consensus::SafetyRecord> record;
  };

  static bool IsSigned(const consensus::Message& message) {
    return std::holds_alternative<consensus::Vote>(message) ||
           std::holds_alternative<consensus::Timeout>(message) ||
           std::holds_alternative<consensus::Proposal>(message) ||
           std::holds_alternative<consensus::Standing>(message);
  }

  SimDiskView& ViewOf(uint32_t replica, SimDisk* disk) {
    std::unique_ptr<SimDiskView>& view = replicas_.at(replica).view;
    if (view == nullptr) view = std::make_unique<SimDiskView>(disk);
    return *view;
  }

  const consensus::SafetyRecord* RecordOf(uint32_t replica, const DurableView& view,
                                          uint64_t now_us) {
    std::optional<consensus::SafetyRecord>& known = replicas_[replica].record;
    const absl::StatusOr<const consensus::SafetyRecord*> record = view.Safety(now_us);
    if (record.ok() && known != **record) known = **record;
    if (absl::IsNotFound(record.status())) known.reset();
    return known.has_value() ? &*known : nullptr;
  }

  void Note(uint32_t replica, const consensus::Message& message) {
    bool is_sound = true;
    if (const auto* proposal = std::get_if<consensus::Proposal>(&message)) {
      is_sound = observed_.Note(*proposal);
    } else if (const auto* blocks = std::get_if<consensus::Blocks>(&message)) {
      for (const consensus::BlockPtr& block : blocks->blocks) is_sound &= observed_.Note(block);
    }
    if (is_sound || !observed_.IsHonest(replica)) return;
    observed_.Violated("S5", replica, "sends a block under an id that is not its own");
  }

  void End(uint32_t replica, const std::string& why) {
    if (replicas_[replica].view != nullptr) replicas_[replica].view->ForgetFailures();
    liveness_.OnEnded(replica, why);
  }

  Observed observed_;
  ReferenceExecution reference_;
  EvidenceOracle evidence_;
  CertificatesOracle certificates_;
  VoteRulesOracle votes_;
  DurabilityOracle durability_;
  AgreementOracle agreement_;
  FinalityOracle finality_;
  ResourcesOracle resources_;
  LivenessOracle liveness_;
  ThroughputOracle throughput_;
  AccountabilityOracle accountability_;
  std::vector<Replica> replicas_;
  uint64_t highest_round_ = 0;
};

}  // namespace

std::unique_ptr<Observer> MakeObserver(ObserverContext context) {
  return std::make_unique<AllOracles>(std::move(context));
}

}  // namespace kiln::sim
