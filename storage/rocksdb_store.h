// The store in one RocksDB.
#ifndef KILN_STORAGE_ROCKSDB_STORE_H_
#define KILN_STORAGE_ROCKSDB_STORE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kiln/genesis.h"
#include "storage/store.h"

namespace rocksdb {
class Env;
}

namespace kiln::storage {

struct RocksDbStoreOptions {
  std::string data_dir;
  Genesis genesis;
  bool read_only = false;  // for offline tools: nothing is written; refused while a node runs on it
  rocksdb::Env* env = nullptr;  // the disk; null for the machine's. A test may bring a faulty one
  // Of every column family, before it is written into a table; 0 for the sizes that suit a node. A
  // test may want many small tables.
  size_t write_buffer_bytes = 0;
};

// Opens or creates, as OpenStore (storage/ledger_store.h) does. Besides its errors:
// FailedPrecondition another process holds the folder | Unavailable the folder cannot be used.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbStoreOptions& options);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_ROCKSDB_STORE_H_
