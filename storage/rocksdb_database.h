// A database in RocksDB, opened the way a ledger needs it.
#ifndef KILN_STORAGE_ROCKSDB_DATABASE_H_
#define KILN_STORAGE_ROCKSDB_DATABASE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/database.h"

namespace rocksdb {
class Env;
}

namespace kiln::storage {

enum class Access { kReadWrite, kReadOnly };

// What one family takes. Keys are RocksDB's estimate: overwritten ones may count twice until they
// are compacted.
struct FamilySize {
  uint64_t keys = 0;
  uint64_t table_bytes = 0;
  uint64_t blob_bytes = 0;       // large values, beside the tables
  uint64_t unflushed_bytes = 0;  // in the log and in memory only
};

// A database, and what RocksDB can tell about its files. Thread-safe.
class RocksDb : public Database {
 public:
  virtual FamilySize SizeOf(Family family) const = 0;
  // All keys of the family, whatever they are: one entry of the batch.
  virtual void DeleteAll(Family family, WriteBatch* batch) const = 0;
  // Reads every table and compares all of it with its checksums. DataLoss names a file.
  virtual absl::Status CheckTables() const = 0;
  // Writes all tables anew, without what was overwritten or deleted. DataLoss names the family of
  // which a table cannot be read; ResourceExhausted: no space.
  virtual absl::Status Compact() = 0;

 protected:
  using Database::Database;
};

// Creates the folder and the column families when there are none. A folder that has lost the file
// which names its tables is refused, never started anew. `env` is the disk; null for the machine's.
// `write_buffer_bytes` as in RocksDbStoreOptions.
absl::StatusOr<std::shared_ptr<RocksDb>> OpenRocksDbDatabase(const std::string& dir, Access access,
                                                             rocksdb::Env* env,
                                                             size_t write_buffer_bytes = 0);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_ROCKSDB_DATABASE_H_
