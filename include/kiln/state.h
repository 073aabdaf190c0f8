// The ordered key-value state that the engine keeps for an application.
#ifndef KILN_STATE_H_
#define KILN_STATE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln {

// An immutable view of the state at one height. Any number may be read at once, from any thread.
// Keys and values are any bytes, ordered bytewise. A key has at most kStateKeyBytesMax bytes.
class StateView {
 public:
  virtual ~StateView() = default;

  // NotFound when the key is absent; DataLoss when the disk returned something else than was
  // written.
  virtual absl::StatusOr<std::string> Get(absl::string_view key) const = 0;

  // Up to `count_max` entries with `from` <= key, in key order.
  virtual absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Scan(
      absl::string_view from, size_t count_max) const = 0;
};

inline constexpr size_t kStateKeyBytesMax = 64 << 10;

// The state during Execute. Reads see the writes made so far; all writes of a block become durable
// together with its height, or not at all. Not thread-safe; valid until Execute returns.
class State : public StateView {
 public:
  virtual void Put(absl::string_view key, absl::string_view value) = 0;
  virtual void Delete(absl::string_view key) = 0;
};

}  // namespace kiln

#endif  // KILN_STATE_H_
