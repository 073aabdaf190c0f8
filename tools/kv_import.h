// Feeds records to a chain as key-value writes, through several of its validators at once.
#ifndef KILN_TOOLS_KV_IMPORT_H_
#define KILN_TOOLS_KV_IMPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kiln/client.h"
#include "tools/import_records.h"

namespace kiln::tools {

struct ImportRequest {
  ClientOptions chain;
  bool spread = true;          // over all endpoints; false: through the first
  size_t in_flight_max = 256;  // over all endpoints together
  absl::Duration timeout = absl::Minutes(10);
  bool is_terminal = false;
};

// Invariant: committed + errors is the number of records.
struct ImportSummary {
  uint64_t committed = 0;
  uint64_t errors = 0;
  std::string first_error;    // empty when there was none
  uint64_t first_height = 0;  // of the committed ones; 0 when there are none
  uint64_t last_height = 0;
  double seconds = 0;
};

// Waits until every record is final, with its proof verified, or refused. An error only when no
// connection could be set up.
absl::StatusOr<ImportSummary> ImportRecords(const ImportRequest& request,
                                            const std::vector<Record>& records);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_KV_IMPORT_H_
