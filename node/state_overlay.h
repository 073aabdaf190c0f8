// The state that a block's execution reads and writes.
#ifndef KILN_NODE_STATE_OVERLAY_H_
#define KILN_NODE_STATE_OVERLAY_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/state.h"
#include "storage/store.h"

namespace kiln::node {

// Writes kept in memory over an immutable view; reads see both. What the application cannot be told
// of (a key that is too long) or might overlook (a damaged disk) is remembered in status(): a block
// executed under an error must not be applied. For one thread.
class StateOverlay : public State {
 public:
  using Entries = std::vector<std::pair<std::string, std::string>>;

  explicit StateOverlay(std::shared_ptr<const StateView> base) : base_(std::move(base)) {}

  absl::StatusOr<std::string> Get(absl::string_view key) const override;
  absl::StatusOr<Entries> Scan(absl::string_view from, size_t count_max) const override;
  void Put(absl::string_view key, absl::string_view value) override;
  void Delete(absl::string_view key) override;

  // The first error.
  const absl::Status& status() const { return status_; }
  // One for each key written, by key.
  std::vector<storage::StateWrite> TakeWrites() &&;

 private:
  using Writes = absl::btree_map<std::string, std::optional<std::string>>;

  bool IsValidKey(absl::string_view key);
  void AppendBelow(const std::string& key, Writes::const_iterator* write, Entries* merged) const;

  const std::shared_ptr<const StateView> base_;
  Writes writes_;
  mutable absl::Status status_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_STATE_OVERLAY_H_
