// A database in RocksDB, opened the way a ledger needs it.
#ifndef KILN_STORAGE_ROCKSDB_DATABASE_H_
#define KILN_STORAGE_ROCKSDB_DATABASE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/database.h"

namespace rocksdb {
class Env;
}

namespace kiln::storage {

enum class Access { kReadWrite, kReadOnly };

// Creates the folder and the column families when there are none. A folder that has lost the file
// which names its tables is refused, never started anew. `env` is the disk; null for the machine's.
// `write_buffer_bytes` as in RocksDbStoreOptions.
absl::StatusOr<std::shared_ptr<Database>> OpenRocksDbDatabase(const std::string& dir, Access access,
                                                              rocksdb::Env* env,
                                                              size_t write_buffer_bytes = 0);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_ROCKSDB_DATABASE_H_
