// The first half of S12: who broke agreement can be named.
#ifndef KILN_SIM_ACCOUNTABILITY_ORACLE_H_
#define KILN_SIM_ACCOUNTABILITY_ORACLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "consensus/certificates.h"
#include "consensus/messages.h"
#include "consensus/safety_record.h"
#include "sim/observed.h"

namespace kiln::sim {

// "With f >= W/3 Byzantine and S1 broken, evidence proves >= W/3 power guilty." Keeps the
// certificates that honest replicas hold, in their safety records, in blocks that they voted for
// and in their ledgers, and once agreement is broken compares every two of them:
// whoever signed both of two that no honest validator signs both is guilty. Works only in worlds
// beyond the fault model. Not thread-safe.
class AccountabilityOracle {
 public:
  explicit AccountabilityOracle(Observed* observed) : observed_(observed) {}

  // Of an honest replica.
  void OnRecord(const consensus::SafetyRecord& record);
  void OnVote(const consensus::Vote& vote);
  void OnEnd(const storage::Store& store);
  // Once all that is held was seen.
  void Judge();

 private:
  // A validator's part in a certificate of a round.
  struct Voted {
    Hash block;
    uint64_t locks = 0;  // the round of the QC in the block
    bool operator==(const Voted&) const = default;
  };
  using Signed = std::map<uint64_t, std::vector<Voted>>;    // by round
  using Reported = std::map<uint64_t, std::set<uint64_t>>;  // by round: QC rounds in timeouts

  void Take(const consensus::QuorumCertificate& qc);
  void Take(const consensus::TimeoutCertificate& tc);
  bool IsGuilty(uint32_t validator) const;

  Observed* const observed_;
  std::map<uint32_t, Signed> votes_;       // by validator
  std::map<uint32_t, Reported> timeouts_;  // by validator
};

}  // namespace kiln::sim

#endif  // KILN_SIM_ACCOUNTABILITY_ORACLE_H_
