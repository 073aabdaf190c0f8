// Simulated time: what happens next.
#ifndef KILN_SIM_EVENT_QUEUE_H_
#define KILN_SIM_EVENT_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/check.h"

namespace kiln::sim {

// Actions in order of time; those of one moment in the order in which they were added. Time moves
// only from one action to the next. Not thread-safe.
class EventQueue {
 public:
  using Action = absl::AnyInvocable<void() &&>;

  uint64_t now_us() const { return now_us_; }
  bool empty() const { return heap_.empty(); }
  uint64_t next_us() const { return heap_.front().at_us; }
  uint64_t executed() const { return executed_; }

  // At `at_us`, or now when that is past.
  void At(uint64_t at_us, Action action) {
    heap_.push_back({std::max(at_us, now_us_), next_++, Keep(std::move(action))});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }

  // REQUIRES: not empty.
  void RunNext() {
    KILN_CHECK(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const Entry entry = heap_.back();
    heap_.pop_back();
    now_us_ = entry.at_us;
    ++executed_;
    Action action = std::move(actions_[entry.place]);
    free_.push_back(entry.place);
    std::move(action)();
  }
  // All that is due up to and including `end_us`; then it is `end_us`.
  void RunUntil(uint64_t end_us) {
    while (!heap_.empty() && next_us() <= end_us) RunNext();
    now_us_ = std::max(now_us_, end_us);
  }

 private:
  // Small, because entries change places in the heap; the action stays where it is.
  struct Entry {
    uint64_t at_us;
    uint64_t sequence;
    size_t place;
  };
  static bool Later(const Entry& a, const Entry& b) {
    return a.at_us != b.at_us ? a.at_us > b.at_us : a.sequence > b.sequence;
  }

  size_t Keep(Action action) {
    if (free_.empty()) {
      actions_.push_back(std::move(action));
      return actions_.size() - 1;
    }
    const size_t place = free_.back();
    free_.pop_back();
    actions_[place] = std::move(action);
    return place;
  }

  uint64_t now_us_ = 0;
  uint64_t next_ = 0;
  uint64_t executed_ = 0;
  std::vector<Entry> heap_;
  std::vector<Action> actions_;  // of the entries, by their places
  std::vector<size_t> free_;     // places without one
};

}  // namespace kiln::sim

#endif  // KILN_SIM_EVENT_QUEUE_H_
