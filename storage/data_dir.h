// The folder of a ledger, before RocksDB touches it.
#ifndef KILN_STORAGE_DATA_DIR_H_
#define KILN_STORAGE_DATA_DIR_H_

#include <string>

#include "absl/status/status.h"

namespace kiln::storage {

// Creates the folder (mode 0700) when there is none. It is durable when this returns, though
// another process may have made it and not come further. DataLoss when it holds tables or logs but
// not the file that names them: RocksDB would start an empty ledger beside them, and an amnesiac
// validator may sign twice.
absl::Status PrepareDataDir(const std::string& dir);

// NotFound unless a ledger is in the folder; DataLoss as above.
absl::Status RequireLedger(const std::string& dir);

// Creates the folder, and those above it that are missing. All of them are durable when this
// returns.
absl::Status MakeFolder(const std::string& dir);
// What was created, renamed or removed in the folder is durable when this returns.
absl::Status SyncFolder(const std::string& dir);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_DATA_DIR_H_
