#include <utility>

#include "base/status_macros.h"
#include "sim/sim_disk.h"
#include "storage/ledger_store.h"
#include "tests/storage/store_contract.h"

namespace kiln::storage {
namespace {

class SimulatedDisk final : public Disk {
 public:
  absl::StatusOr<std::unique_ptr<Store>> Open(const Genesis& genesis) override {
    KILN_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, disk_.Open());
    return OpenStore(std::move(database), genesis, /*read_only=*/false);
  }

 private:
  sim::SimDisk disk_{"the disk of the contract"};
};

std::unique_ptr<Disk> MakeSimulatedDisk() {
  return std::make_unique<SimulatedDisk>();
}

INSTANTIATE_TEST_SUITE_P(Simulated, StoreContract, testing::Values(&MakeSimulatedDisk),
                         [](const auto&) { return std::string("Disk"); });
INSTANTIATE_TEST_SUITE_P(Simulated, StoreContractDeathTest, testing::Values(&MakeSimulatedDisk),
                         [](const auto&) { return std::string("Disk"); });

}  // namespace
}  // namespace kiln::storage
