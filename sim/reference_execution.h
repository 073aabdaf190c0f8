// The slow, obvious twin of execution: one map, one block after the other.
#ifndef KILN_SIM_REFERENCE_EXECUTION_H_
#define KILN_SIM_REFERENCE_EXECUTION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "consensus/block.h"
#include "consensus/executed_state.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::sim {

// Executes the agreed chain as SimApplication is documented to, with the rules of
// docs/protocol.md, "Transactions", and the state roots of node/application_root.h, all written a
// second time. Keeps every version of every key. Not thread-safe.
class ReferenceExecution {
 public:
  explicit ReferenceExecution(const Genesis& genesis);

  void NoteSubmitted(const Hash& id) { ++submitted_[id]; }
  // Executes the next block. Empty, or what is wrong with it: a broken limit, or, with
  // `clients_alone` (when nobody else makes transactions), one that no client submitted, or one
  // that was executed more often than it was submitted.
  std::string Execute(const consensus::Block& block, bool clients_alone);

  uint64_t height() const { return roots_.size() - 1; }
  // None above height().
  std::optional<Hash> RootAt(uint64_t height) const;
  std::map<std::string, std::string> StateAt(uint64_t height) const;
  // Empty, or what a receipt for the transaction says that did not happen.
  std::string CheckReceipt(const Hash& id, const Receipt& receipt) const;

 private:
  struct Envelope {
    uint64_t last_height = 0;
    std::string key;
    std::string payload;
  };
  // None when the bytes are no payload.
  static std::optional<std::vector<Envelope>> Parse(absl::string_view payload);
  static Hash IdOf(const Envelope& envelope);

  std::string CheckLimits(const std::string& payload, const std::vector<Envelope>& envelopes) const;
  Reply Apply(const Envelope& envelope, const Hash& id, uint64_t height,
              std::map<std::string, std::string>* writes);
  Reply Assign(const std::string& payload, std::map<std::string, std::string>* writes);
  Hash ApplicationRoot(uint64_t height, const std::map<std::string, std::string>& writes,
                       const std::vector<Reply>& replies) const;
  void NameSnapshot(uint64_t height);
  Hash SnapshotRoot(uint64_t height) const;

  const ChainLimits limits_;
  consensus::ExecutedState state_;
  std::vector<Hash> roots_;  // by height
  struct Results {
    Hash block_id;
    std::vector<Hash> ids;
    std::vector<Reply> replies;
  };
  std::vector<Results> results_ = {{}};  // by height
  uint64_t shown_ = 0;                   // transactions that the application saw
  std::string snapshot_head_;            // of the newest height that has a snapshot
  std::map<std::string, std::vector<std::pair<uint64_t, std::string>>> versions_;
  absl::flat_hash_map<Hash, uint32_t> submitted_;
  struct Executions {
    uint32_t count = 0;
    uint64_t newest_height = 0;
  };
  absl::flat_hash_map<Hash, Executions> executed_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_REFERENCE_EXECUTION_H_
