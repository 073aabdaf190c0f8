// The store in one RocksDB.
#ifndef KILN_STORAGE_ROCKSDB_STORE_H_
#define KILN_STORAGE_ROCKSDB_STORE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kiln/genesis.h"
#include "storage/store.h"

namespace rocksdb {
class Env;
}

namespace kiln::storage {

inline constexpr uint32_t kFormatVersion = 1;

struct RocksDbStoreOptions {
  std::string data_dir;
  Genesis genesis;
  bool read_only = false;  // for offline tools: nothing is written; refused while a node runs on it
  rocksdb::Env* env = nullptr;  // the disk; null for the machine's. A test may bring a faulty one
};

// Opens or creates. Creating writes format version, chain id, block 0 and the first safety record
// in one synced batch; a folder with anything less is refused. Errors name the folder and the way
// out: FailedPrecondition another process holds it, another chain's data, a newer format, a missing
// or contradictory safety record | DataLoss damage | ResourceExhausted a full disk | NotFound
// nothing there to be read.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbStoreOptions& options);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_ROCKSDB_STORE_H_
