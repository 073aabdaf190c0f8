// Who wants to see every block that is executed.
#ifndef KILN_NODE_COMMIT_SUBSCRIBERS_H_
#define KILN_NODE_COMMIT_SUBSCRIBERS_H_

#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "kiln/application.h"
#include "kiln/node.h"
#include "kiln/types.h"

namespace kiln::node {

// Callbacks of Node::OnCommit, called in the order of their subscriptions. Thread-safe. A callback
// never runs after its subscription ended.
class CommitSubscribers : public std::enable_shared_from_this<CommitSubscribers> {
 public:
  using Seen = absl::AnyInvocable<void(const Block&, const CommitProof&)>;
  Subscription Add(Seen seen);
  bool empty() const;
  void Notify(const Block& block, const CommitProof& proof);

 private:
  mutable absl::Mutex mutex_;  // held while callbacks run
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::btree_map<uint64_t, Seen> seen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::node

#endif  // KILN_NODE_COMMIT_SUBSCRIBERS_H_
