// The application's state between two writes of it into the database.
#ifndef KILN_STORAGE_PENDING_STATE_H_
#define KILN_STORAGE_PENDING_STATE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/container/node_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "kiln/state.h"
#include "storage/store.h"

namespace kiln::storage {

// What blocks have written on top of `base`, the state as the database has it: every value of a key
// with the height that wrote it, so that a view of any height since stays what it is while later
// blocks are applied. A database takes several times as long for a key as this does, and many keys
// are written again before it needs to have them. Grows only: a write into the database starts a
// new one, and views keep this one for as long as they live. Thread-safe: one writer, any readers.
class PendingState {
 public:
  using Entries = std::vector<std::pair<std::string, std::string>>;

  explicit PendingState(std::shared_ptr<const StateView> base) : base_(std::move(base)) {}

  // REQUIRES: heights ascend.
  void Apply(Height height, const std::vector<StateWrite>& writes);

  // As of `height`, without what later ones wrote. Errors are those of the base.
  absl::StatusOr<std::string> Get(absl::string_view key, Height height) const;
  absl::StatusOr<Entries> Scan(absl::string_view from, size_t count_max, Height height) const;

  // The newest value of each key that was written, by key; none where it was deleted.
  void ForEach(
      absl::FunctionRef<void(absl::string_view key, const std::string* value)> visit) const;

  // What was written: keys, values and what it takes to keep them.
  size_t bytes() const;
  size_t blocks() const;

 private:
  struct Version {
    Height height;
    std::optional<std::string> value;
  };
  using Versions = absl::InlinedVector<Version, 1>;  // heights ascend

  // The newest not above `height`; null when all are.
  static const Version* Find(const Versions& versions, Height height);
  // Appends what is `below`, from `from` on, and what is written there; then what is written
  // beyond, until there are `count_beyond` entries.
  void Merge(absl::string_view from, Entries below, size_t count_beyond, Height height,
             Entries* merged) const;
  // Unless it was deleted, or written later.
  void Append(absl::string_view key, Height height, Entries* merged) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<const StateView> base_;
  mutable absl::Mutex mutex_;
  absl::node_hash_map<std::string, Versions> written_ ABSL_GUARDED_BY(mutex_);  // lookup only
  absl::btree_set<absl::string_view> order_ ABSL_GUARDED_BY(mutex_);            // its keys
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t blocks_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One height of it.
std::shared_ptr<const StateView> MakePendingView(std::shared_ptr<const PendingState> pending,
                                                 Height height);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_PENDING_STATE_H_
