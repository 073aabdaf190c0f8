// Turns SIGTERM and SIGINT into a graceful stop.
#ifndef KILN_NODE_SIGNAL_WATCHER_H_
#define KILN_NODE_SIGNAL_WATCHER_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kiln/node.h"

namespace kiln::node {

// Made before any other thread, so that all of them leave the signals to this one's. The first
// signal stops the node; before there is a node, or the second time, it ends the process at once,
// which a ledger survives as it survives a power cut.
class SignalWatcher {
 public:
  SignalWatcher();
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

  // Whom to stop; nullptr before the node is destroyed.
  void SetNode(Node* node);

 private:
  void Watch();
  void OnSignal();

  int signal_descriptor_ = -1;
  int end_descriptor_ = -1;
  absl::Mutex mutex_;
  Node* node_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool was_signalled_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_SIGNAL_WATCHER_H_
