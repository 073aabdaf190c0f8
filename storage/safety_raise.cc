#include "storage/safety_raise.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/leader_election.h"
#include "consensus/safety_rules.h"
#include "consensus/validator_set.h"
#include "consensus/verifier.h"
#include "storage/database.h"
#include "storage/no_signer.h"
#include "storage/recovery.h"
#include "storage/schema.h"

namespace kiln::storage {
namespace {

using consensus::SafetyRecord;

template <typename Signed>
absl::StatusOr<std::optional<Signed>> LaterOf(absl::string_view what,
                                              const std::optional<Signed>& a,
                                              const std::optional<Signed>& b) {
  if (!a.has_value()) return b;
  if (!b.has_value()) return a;
  if (a->round != b->round) return a->round > b->round ? a : b;
  if (*a == *b) return a;
  return absl::FailedPreconditionError(
      absl::StrCat("the two records hold different ", what, "s for round ", a->round.value,
                   ": this key was used by two processes; keep this validator down"));
}

absl::Status NotItsOwn(absl::string_view what, const absl::Status& cause) {
  return absl::InvalidArgumentError(
      absl::StrCat("the ", what, " in the record is not this validator's: ", cause.message()));
}

absl::Status CheckSignatures(ValidatorIndex self, const SafetyRecord& record,
                             consensus::MessageVerifier& verifier) {
  KILN_RETURN_IF_ERROR(verifier.VerifyQuorumCertificate(record.high_qc));
  if (record.last_tc.has_value()) {
    KILN_RETURN_IF_ERROR(verifier.VerifyTimeoutCertificate(*record.last_tc));
  }
  if (record.last_vote.has_value()) {
    const absl::Status vote = verifier.Verify(self, *record.last_vote).status();
    if (!vote.ok()) return NotItsOwn("last vote", vote);
  }
  if (record.last_timeout.has_value()) {
    const absl::Status timeout = verifier.Verify(self, *record.last_timeout).status();
    if (!timeout.ok()) return NotItsOwn("last timeout", timeout);
  }
  return absl::OkStatus();
}

absl::Status CheckKnowledge(ValidatorIndex self, const SafetyRecord& record, const Hash& chain_id) {
  NoSigner signer;
  const consensus::SafetyRules rules(chain_id, self, &signer, record);
  const bool knows_tc = !record.last_tc.has_value() || rules.Knows(*record.last_tc);
  if (rules.Knows(record.high_qc) && knows_tc) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a certificate in the record has a signature of this validator that the record does not "
      "know: the key was used after the record was written");
}

}  // namespace

absl::StatusOr<SafetyRecord> RaiseSafetyRecord(const SafetyRecord& record, const SafetyRecord& by) {
  if (record.epoch != by.epoch) {
    return absl::FailedPreconditionError(
        absl::StrCat("the records are of epochs ", record.epoch.value, " and ", by.epoch.value));
  }
  SafetyRecord raised = record;
  raised.last_voted_round = std::max(record.last_voted_round, by.last_voted_round);
  raised.locked_qc_round = std::max(record.locked_qc_round, by.locked_qc_round);
  raised.last_proposed_round = std::max(record.last_proposed_round, by.last_proposed_round);
  if (by.high_qc.round > record.high_qc.round) raised.high_qc = by.high_qc;
  const Round tc_round = record.last_tc.has_value() ? record.last_tc->round : Round{0};
  if (by.last_tc.has_value() && by.last_tc->round > tc_round) raised.last_tc = by.last_tc;
  KILN_ASSIGN_OR_RETURN(raised.last_vote, LaterOf("vote", record.last_vote, by.last_vote));
  KILN_ASSIGN_OR_RETURN(raised.last_timeout,
                        LaterOf("timeout", record.last_timeout, by.last_timeout));
  const SafetyRecord& later = record.last_voted_round < by.last_voted_round ? by : record;
  const SafetyRecord& earlier = record.last_voted_round < by.last_voted_round ? record : by;
  const bool same_round = record.last_voted_round == by.last_voted_round;
  if (ForgetsLastRound(later) || (same_round && ForgetsLastRound(earlier))) {
    raised.last_vote.reset();  // a record that forgets its last round abstains in it
    raised.last_timeout.reset();
  }
  return raised;
}

absl::Status CheckRecordOf(ValidatorIndex self, const SafetyRecord& record, const Genesis& genesis,
                           const consensus::SignatureVerifier& signatures) {
  KILN_ASSIGN_OR_RETURN(const consensus::ValidatorSet validators,
                        consensus::ValidatorSet::FromGenesis(genesis));
  const consensus::LeaderElection leaders(validators);
  consensus::MessageVerifier verifier(genesis, &validators, &leaders, Epoch{1}, &signatures);
  KILN_RETURN_IF_ERROR(CheckSignatures(self, record, verifier));
  return CheckKnowledge(self, record, genesis.ChainId());
}

absl::Status CheckReplacement(const Database& database, const Genesis& genesis, ValidatorIndex self,
                              const SafetyRecord& record) {
  KILN_RETURN_IF_ERROR(LoadLedger(database, genesis, record).status());
  return CheckKnowledge(self, record, genesis.ChainId());
}

absl::Status ReplaceSafetyRecord(Database* database, const SafetyRecord& record) {
  const std::string bytes = consensus::Encode(record);
  KILN_CHECK_OK(consensus::DecodeSafetyRecord(bytes).status());
  const std::unique_ptr<WriteBatch> batch = database->NewBatch(bytes.size());
  batch->PutSealed(Family::kSafety, kSafetyKey, bytes);
  return database->Write(batch.get(), Durability::kSynced);
}

}  // namespace kiln::storage
