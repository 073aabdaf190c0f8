// What a replica wants done after a step, and what it is told.
#ifndef KILN_CONSENSUS_EFFECTS_H_
#define KILN_CONSENSUS_EFFECTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/certificates.h"
#include "consensus/messages.h"
#include "consensus/safety_record.h"
#include "consensus/verifier.h"
#include "kiln/types.h"

namespace kiln::consensus {

// --- Events
// ---------------------------------------------------------------------------------------

// A peer's stream is up (again): it may have missed what was said before.
struct PeerConnected {
  ValidatorIndex peer;
};
// A peer's stream is down; PeerConnected follows when it is up. One that nothing was said about
// counts as up.
struct PeerDisconnected {
  ValidatorIndex peer;
};
// The deadline that Replica::NextDeadline() named may have passed.
struct Tick {};
// The payload source has transactions to order.
struct TransactionsWaiting {};
// Execution reached this height. Heights come in order, without gaps.
struct BlockExecuted {
  Height height;
  Hash state_root;
};

// No blocks are to be asked for, or they are again: a snapshot is on its way that takes their
// place.
struct BlocksHeld {
  bool are_held = false;
};

using Event = std::variant<VerifiedMessage, PeerConnected, PeerDisconnected, Tick,
                           TransactionsWaiting, BlockExecuted, BlocksHeld>;

// --- Effects
// --------------------------------------------------------------------------------------

// Blocks that became final together, oldest first, without gaps, and why: `certificate` is for
// `child`, whose parent is the last of them and whose round follows that block's.
struct Commit {
  std::vector<BlockPtr> blocks;
  Header child;
  QuorumCertificate certificate;
};

// What must be on disk before anything that follows from it is sent: one batch, one sync.
struct DurableWrite {
  std::optional<SafetyRecord> safety;
  std::vector<BlockPtr> blocks;  // uncommitted ones to keep
  std::vector<Commit> commits;   // every block in here was kept before, or is in `blocks`

  bool empty() const { return !safety.has_value() && blocks.empty() && commits.empty(); }
};

struct Outbound {
  std::optional<ValidatorIndex> to;  // none: to all other validators
  Message message;
};

struct Fetch {
  ValidatorIndex from;
  BlockRequest request;
};

// Something was received that is valid in form but against a rule, or useless. For logs.
struct Refusal {
  ValidatorIndex from;
  std::string cause;
};

// The replica must sign nothing more, and the process must stop: see Height and cause.
struct Halt {
  Height height;
  std::string cause;
  std::string what_to_do;
};

// To be performed in this order: stop if `halt`; fetch, and send `send_early`; make `durable`
// durable; then send, and hand durable.commits to execution. Nothing of a step but `send_early` and
// requests for blocks, which say nothing of what was signed, leaves before its `durable` is synced,
// and nothing else at all before the safety records of all steps before are.
struct Effects {
  std::optional<Halt> halt;
  // Promises nothing, or what an earlier step recorded; has no signature that this step made, not
  // within a certificate either.
  std::vector<Outbound> send_early;
  DurableWrite durable;
  std::vector<Outbound> send;
  std::vector<Fetch> fetch;
  std::vector<Refusal> refusals;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_EFFECTS_H_
