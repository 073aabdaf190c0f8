// Whether what was acknowledged is in the ledgers.
#ifndef KILN_TOOLS_LEDGER_CHECK_H_
#define KILN_TOOLS_LEDGER_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kiln/client.h"
#include "kiln/types.h"

namespace kiln::tools {

// Heights of the blocks to look into: [first, last].
struct HeightRange {
  uint64_t first = 1;
  uint64_t last = 0;
};

// Transactions that clients were told are committed, and which of them some ledger lacks.
// Not thread-safe.
class LostCount {
 public:
  explicit LostCount(std::vector<Hash> acknowledged);

  // Feeds the ids of one ledger through `visit`; then all acknowledged ones it did not have are
  // lost.
  using IdSink = absl::FunctionRef<void(const Hash& id)>;
  absl::Status CheckLedger(absl::FunctionRef<absl::Status(IdSink)> read);

  // Acknowledged, but absent from at least one of the ledgers.
  uint64_t lost() const;

 private:
  std::vector<Hash> acknowledged_;  // sorted, unique
  std::vector<bool> lost_;          // by index into acknowledged_
};

// Reads the ledger of a stopped validator from its disk.
absl::Status CheckStoredLedger(const std::string& home, const HeightRange& range, LostCount* lost);
// Reads the ledger of a running validator, block by block, each verified.
absl::Status CheckServedLedger(const ClientOptions& one_endpoint, const HeightRange& range,
                               LostCount* lost);

// Until every endpoint has committed `height`. DeadlineExceeded names the one that has not.
absl::Status WaitForHeight(const ClientOptions& chain, uint64_t height, absl::Duration timeout);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LEDGER_CHECK_H_
