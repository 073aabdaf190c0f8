// The application that the `kiln` binary runs: a key-value store.
#ifndef KILN_TOOLS_KV_APPLICATION_H_
#define KILN_TOOLS_KV_APPLICATION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kiln/application.h"

namespace kiln::tools {

inline constexpr size_t kKvKeyBytesMax = 4096;  // keys have at least one byte

// Transactions, safe for any bytes:
//   put     'P', length of the key (2 bytes, most significant first), key, value
//   delete  'D', key
// REQUIRES: 1 <= key.size() <= kKvKeyBytesMax; check what a user typed with CheckKvKey.
std::string EncodeKvPut(absl::string_view key, absl::string_view value);
std::string EncodeKvDelete(absl::string_view key);
absl::Status CheckKvKey(absl::string_view key);

// One decoded transaction. The views point into it.
struct KvOperation {
  bool is_put = false;
  absl::string_view key;
  absl::string_view value;  // empty for a delete
};
// InvalidArgument says what is malformed.
absl::StatusOr<KvOperation> DecodeKvOperation(absl::string_view transaction);

// A query is the key; its answer is the value, or NotFound. Deleting an absent key succeeds.
// Malformed transactions are refused by Check, and by a reply when they arrive in a block all the
// same.
class KvApplication final : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override;
  absl::StatusOr<std::string> Query(const StateView& state, absl::string_view query) const override;
  absl::Status Check(const StateView& state, absl::string_view transaction) const override;
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_KV_APPLICATION_H_
