// A simulated `kiln recover`.
#ifndef KILN_SIM_SIM_RECOVERY_H_
#define KILN_SIM_SIM_RECOVERY_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/leader_election.h"
#include "consensus/safety_record.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/genesis.h"
#include "network/frames.h"
#include "node/standing_query.h"
#include "sim/sim_random.h"
#include "storage/database.h"

namespace kiln::sim {

// The process that runs in a node's place while its safety record is lost: production's query and
// production's writing of the record, over a simulated disk and line. It goes ahead whatever it
// finds, as with --old-copy. Not thread-safe.
class SimRecovery {
 public:
  struct Around {
    const Genesis* genesis = nullptr;
    const consensus::ValidatorSet* validators = nullptr;
    const consensus::LeaderElection* leaders = nullptr;
    const consensus::SignatureVerifier* signatures = nullptr;
    node::StandingQuery::Send send;
  };

  // What `around` borrows outlives it. An error means that the ledger is of no use.
  static absl::StatusOr<std::unique_ptr<SimRecovery>> Begin(
      const Around& around, ValidatorIndex self, std::shared_ptr<storage::Database> database,
      SimRandom* random);

  void AskAgain() { query_.AskAgain(); }
  // The record once it is written; nothing while too few have answered.
  absl::StatusOr<std::optional<consensus::SafetyRecord>> Handle(ValidatorIndex from,
                                                                network::Frame frame);

 private:
  SimRecovery(const Around& around, ValidatorIndex self,
              std::shared_ptr<storage::Database> database, const Hash& nonce,
              const consensus::SafetyRecord& known);

  const Around around_;
  const ValidatorIndex self_;
  const std::shared_ptr<storage::Database> database_;
  node::StandingQuery query_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_RECOVERY_H_
