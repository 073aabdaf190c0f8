#include "tests/linearizability/checker.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace kiln::linearizability {
namespace {

using Index = uint32_t;  // of an operation, in the order of calls
constexpr Index kNone = UINT32_MAX;

// Which operations have taken effect, and the value that they left. The operations below
// `frontier` have, but for `waiting`, and none from it on. Whatever waits was called before the
// last one below the frontier returned, so there are no more of these than clients, or outcomes
// that came late.
struct Configuration {
  Index frontier = 0;
  uint64_t value = kAbsent;
  absl::InlinedVector<Index, 8> waiting;  // ascending

  friend bool operator==(const Configuration&, const Configuration&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Configuration& c) {
    return H::combine(std::move(h), c.frontier, c.value, c.waiting);
  }
};

// Calls and returns in the order of time, in a list that operations leave and come back to in the
// opposite order. At equal times calls stand first: operations that touch are concurrent.
class EventList {
 public:
  struct Event {
    uint64_t time_us = 0;
    bool is_return = false;
    Index operation = kNone;
    size_t previous = 0;
    size_t next = 0;
  };

  explicit EventList(const RegisterHistory& operations) : places_(operations.size()) {
    for (Index i = 0; i < operations.size(); ++i) {
      events_.push_back({.time_us = operations[i].called_us, .is_return = false, .operation = i});
      events_.push_back({.time_us = operations[i].returned_us, .is_return = true, .operation = i});
    }
    std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
      return std::pair(a.time_us, a.is_return) < std::pair(b.time_us, b.is_return);
    });
    events_.insert(events_.begin(), Event());  // head and end of the circle
    for (size_t at = 0; at < events_.size(); ++at) {
      events_[at].previous = at == 0 ? events_.size() - 1 : at - 1;
      events_[at].next = at + 1 == events_.size() ? 0 : at + 1;
      if (at == 0) continue;
      Places& places = places_[events_[at].operation];
      (events_[at].is_return ? places.returned : places.called) = at;
    }
  }

  bool empty() const { return first() == kEnd; }
  size_t first() const { return events_[kEnd].next; }
  size_t After(size_t at) const { return events_[at].next; }
  const Event& operator[](size_t at) const { return events_[at]; }
  size_t CallOf(Index operation) const { return places_[operation].called; }

  void Remove(Index operation) {
    Unlink(places_[operation].called);
    Unlink(places_[operation].returned);
  }
  void PutBack(Index operation) {
    Link(places_[operation].returned);
    Link(places_[operation].called);
  }

  static constexpr size_t kEnd = 0;

 private:
  struct Places {
    size_t called = 0;
    size_t returned = 0;
  };

  void Unlink(size_t at) {
    events_[events_[at].previous].next = events_[at].next;
    events_[events_[at].next].previous = events_[at].previous;
  }
  void Link(size_t at) {
    events_[events_[at].previous].next = at;
    events_[events_[at].next].previous = at;
  }

  std::vector<Event> events_;
  std::vector<Places> places_;
};

// REQUIRES: operations ascend by their calls, all return, and no two writes have one value.
//
// Two things about registers make the choices few. A read that fits the value takes effect at once:
// it changes nothing, so whatever can follow without it can follow with it. And a value that
// somebody has yet to read may not be overwritten, because no other write brings it back.
class Search {
 public:
  Search(const RegisterHistory& operations, uint64_t configurations_max)
      : operations_(operations), configurations_max_(configurations_max), events_(operations) {
    for (const Operation& operation : operations) {
      if (!operation.is_write()) ++reads_left_[operation.value];
    }
  }

  absl::Status Run() {
    TakeFittingReads();
    size_t at = events_.first();
    while (!events_.empty()) {
      if (visited_.size() > configurations_max_) {
        return absl::ResourceExhaustedError(
            absl::StrCat("not decided after ", visited_.size(), " configurations"));
      }
      const EventList::Event& event = events_[at];
      if (!event.is_return) {
        at = TakeWrite(event.operation) ? events_.first() : events_.After(at);
        continue;
      }
      // This one must have taken effect by now, and what took effect does not allow it.
      NoteStuck(event.operation);
      const Index undone = UndoLastWrite();
      if (undone == kNone) return NotLinearizable();
      at = events_.After(events_.CallOf(undone));
    }
    return absl::OkStatus();
  }

 private:
  struct Step {
    Index operation = kNone;
    uint64_t value_before = kAbsent;
    Index frontier_before = 0;
  };

  // False when it is no write, may not be next, or all that can follow was tried.
  bool TakeWrite(Index operation) {
    if (!operations_[operation].is_write() || ReadsLeft(value_) > 0) return false;
    Take(operation);
    TakeFittingReads();
    if (visited_.insert(Current()).second) return true;
    (void)UndoLastWrite();
    return false;
  }

  void TakeFittingReads() {
    for (size_t at = events_.first(); at != EventList::kEnd && ReadsLeft(value_) > 0;) {
      const EventList::Event& event = events_[at];
      if (event.is_return) return;
      const Operation& operation = operations_[event.operation];
      const bool fits = !operation.is_write() && operation.value == value_;
      if (fits) Take(event.operation);
      // Its return may have been the end of what can be next.
      at = fits ? events_.first() : events_.After(at);
    }
  }

  void Take(Index operation) {
    path_.push_back({operation, value_, frontier_});
    events_.Remove(operation);
    if (!operations_[operation].is_write()) --reads_left_[value_];
    value_ = operations_[operation].value;
    frontier_ = std::max(frontier_, operation + 1);
  }

  // With the reads after it; kNone when there is none left.
  Index UndoLastWrite() {
    while (!path_.empty()) {
      const Step step = path_.back();
      path_.pop_back();
      events_.PutBack(step.operation);
      value_ = step.value_before;
      frontier_ = step.frontier_before;
      if (operations_[step.operation].is_write()) return step.operation;
      ++reads_left_[operations_[step.operation].value];
    }
    return kNone;
  }

  uint64_t ReadsLeft(uint64_t value) const {
    const auto left = reads_left_.find(value);
    return left == reads_left_.end() ? 0 : left->second;
  }

  Configuration Current() const {
    Configuration current = {.frontier = frontier_, .value = value_, .waiting = {}};
    for (size_t at = events_.first(); at != EventList::kEnd; at = events_.After(at)) {
      if (events_[at].is_return || events_[at].operation >= frontier_) break;
      current.waiting.push_back(events_[at].operation);
    }
    return current;
  }

  void NoteStuck(Index operation) {
    if (stuck_ != kNone && path_.size() <= stuck_path_) return;
    stuck_ = operation;
    stuck_path_ = path_.size();
    stuck_value_ = value_;
  }

  absl::Status NotLinearizable() const {
    std::string message =
        absl::StrCat(stuck_path_, " of ", operations_.size(),
                     " operations can be ordered, but not ", "the ", Describe(operations_[stuck_]));
    const Operation* const reader = LastReaderOf(stuck_value_);
    if (operations_[stuck_].is_write() && reader != nullptr) {
      absl::StrAppend(&message, ", before the ", Describe(*reader));
    } else {
      absl::StrAppend(&message, ", when the register holds ", ValueText(stuck_value_));
    }
    return absl::FailedPreconditionError(message);
  }

  const Operation* LastReaderOf(uint64_t value) const {
    const auto last = std::find_if(operations_.rbegin(), operations_.rend(), [&](const auto& op) {
      return !op.is_write() && op.value == value;
    });
    return last == operations_.rend() ? nullptr : &*last;
  }

  const RegisterHistory& operations_;
  const uint64_t configurations_max_;
  EventList events_;
  uint64_t value_ = kAbsent;
  Index frontier_ = 0;
  std::vector<Step> path_;
  absl::flat_hash_map<uint64_t, uint64_t> reads_left_;  // by the value they saw
  absl::flat_hash_set<Configuration> visited_;
  // Where the longest path ended.
  Index stuck_ = kNone;
  size_t stuck_path_ = 0;
  uint64_t stuck_value_ = kAbsent;
};

absl::Status CheckForm(const RegisterHistory& history) {
  absl::flat_hash_set<uint64_t> written;
  for (const Operation& operation : history) {
    if (operation.called_us > operation.returned_us) {
      return absl::InvalidArgumentError(
          absl::StrCat(Describe(operation), ": ends before it begins"));
    }
    if (!operation.is_write()) continue;
    if (operation.value == kAbsent) return absl::InvalidArgumentError("a write of nothing");
    if (!written.insert(operation.value).second) {
      return absl::InvalidArgumentError(absl::StrCat("two writes of ", operation.value));
    }
  }
  return absl::OkStatus();
}

// The same history without unknown outcomes. Values are unique, so a write whose value somebody
// read had taken effect when the first such read returned. One that nobody read can be left out of
// any order that holds it, since no answer depends on it.
RegisterHistory Settle(const RegisterHistory& history) {
  absl::flat_hash_map<uint64_t, uint64_t> first_read_us;
  for (const Operation& operation : history) {
    if (operation.is_write()) continue;
    const auto [entry, is_new] = first_read_us.emplace(operation.value, operation.returned_us);
    if (!is_new) entry->second = std::min(entry->second, operation.returned_us);
  }
  RegisterHistory settled;
  for (Operation operation : history) {
    if (operation.returned_us == kNever) {
      if (!operation.is_write()) continue;
      const auto read = first_read_us.find(operation.value);
      if (read == first_read_us.end()) continue;
      // A read that returned before the write was called stays without an explanation.
      operation.returned_us = std::max(operation.called_us, read->second);
    }
    settled.push_back(operation);
  }
  return settled;
}

}  // namespace

absl::Status CheckRegister(const RegisterHistory& history, uint64_t configurations_max) {
  KILN_RETURN_IF_ERROR(CheckForm(history));
  KILN_CHECK_LT(history.size(), kNone);
  RegisterHistory operations = Settle(history);
  std::stable_sort(
      operations.begin(), operations.end(),
      [](const Operation& a, const Operation& b) { return a.called_us < b.called_us; });
  return Search(operations, configurations_max).Run();
}

}  // namespace kiln::linearizability
