// What an embedding program implements: a deterministic state machine.
#ifndef KILN_APPLICATION_H_
#define KILN_APPLICATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kiln/state.h"
#include "kiln/types.h"

namespace kiln {

// What a quorum agreed on. Borrowed: valid until the call that received it returns. Empty blocks
// are executed too; transactions that the engine set aside (duplicates, expired ones) are not in
// here.
struct Block {
  uint64_t height = 0;  // 1, 2, 3, ... without gaps
  absl::Time time;      // agreed by the quorum; never read a clock instead
  absl::Span<const absl::string_view>
      transactions;  // any bytes: clients and proposers may be dishonest
};

// What came of a block.
struct Effects {
  std::vector<Reply> replies;               // one for each transaction, in order
  std::vector<Event> events;                // usually empty
  std::vector<ValidatorUpdate> validators;  // usually empty; in force from the next epoch
};

// A deterministic state machine: equal blocks on equal state must give equal effects on every
// machine.
//
// Execute is called from one thread, in order, once per height (after a crash, again from the
// height that the state reached). A status other than OK stops this node and becomes the result of
// Node::Wait; the process itself is never ended. Query and Check read immutable views and may run
// beside Execute and each other, from any thread.
class Application {
 public:
  virtual ~Application() = default;

  // REQUIRES: as many replies as block.transactions. Must give a defined result for every byte
  // string.
  virtual absl::StatusOr<Effects> Execute(const Block& block, State& state) = 0;

  // Answers a read-only question about one state.
  virtual absl::StatusOr<std::string> Query(const StateView& state,
                                            absl::string_view query) const = 0;

  // Advice to the mempool: a status other than OK refuses the transaction here, and the client is
  // told why. What is refused here may still arrive in a block. Default: accept.
  virtual absl::Status Check(const StateView& state, absl::string_view transaction) const;
};

}  // namespace kiln

#endif  // KILN_APPLICATION_H_
