// RocksDB's logs, checked before it replays them. Include from .cc files of this folder.
#ifndef KILN_STORAGE_LOG_CHECK_H_
#define KILN_STORAGE_LOG_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rocksdb {
class Env;
}

namespace kiln::storage {

// Whether `contents` is a log as RocksDB writes them, cut anywhere. DataLoss names the offset of
// the first record that is not what was written. A record at the end that is whole but for a
// damaged length is one of them: RocksDB would take it for one that a crash has cut, and drop it
// with all behind it, though it was synced.
absl::Status CheckLog(absl::string_view contents);

// Checks the write-ahead logs in `dir` and the MANIFEST that its CURRENT names. DataLoss names file
// and offset; Unavailable when one cannot be read. What is missing is for RocksDB to say.
absl::Status CheckLogs(const std::string& dir, rocksdb::Env* env);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_LOG_CHECK_H_
