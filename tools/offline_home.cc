#include "tools/offline_home.h"

#include <utility>

#include "base/status_macros.h"
#include "node/config.h"
#include "node/home.h"
#include "storage/data_dir.h"
#include "storage/ledger_store.h"

namespace kiln::tools {

absl::StatusOr<OfflineHome> ReadOfflineHome(const std::string& home) {
  KILN_ASSIGN_OR_RETURN(NodeOptions config, node::ReadConfig(home));
  KILN_ASSIGN_OR_RETURN(Genesis genesis, Genesis::FromFile(node::HomePaths(home).genesis));
  return OfflineHome{.home = home,
                     .data_dir = std::move(config.data_dir),
                     .consensus_key_file = std::move(config.consensus_key_file),
                     .genesis = std::move(genesis)};
}

absl::StatusOr<std::shared_ptr<storage::RocksDb>> OpenOffline(const OfflineHome& home,
                                                              storage::Access access) {
  KILN_RETURN_IF_ERROR(storage::RequireLedger(home.data_dir));
  return storage::OpenRocksDbDatabase(home.data_dir, access, /*env=*/nullptr);
}

absl::StatusOr<std::unique_ptr<storage::Store>> OpenOfflineStore(const OfflineHome& home) {
  KILN_ASSIGN_OR_RETURN(std::shared_ptr<storage::RocksDb> database,
                        OpenOffline(home, storage::Access::kReadOnly));
  return storage::OpenStore(std::move(database), home.genesis, /*read_only=*/true);
}

absl::StatusOr<std::unique_ptr<storage::Store>> OpenStoredLedger(const std::string& home) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome offline, ReadOfflineHome(home));
  return OpenOfflineStore(offline);
}

void AddOfflineHomeOption(CLI::App* command, std::string* home) {
  command->add_option("--home", *home, "The validator's folder; its node must be stopped")
      ->required();
}

void AddYesOption(CLI::App* command, bool* yes) {
  command->add_flag("--yes", *yes, "Do it; without this nothing is changed");
}

}  // namespace kiln::tools
