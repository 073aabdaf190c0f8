// A stopped node's home, for the commands that look at its folder or repair it.
#ifndef KILN_TOOLS_OFFLINE_HOME_H_
#define KILN_TOOLS_OFFLINE_HOME_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kiln/genesis.h"
#include "storage/rocksdb_database.h"
#include "storage/store.h"

namespace kiln::tools {

struct OfflineHome {
  std::string home;
  std::string data_dir;
  std::string consensus_key_file;
  Genesis genesis;
};
absl::StatusOr<OfflineHome> ReadOfflineHome(const std::string& home);

// The folder's database, locked against a node: FailedPrecondition while one runs. NotFound when
// there is no ledger.
absl::StatusOr<std::shared_ptr<storage::RocksDb>> OpenOffline(const OfflineHome& home,
                                                              storage::Access access);
// The same as a store, for reading only: the ledger must be one that a node would start from.
absl::StatusOr<std::unique_ptr<storage::Store>> OpenOfflineStore(const OfflineHome& home);
// Both steps, for whoever needs the store alone.
absl::StatusOr<std::unique_ptr<storage::Store>> OpenStoredLedger(const std::string& home);

// Adds --home, required.
void AddOfflineHomeOption(CLI::App* command, std::string* home);
// Adds --yes: without it a command that changes something only says what it would do.
void AddYesOption(CLI::App* command, bool* yes);
// The last line of such a run.
inline constexpr char kDryRunNote[] = "Nothing was changed: repeat it with --yes to do this";

}  // namespace kiln::tools

#endif  // KILN_TOOLS_OFFLINE_HOME_H_
