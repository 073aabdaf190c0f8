// S2, S6 and S8: what an honest replica may sign.
#ifndef KILN_SIM_VOTE_RULES_ORACLE_H_
#define KILN_SIM_VOTE_RULES_ORACLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "consensus/messages.h"
#include "consensus/safety_record.h"
#include "kiln/types.h"
#include "sim/certificates_oracle.h"
#include "sim/observed.h"

namespace kiln::sim {

// Follows every honest replica's durable safety record and all that it sends, over its whole life,
// restarts included:
//   S2  "last_voted_round, locked.round, high_qc.round and epoch never decrease, across restarts."
//   S6  "At most one vote per (epoch, round); vote rounds strictly increase; no vote in round <= v
//       after a timeout for v; no two different timeouts for v."
//   S8  "Each vote satisfies the protocol rule re-evaluated from durable state": rules 1, 2 and 4
//   of
//       docs/protocol.md, "Voting", from the block, its chain and its TC as somebody sent them, and
//       rule 3, with the order of votes and timeouts, from one durable record to the next. The own
//       clock of rule 1 is the latest that the voter's may have shown when the vote leaves.
// Not thread-safe.
class VoteRulesOracle {
 public:
  // The state root that the chain's transactions give at a height; none while that is not known.
  using RootAt = std::function<std::optional<Hash>(uint64_t height)>;

  VoteRulesOracle(Observed* observed, CertificatesOracle* certificates, RootAt root_at);

  // The record that is durable now. REQUIRES: comes before OnSent of a message that leaves now.
  void OnRecord(uint32_t replica, const consensus::SafetyRecord& record);
  // REQUIRES: the blocks in `message` were noted.
  // The record is new, the signatures of before count all the same.
  void OnRecovered(uint32_t replica, const consensus::SafetyRecord& record);
  void OnSent(uint32_t replica, uint64_t now_us, const consensus::Message& message);

 private:
  struct Life {
    std::optional<consensus::SafetyRecord> record;
    std::optional<consensus::Vote> last_vote;        // the newest sent
    std::optional<consensus::Timeout> last_timeout;  // the newest sent
    // The vote that was durable when that timeout was sent first; none when the record was past
    // that round already, because one write may cover several steps.
    std::optional<std::optional<consensus::Vote>> vote_at_timeout;
    std::optional<consensus::Vote> unjudged;  // durable, but its block was not seen yet
    Round last_proposed_round;                // of what was sent
    Round abstains_up_to;                     // since its record was lost and recovered
  };

  void CheckNoRegress(uint32_t replica, const consensus::SafetyRecord& before,
                      const consensus::SafetyRecord& after);
  void CheckSigned(uint32_t replica, const consensus::SafetyRecord& before,
                   const consensus::SafetyRecord& after);
  void OnVote(uint32_t replica, uint64_t now_us, const consensus::Vote& vote);
  void OnTimeout(uint32_t replica, const consensus::Timeout& timeout);

  void CheckVote(uint32_t replica, uint64_t now_us, const consensus::Vote& vote);
  // Empty when the vote's block may be voted for at all.
  std::string JudgeVote(const consensus::Vote& vote);
  std::string JudgeLink(const consensus::Block& block, const consensus::Block& parent) const;
  std::string JudgeExecution(const consensus::Block& block, const consensus::Block& parent) const;
  std::string JudgeExtension(const SeenBlock& seen, ValidatorIndex voter);
  // Empty when the replica's clock let it vote.
  std::string JudgeTime(uint32_t replica, uint64_t now_us, const consensus::Vote& vote) const;
  // The height that the QCs in the chain up to `parent` and the one for it commit; none when too
  // little of the chain was seen.
  std::optional<uint64_t> CommittedBy(const consensus::Block& parent) const;

  Observed* const observed_;
  CertificatesOracle* const certificates_;
  const RootAt root_at_;
  std::vector<Life> lives_;  // by replica
  absl::flat_hash_set<Hash> may_be_voted_for_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_VOTE_RULES_ORACLE_H_
