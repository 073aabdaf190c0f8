// Places worth reaching. A mark says that a run got somewhere interesting; a test rig that never
// gets there proves nothing about the place.
//
//   if (lock_is_released) KILN_MARK("a higher certificate releases the lock");
#ifndef KILN_BASE_MARK_H_
#define KILN_BASE_MARK_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kiln {

// One marked place and how often it was passed. Counting costs a load and a store without a lock:
// under contention a few passes may go uncounted, never the first by one thread alone. Marks make a
// list when the program starts, those that are never reached included. Thread-safe.
class Mark {
 public:
  explicit Mark(const char* name) : name_(name), next_(head_) { head_ = this; }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

  void Hit() {
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  absl::string_view name() const { return name_; }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

  // Of the whole program, in order of name.
  static std::vector<const Mark*> All() {
    std::vector<const Mark*> all;
    for (const Mark* mark = head_; mark != nullptr; mark = mark->next_) all.push_back(mark);
    std::sort(all.begin(), all.end(),
              [](const Mark* a, const Mark* b) { return a->name() < b->name(); });
    return all;
  }

 private:
  static inline Mark* head_ = nullptr;  // grows before main() only

  const char* const name_;
  Mark* const next_;
  std::atomic<uint64_t> count_{0};
};

namespace base_internal {

// A string literal as a template argument, so that each name has one Mark in the program.
template <size_t N>
struct MarkName {
  constexpr MarkName(const char (&literal)[N]) { std::copy_n(literal, N, text); }  // NOLINT
  char text[N];
};
template <MarkName Name>
struct MarkOf {
  static constexpr MarkName kName = Name;
  static inline Mark mark{kName.text};
};

}  // namespace base_internal
}  // namespace kiln

#define KILN_MARK(name) (::kiln::base_internal::MarkOf<name>::mark.Hit())

#endif  // KILN_BASE_MARK_H_
