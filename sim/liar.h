// Dishonest validators. A liar runs an honest replica and lies about what it says.
#ifndef KILN_SIM_LIAR_H_
#define KILN_SIM_LIAR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/leader_election.h"
#include "consensus/messages.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/genesis.h"
#include "network/frames.h"
#include "sim/scenario.h"
#include "sim/sim_random.h"

namespace kiln::sim {

// What a liar knows and can do. It has its own key alone: others' signatures it can repeat, never
// make.
struct LiarContext {
  ValidatorIndex self;
  const Genesis* genesis = nullptr;
  const consensus::ValidatorSet* validators = nullptr;
  const consensus::LeaderElection* leaders = nullptr;
  consensus::Signer* signer = nullptr;
  SimRandom random{0};
  uint64_t round_timeout_min_us = 0;
  std::function<uint64_t()> now_us;
  // To one validator, over the same network as everybody's.
  std::function<void(ValidatorIndex to, network::FramePtr frame)> send;
  std::function<void(uint64_t at_us, absl::AnyInvocable<void() &&> action)> at;
  // What the liar's own replica may do: crash and start from an older safety record.
  std::function<void(uint64_t rounds_forgotten)> forget;
  // Counts one lie of this row that took effect.
  std::function<void(absl::string_view row)> count;
};

// One way to lie. Every message of the replica underneath passes through OnSend instead of going
// out, one call for each receiver: what is to be said after all goes to context.send. Not
// thread-safe.
class Liar {
 public:
  virtual ~Liar() = default;
  virtual void OnSend(ValidatorIndex to, const network::PeerMessage& message) = 0;
  // Before the replica underneath gets it. False: it never does.
  virtual bool OnReceive(ValidatorIndex from, const network::PeerMessage& message) = 0;
};

// The liar lies from fault.at_ms on for fault.for_ms, by context.now_us, and lets everything pass
// as it is before and after; so it may be made once, for the whole run. What it put off comes all
// the same. It may be destroyed while actions that it gave to context.at wait: those do nothing
// then. REQUIRES: fault.row starts with "B" and the kind is in FaultKinds(); context.genesis,
// validators, leaders and signer outlive the liar.
std::unique_ptr<Liar> MakeLiar(const Fault& fault, LiarContext context);

// Several lies of one validator: what the first wants to say passes through the second, and so on.
// A message reaches the replica only if all let it. REQUIRES: not empty; each as above.
std::unique_ptr<Liar> MakeLiar(const std::vector<Fault>& faults, LiarContext context);

}  // namespace kiln::sim

#endif  // KILN_SIM_LIAR_H_
