// Homes of a stopped chain, with keys and a ledger that a test makes block by block.
#ifndef KILN_TESTS_TOOLS_STOPPED_NET_H_
#define KILN_TESTS_TOOLS_STOPPED_NET_H_

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "crypto/key_file.h"
#include "node/config.h"
#include "node/home.h"
#include "storage/rocksdb_store.h"
#include "tests/node/temp_dir.h"
#include "tests/storage/ledger_driver.h"

namespace kiln::tools {

// Validator 0 signs what the driver's safety record says. Not thread-safe.
class StoppedNet {
 public:
  explicit StoppedNet(const ChainLimits& limits = {}) : world_({1, 1, 1, 1}, limits) {}

  consensus::TestWorld& world() { return world_; }
  storage::LedgerDriver& driver() { return driver_; }
  std::string At(const std::string& name) const { return dir_ / name; }

  // A home with the keys of validator `index` and no ledger.
  std::string MakeHome(uint32_t index) {
    std::string home = At(absl::StrCat("validator-", index));
    const node::HomePaths paths(home);
    std::filesystem::create_directories(paths.keys_dir);
    node::WriteText(paths.config, node::ConfigText({.peer_listen_address = "127.0.0.1:0",
                                                    .client_listen_address = "127.0.0.1:0"}));
    node::WriteText(paths.genesis, world_.genesis().ToJson());
    KILN_CHECK_OK(crypto::WriteKeyFile(paths.consensus_key, crypto::KeyPurpose::kConsensus,
                                       consensus::TestKey(index, 'c'), ""));
    KILN_CHECK_OK(crypto::WriteKeyFile(paths.node_key, crypto::KeyPurpose::kNode,
                                       consensus::TestKey(index, 'n'), ""));
    return home;
  }
  // As the node of that home would have left it.
  std::string CopyHome(const std::string& home, const std::string& name) const {
    std::filesystem::copy(home, At(name), std::filesystem::copy_options::recursive);
    return At(name);
  }

  std::unique_ptr<storage::Store> Open(const std::string& home) const {
    absl::StatusOr<std::unique_ptr<storage::Store>> store = storage::OpenRocksDbStore(
        {.data_dir = node::HomePaths(home).data_dir, .genesis = world_.genesis()});
    KILN_CHECK_OK(store.status());
    return *std::move(store);
  }
  // `blocks` more blocks of two transactions each; what they commit is executed.
  void Grow(const std::string& home, int blocks) {
    const std::unique_ptr<storage::Store> store = Open(home);
    for (int i = 0; i < blocks; ++i) {
      const size_t height = driver_.chain().size();
      KILN_CHECK_OK(store->Persist(driver_.Extend({absl::StrCat("a", height), "b"})));
    }
    while (store->executed_state().height < store->committed_height()) {
      const uint64_t height = store->executed_state().height.value + 1;
      KILN_CHECK_OK(
          store->ApplyBlock(storage::LedgerDriver::WritesAt(height), driver_.ResultsAt(height)));
    }
  }

 private:
  consensus::TestWorld world_;
  storage::LedgerDriver driver_{&world_};
  node::TempDir dir_;
};

}  // namespace kiln::tools

#endif  // KILN_TESTS_TOOLS_STOPPED_NET_H_
