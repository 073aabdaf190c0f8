// Asks the other validators where they stand: how a validator that lost its safety record finds out
// what it may still sign.
#ifndef KILN_NODE_STANDING_QUERY_H_
#define KILN_NODE_STANDING_QUERY_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "consensus/leader_election.h"
#include "consensus/safety_record.h"
#include "consensus/safety_recovery.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "consensus/verifier.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "network/frames.h"

namespace kiln::node {

// What one validator said to a StandingQuery.
struct StandingAnswer {
  absl::Status counts;  // why not
  Round round;          // where it stands
};

// A consensus::SafetyRecovery with frames around it: no socket, thread or clock, so that the tool
// and the simulator drive the same. Whoever drives it tells of connections and frames, and calls
// AskAgain every now and then: requests and answers may be lost, and who did not count may count
// later. Not thread-safe.
class StandingQuery {
 public:
  using Send = std::function<void(ValidatorIndex to, network::FramePtr frame)>;

  // Validators answer one asker at most five times a second.
  static constexpr uint64_t kAskEveryUs = 500'000;

  // What is borrowed must outlive it. `nonce` and `known` as SafetyRecovery has them.
  StandingQuery(const Genesis& genesis, ValidatorIndex self,
                const consensus::ValidatorSet* validators, const consensus::LeaderElection* leaders,
                const consensus::SignatureVerifier* signatures, const Hash& nonce,
                const consensus::SafetyRecord& known, Send send);

  void Connected(ValidatorIndex peer);
  // Everybody whose answer does not count yet.
  void AskAgain();
  // Frames that are no answers are not looked at.
  void Handle(ValidatorIndex from, network::Frame frame);

  const consensus::SafetyRecovery& recovery() const { return recovery_; }
  // The newest of each validator, by index; none for oneself and for who said nothing.
  const std::vector<std::optional<StandingAnswer>>& answers() const { return answers_; }

 private:
  absl::Status Judge(ValidatorIndex from, network::Frame frame, Round* round);

  const ChainLimits limits_;
  const ValidatorIndex self_;
  const Send send_;
  consensus::MessageVerifier verifier_;
  consensus::SafetyRecovery recovery_;
  std::vector<std::optional<StandingAnswer>> answers_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_STANDING_QUERY_H_
