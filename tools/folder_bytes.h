// How much room a ledger takes.
#ifndef KILN_TOOLS_FOLDER_BYTES_H_
#define KILN_TOOLS_FOLDER_BYTES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace kiln::tools {

// Bytes of the files of the ledger in a data folder, without its snapshots and without the room
// that is kept for a full disk.
absl::StatusOr<uint64_t> LedgerBytesIn(const std::string& data_dir);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_FOLDER_BYTES_H_
