#include "node/node_options.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <string>

#include "node/home.h"
#include "tests/node/temp_dir.h"

namespace kiln::node {
namespace {

class NodeOptionsTest : public testing::Test {
 protected:
  NodeOptionsTest() {
    const absl::StatusOr<Testnet> testnet =
        WriteTestnet({.output = dir_ / "net", .powers = {1, 1, 1, 1}});
    EXPECT_TRUE(testnet.ok()) << testnet.status();
    homes_ = testnet->homes;
  }

  NodeOptions Options(size_t validator = 0) const {
    absl::StatusOr<NodeOptions> options = NodeOptions::FromHome(homes_[validator]);
    EXPECT_TRUE(options.ok()) << options.status();
    return *std::move(options);
  }
  // What ValidateNodeOptions says once `change` was made.
  std::string Refusal(const std::function<void(NodeOptions&)>& change) const {
    NodeOptions options = Options();
    change(options);
    const absl::Status status = ValidateNodeOptions(options);
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }

  const TempDir dir_;
  std::vector<std::string> homes_;
};

TEST_F(NodeOptionsTest, NamesTheOptionAndItsRange) {
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.round_timeout_min = absl::Milliseconds(9); }),
            "round_timeout_min: must be from 10ms to 1m (is 9ms)");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.round_timeout_max = absl::InfiniteDuration(); }),
            "round_timeout_max: must be from 10ms to 10m (is inf)");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.round_timeout_max = absl::Milliseconds(499); }),
            "round_timeout_max: must be at least round_timeout_min, which is 500ms (is 499ms)");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.heartbeat_interval = absl::Milliseconds(99); }),
            "heartbeat_interval: must be from 100ms to 10m (is 99ms)");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.doppelganger_wait = absl::Minutes(2); }),
            "doppelganger_wait: must be from 0 to 1m (is 2m)");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.mempool_bytes_max = 1; }),
            "mempool_bytes_max: must be from 1048576 to 4294967296 (is 1)");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.mempool_transactions_max = 99; }),
            "mempool_transactions_max: must be from 100 to 10000000 (is 99)");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.verify_threads = -1; }),
            "verify_threads: must be from 0 to 64 (is -1)");
}

TEST_F(NodeOptionsTest, RefusesPlaintextBeyondLoopback) {
  EXPECT_EQ(Refusal([](NodeOptions& o) {
              o.client_tls = false;
              o.client_listen_address = "0.0.0.0:26601";
            }),
            "client_tls: false is allowed on loopback addresses only, and client_listen_address is "
            "0.0.0.0:26601");
  NodeOptions options = Options();
  options.client_tls = false;
  EXPECT_TRUE(ValidateNodeOptions(options).ok());
}

TEST_F(NodeOptionsTest, RefusesAnArchiveThatPrunes) {
  EXPECT_EQ(Refusal([](NodeOptions& o) {
              o.archive = true;
              o.retention_blocks = 9;
            }),
            "archive: true keeps every block, and retention_blocks is 9: set it to 0");
  NodeOptions options = Options();
  options.archive = true;
  EXPECT_TRUE(ValidateNodeOptions(options).ok());
}

TEST_F(NodeOptionsTest, RefusesOneAddressForTwoServices) {
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.client_listen_address = o.peer_listen_address; }),
            "client_listen_address: 127.0.0.1:26600 is the peer_listen_address already");
}

TEST_F(NodeOptionsTest, RefusesPeersThatAreNotInTheGenesis) {
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.peers[0].name = "mallory"; }),
            "peers: \"mallory\" is not a validator of the genesis");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.peers.push_back(o.peers[0]); }),
            "peers: \"validator-1\" is given twice");
  EXPECT_EQ(Refusal([](NodeOptions& o) { o.peers[0].address = "a:0"; }),
            "peers: validator-1: a:0 is not an address that one can connect to");
}

TEST_F(NodeOptionsTest, RefusesAnAdminSocketPathThatUnixCannotHold) {
  const std::string path = "/" + std::string(107, 's');
  EXPECT_EQ(Refusal([&path](NodeOptions& o) { o.admin_socket = path; }),
            "admin_socket: the path has 108 bytes, at most 107 are possible: choose a shorter one, "
            "or \"\" for none (is " +
                path + ")");
}

TEST_F(NodeOptionsTest, RefusesAGenesisThatIsWrong) {
  EXPECT_EQ(
      Refusal([](NodeOptions& o) { o.genesis.validators[1].power = 0; }).rfind("genesis: ", 0), 0U);
}

TEST_F(NodeOptionsTest, FindsOutWhoItIsByItsKeys) {
  for (size_t i = 0; i < homes_.size(); ++i) {
    const absl::StatusOr<NodeKeys> keys = LoadNodeKeys(Options(i));
    ASSERT_TRUE(keys.ok()) << keys.status();
    EXPECT_EQ(keys->self.value, i);
  }
}

TEST_F(NodeOptionsTest, RefusesKeysOfTwoValidators) {
  NodeOptions options = Options(0);
  options.node_key_file = Options(2).node_key_file;
  EXPECT_EQ(
      LoadNodeKeys(options).status().message(),
      options.consensus_key_file +
          ": the consensus key is that of validator-0, but the node key is that of validator-2");
}

TEST_F(NodeOptionsTest, RefusesKeysOfNobody) {
  const absl::StatusOr<HomeKeys> stranger = WriteHomeKeys(dir_ / "stranger", "");
  ASSERT_TRUE(stranger.ok()) << stranger.status();
  NodeOptions options = Options(0);
  options.node_key_file = HomePaths(dir_ / "stranger").node_key;
  EXPECT_EQ(LoadNodeKeys(options).status().message(),
            options.node_key_file + ": the key " + Hash{stranger->node_key}.ToHex() +
                " belongs to no validator of the genesis of \"testnet\"");
  options.consensus_key_file = HomePaths(dir_ / "stranger").consensus_key;
  EXPECT_EQ(LoadNodeKeys(options).status().message(),
            options.consensus_key_file + ": the key " + Hash{stranger->consensus_key}.ToHex() +
                " belongs to no validator of the genesis of \"testnet\"");
}

TEST_F(NodeOptionsTest, RefusesToBeItsOwnPeer) {
  NodeOptions options = Options(1);
  options.consensus_key_file = Options(2).consensus_key_file;
  options.node_key_file = Options(2).node_key_file;
  EXPECT_EQ(LoadNodeKeys(options).status().message(),
            "peers: \"validator-2\" is this node itself, by its keys");
}

TEST_F(NodeOptionsTest, RefusesKeyFilesThatOthersCanRead) {
  const NodeOptions options = Options(0);
  ASSERT_EQ(chmod(options.consensus_key_file.c_str(), 0644), 0);
  const absl::Status status = LoadNodeKeys(options).status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find(options.consensus_key_file), absl::string_view::npos);
}

}  // namespace
}  // namespace kiln::node
