#include "sim/durability_oracle.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "consensus/block.h"

namespace kiln::sim {
namespace {

// What may be an answer to a broken disk or to a wrong folder. The others say that somebody did not
// think of it.
bool IsNamed(const absl::Status& why) {
  switch (why.code()) {
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kInternal:
      return !why.message().empty();
    default:
      return false;
  }
}

}  // namespace

DurabilityOracle::DurabilityOracle(Observed* observed)
    : observed_(observed), disks_(observed->replicas(), nullptr), found_(observed->replicas()) {}

void DurabilityOracle::OnStarted(uint32_t replica, const DurableView& disk,
                                 const absl::Status& why) {
  disks_.at(replica) = &disk;
  found_.at(replica).clear();
  if (why.ok()) return;
  CheckReason(replica, "refuses to start", why);
  // Crashes, torn last records and lost unsynced writes are what the store is made for.
  if (observed_->HasFault(replica, {"D3", "D4", "D5", "D6", "D8", "B3"})) return;
  observed_->Violated(
      "D-a", replica,
      absl::StrCat("refuses to start from a disk that only crashed: ", why.ToString()));
}

void DurabilityOracle::OnCrashed(uint32_t replica) {
  found_.at(replica).clear();
}

void DurabilityOracle::OnStopped(uint32_t replica, const absl::Status& why) {
  CheckReason(replica, "stops itself", why);
  if (observed_->HasFault(replica, {"D3", "D4", "D5", "D6", "D8", "B3"})) return;
  observed_->Violated("S13", replica,
                      absl::StrCat("stops itself although its disk is whole: ", why.ToString()));
}

void DurabilityOracle::OnRecovered(uint32_t replica) {
  found_.at(replica).clear();
  lost_.insert(observed_->ValidatorOf(replica).value);
}

void DurabilityOracle::CheckReason(uint32_t replica, absl::string_view what,
                                   const absl::Status& why) {
  if (IsNamed(why)) return;
  observed_->Violated("D-a", replica,
                      absl::StrCat(what, " without a named error: ", why.ToString()));
}

// --- S7

void DurabilityOracle::OnSent(uint32_t replica, uint64_t now_us, const consensus::Message& message,
                              const consensus::SafetyRecord* record) {
  CheckAfterFailedSync(replica, "sends a message");
  const auto* vote = std::get_if<consensus::Vote>(&message);
  const auto* timeout = std::get_if<consensus::Timeout>(&message);
  const auto* proposal = std::get_if<consensus::Proposal>(&message);
  const auto* standing = std::get_if<consensus::Standing>(&message);
  const auto* certificates = std::get_if<consensus::Certificates>(&message);
  if (certificates != nullptr && record != nullptr) {
    CheckOwnVoteIn(replica, certificates->high_qc, *record);
  }
  if (vote == nullptr && timeout == nullptr && proposal == nullptr && standing == nullptr) return;
  if (record == nullptr) {
    return observed_->Violated("S7", replica, "signs while no safety record is durable");
  }
  if (proposal != nullptr) CheckOwnVoteIn(replica, proposal->block->justify, *record);
  if (vote != nullptr) CheckVote(replica, now_us, *vote, *record);
  if (timeout != nullptr && record->last_timeout != *timeout &&
      record->last_voted_round <= timeout->round) {
    observed_->Violated(
        "S7", replica,
        absl::StrCat("sends a timeout of round ", timeout->round.value, " that is not durable"));
  }
  if (standing != nullptr && (record->last_voted_round < standing->last_voted_round ||
                              record->high_qc.round < standing->high_qc.round)) {
    observed_->Violated("S7", replica, "tells where it stands before that is durable");
  }
  // Those who vote for its block keep it: a proposal promises nothing but that there is no other.
  if (proposal != nullptr && record->last_proposed_round < proposal->block->header.round) {
    observed_->Violated("S7", replica,
                        absl::StrCat("proposes before it is durable that it does: ",
                                     Describe(proposal->block->header.round, proposal->block->id)));
  }
}

// A vote leaves within a certificate, too.
void DurabilityOracle::CheckOwnVoteIn(uint32_t replica, const consensus::QuorumCertificate& qc,
                                      const consensus::SafetyRecord& record) {
  if (!qc.signers.Contains(observed_->ValidatorOf(replica))) return;
  if (record.last_voted_round >= qc.round) return;
  observed_->Violated("S7", replica,
                      absl::StrCat("sends a certificate of round ", qc.round.value,
                                   " with a vote of its own that is not durable"));
}

void DurabilityOracle::CheckVote(uint32_t replica, uint64_t now_us, const consensus::Vote& vote,
                                 const consensus::SafetyRecord& record) {
  // A later signature's record covers it: nothing can be signed in its round any more.
  if (record.last_vote != vote && record.last_voted_round <= vote.round) {
    observed_->Violated(
        "S7", replica,
        absl::StrCat("sends a vote that is not durable: ", Describe(vote.round, vote.block_id)));
  }
  CheckChain(replica, now_us, vote.block_id);
}

void DurabilityOracle::CheckChain(uint32_t replica, uint64_t now_us, const Hash& id) {
  const DurableView* const disk = disks_.at(replica);
  if (disk == nullptr) return observed_->Violated("S7", replica, "signs before it started");
  std::vector<Hash> walked;
  std::optional<uint64_t> head;  // read once, when there is anything to find
  const SeenBlock* seen = observed_->Find(id);
  while (seen != nullptr && !found_[replica].contains(seen->block->id)) {
    const consensus::Block& block = *seen->block;
    if (!head.has_value()) {
      const absl::StatusOr<Height> committed = disk->CommittedHeight(now_us);
      head = committed.ok() ? committed->value : 0;
    }
    // What is not above the head is committed, and durable as such, or was decided against.
    if (block.header.height.value <= *head) break;
    if (!Holds(replica, now_us, block)) {
      return observed_->Violated("S7", replica,
                                 absl::StrCat("signs on a block that is not durable: ",
                                              Describe(block.header.round, block.id)));
    }
    walked.push_back(block.id);
    seen = observed_->Find(block.header.parent_id);
  }
  found_[replica].insert(walked.begin(), walked.end());
  if (found_[replica].size() > 4096) found_[replica].clear();
}

bool DurabilityOracle::Holds(uint32_t replica, uint64_t now_us,
                             const consensus::Block& block) const {
  const DurableView& disk = *disks_[replica];
  const bool has_payload = block.has_transactions();
  return disk.HasBlock(block.header.height, block.id, now_us) &&
         (!has_payload || disk.HasPayload(block.header.height, block.id, now_us));
}

// --- D-b, D-d

void DurabilityOracle::OnCommitted(uint32_t replica) {
  CheckAfterFailedSync(replica, "commits");
}

void DurabilityOracle::OnAnswered(uint32_t replica, uint64_t now_us,
                                  const absl::StatusOr<Receipt>& answer) {
  if (!answer.ok()) return;
  CheckAfterFailedSync(replica, "answers a client with a receipt");
  // Once is enough for each height, and the lower ones were voted for before.
  if (answer->height <= acked_height_) return;
  acked_height_ = answer->height;
  std::set<uint32_t> holders;
  uint128 power = 0;
  for (uint32_t other = 0; other < disks_.size(); ++other) {
    if (!observed_->IsHonest(other) || disks_[other] == nullptr) continue;
    if (!disks_[other]->HasBlock(Height{answer->height}, answer->proof.block_id, now_us)) continue;
    if (holders.insert(observed_->ValidatorOf(other).value).second) {
      power += observed_->PowerOf(observed_->ValidatorOf(other));
    }
  }
  // A quorum voted for the block, of which at most f is dishonest: Q = 2W/3 + 1 and f = (W - 1)/3,
  // rounded down.
  const uint128 total = observed_->total_power();
  uint128 needed = 2 * total / 3 + 1 - (total - 1) / 3;
  for (const uint32_t lost : lost_) needed -= std::min<uint128>(needed, observed_->PowerOf({lost}));
  if (power >= needed) return;
  observed_->Violated(
      "D-b", replica,
      absl::StrCat("acknowledged height ", answer->height,
                   ", which is durable on honest disks of power ", static_cast<uint64_t>(power),
                   " of ", static_cast<uint64_t>(needed)));
}

void DurabilityOracle::CheckAfterFailedSync(uint32_t replica, absl::string_view what) {
  const DurableView* const disk = disks_.at(replica);
  if (disk == nullptr || !disk->SyncFailed()) return;
  observed_->Violated("D-d", replica, absl::StrCat(what, " after a sync failed"));
}

}  // namespace kiln::sim
