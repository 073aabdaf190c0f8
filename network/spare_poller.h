// One thread fewer for gRPC's callbacks, where there are only two.
#ifndef KILN_NETWORK_SPARE_POLLER_H_
#define KILN_NETWORK_SPARE_POLLER_H_

#include <memory>

namespace kiln::network {

// gRPC (1.51, iomgr with epoll1) runs all callbacks of a process on half as many threads as there
// are processors, two at least, and each event makes the thread that polls hand that duty to
// another before it looks at the event: two context switches for every message, which is what they
// cost most on a machine with two processors (docs/performance.md). One thread alone hands over
// nothing. There is no setting for their number, so this keeps one of two waiting in a callback of
// its own for as long as it lives. With more than two it does nothing: there they have processors
// of their own.
//
// For a process that is one validator and nothing else, since all gRPC of the process shares these
// threads; at most one at a time. Everything that was started after it must have ended before it.
class SparePoller {
 public:
  SparePoller();
  ~SparePoller();
  SparePoller(const SparePoller&) = delete;
  SparePoller& operator=(const SparePoller&) = delete;

  // Whether a thread waits here.
  bool holds() const { return held_ != nullptr; }

 private:
  struct Held;
  std::unique_ptr<Held> held_;
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_SPARE_POLLER_H_
