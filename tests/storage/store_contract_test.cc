#include "tests/storage/store_contract.h"

#include "storage/rocksdb_store.h"
#include "tests/storage/temporary_dir.h"

namespace kiln::storage {
namespace {

class RocksDbDisk final : public Disk {
 public:
  absl::StatusOr<std::unique_ptr<Store>> Open(const Genesis& genesis) override {
    return OpenRocksDbStore({.data_dir = dir_.At("data"), .genesis = genesis});
  }

 private:
  TemporaryDir dir_;
};

std::unique_ptr<Disk> MakeRocksDbDisk() {
  return std::make_unique<RocksDbDisk>();
}

INSTANTIATE_TEST_SUITE_P(RocksDb, StoreContract, testing::Values(&MakeRocksDbDisk),
                         [](const auto&) { return std::string("Disk"); });
INSTANTIATE_TEST_SUITE_P(RocksDb, StoreContractDeathTest, testing::Values(&MakeRocksDbDisk),
                         [](const auto&) { return std::string("Disk"); });

}  // namespace
}  // namespace kiln::storage
