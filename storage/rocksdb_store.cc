#include "storage/rocksdb_store.h"

#include <utility>

#include "base/status_macros.h"
#include "storage/ledger_store.h"
#include "storage/rocksdb_database.h"

namespace kiln::storage {

absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbStoreOptions& options) {
  KILN_ASSIGN_OR_RETURN(
      std::shared_ptr<Database> database,
      OpenRocksDbDatabase(options.data_dir,
                          options.read_only ? Access::kReadOnly : Access::kReadWrite, options.env,
                          options.write_buffer_bytes));
  return OpenStore(std::move(database), options.genesis, options.read_only);
}

}  // namespace kiln::storage
