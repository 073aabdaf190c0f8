// Own clients' transactions on their way to the other validators' mempools.
#ifndef KILN_NODE_FORWARD_QUEUE_H_
#define KILN_NODE_FORWARD_QUEUE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "consensus/payload.h"
#include "kiln/genesis.h"
#include "node/mempool.h"

namespace kiln::node {

// A message of its own for every client's batch would cost each validator more than the
// transactions in it, and leaders propose once a round. So what comes while nothing was forwarded
// in this turn leaves at once, the rest together when the next turn begins (with the vote, which is
// what the next leader waits for) or when it is much. Nothing waits for a clock, and what is late
// here is in this validator's own mempool all the same. Pure; for the replica's thread alone.
class ForwardQueue {
 public:
  // Changes when a round was entered or a vote signed.
  struct Turn {
    Round round;
    uint64_t votes_signed = 0;

    friend bool operator==(const Turn&, const Turn&) = default;
  };
  // So much leaves in the middle of a turn, too; batches of that size are not copied.
  static constexpr size_t kBytesWorthAMessage = 32 << 10;

  explicit ForwardQueue(const ChainLimits& limits) : limits_(limits) {}

  void Add(TransactionBatch batch);
  // Batches within the chain's limits, in order of arrival, without what was left out. Empty when
  // nothing waits or all has to wait for the next turn.
  std::vector<consensus::SharedBytes> Take(const Turn& turn);

 private:
  const ChainLimits limits_;
  std::vector<TransactionBatch> waiting_;
  size_t bytes_ = 0;          // of all that wait
  std::optional<Turn> last_;  // in which something left
};

}  // namespace kiln::node

#endif  // KILN_NODE_FORWARD_QUEUE_H_
