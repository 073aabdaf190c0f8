#include "node/config.h"

#include <gtest/gtest.h>

#include <string>

#include "node/node_options.h"
#include "tests/node/temp_dir.h"

namespace kiln::node {
namespace {

absl::StatusOr<NodeOptions> Parse(const std::string& text) {
  return ParseConfig(text, "/home", "kiln.toml");
}

std::string Refusal(const std::string& text) {
  const absl::StatusOr<NodeOptions> options = Parse(text);
  EXPECT_FALSE(options.ok()) << text;
  return std::string(options.status().message());
}

TEST(Config, GivesKeysLeftOutTheirDefaults) {
  const absl::StatusOr<NodeOptions> options = Parse("");
  ASSERT_TRUE(options.ok()) << options.status();
  const NodeOptions defaults;
  EXPECT_EQ(options->peer_listen_address, defaults.peer_listen_address);
  EXPECT_EQ(options->round_timeout_min, defaults.round_timeout_min);
  EXPECT_EQ(options->mempool_bytes_max, defaults.mempool_bytes_max);
  EXPECT_TRUE(options->client_tls);
  EXPECT_EQ(options->data_dir, "/home/data");
  EXPECT_EQ(options->consensus_key_file, "/home/keys/consensus.key");
  EXPECT_EQ(options->node_key_file, "/home/keys/node.key");
  EXPECT_EQ(options->admin_socket, "/home/admin.sock");
  EXPECT_EQ(options->vote_log_file, "");
}

TEST(Config, ReadsEveryKey) {
  const absl::StatusOr<NodeOptions> options = Parse(
      "data_dir = \"/var/data\"\n"
      "consensus_key_file = \"c.key\"\n"
      "node_key_file = \"../n.key\"\n"
      "admin_socket = \"\"\n"
      "vote_log_file = \"votes.log\"\n"
      "peer_listen_address = \"0.0.0.0:1\"\n"
      "client_listen_address = \"[::1]:2\"\n"
      "client_tls = false\n"
      "round_timeout_min_ms = 10\n"
      "round_timeout_max_ms = 600_000\n"
      "heartbeat_interval_ms = 100\n"
      "doppelganger_wait_ms = 0\n"
      "mempool_bytes_max = 0x100000\n"
      "mempool_transactions_max = 100\n"
      "disk_free_bytes_min = 0\n"
      "scrub_bytes_per_second = 0\n"
      "snapshots_kept = 100\n"
      "retention_blocks = 5000\n"
      "snapshot_catch_up_blocks = 700\n"
      "archive = true\n"
      "verify_threads = 64\n"
      "[[peers]]\nname = \"a\"\naddress = \"a.example.org:7\"\n"
      "[[peers]]\nname = \"b\"\naddress = \"10.0.0.2:8\"\n");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->data_dir, "/var/data");
  EXPECT_EQ(options->consensus_key_file, "/home/c.key");
  EXPECT_EQ(options->node_key_file, "/home/../n.key");
  EXPECT_EQ(options->admin_socket, "");
  EXPECT_EQ(options->vote_log_file, "/home/votes.log");
  EXPECT_EQ(options->peer_listen_address, "0.0.0.0:1");
  EXPECT_EQ(options->client_listen_address, "[::1]:2");
  EXPECT_FALSE(options->client_tls);
  EXPECT_EQ(options->round_timeout_min, absl::Milliseconds(10));
  EXPECT_EQ(options->round_timeout_max, absl::Minutes(10));
  EXPECT_EQ(options->heartbeat_interval, absl::Milliseconds(100));
  EXPECT_EQ(options->doppelganger_wait, absl::ZeroDuration());
  EXPECT_EQ(options->mempool_bytes_max, 1U << 20);
  EXPECT_EQ(options->mempool_transactions_max, 100U);
  EXPECT_EQ(options->disk_free_bytes_min, 0U);
  EXPECT_EQ(options->scrub_bytes_per_second, 0U);
  EXPECT_EQ(options->snapshots_kept, 100U);
  EXPECT_EQ(options->retention_blocks, 5000U);
  EXPECT_EQ(options->snapshot_catch_up_blocks, 700U);
  EXPECT_TRUE(options->archive);
  EXPECT_EQ(options->verify_threads, 64);
  ASSERT_EQ(options->peers.size(), 2U);
  EXPECT_EQ(options->peers[1].name, "b");
  EXPECT_EQ(options->peers[1].address, "10.0.0.2:8");
}

TEST(Config, ReadsBackWhatItWrites) {
  const NewConfig config{.peer_listen_address = "127.0.0.1:26600",
                         .client_listen_address = "127.0.0.1:26601",
                         .peers = {{"quo\"te\\", "127.0.0.1:26610"}, {"unknown", ""}}};
  const absl::StatusOr<NodeOptions> options = Parse(ConfigText(config));
  ASSERT_TRUE(options.ok()) << options.status() << ConfigText(config);
  EXPECT_EQ(options->client_listen_address, "127.0.0.1:26601");
  ASSERT_EQ(options->peers.size(), 1U);
  EXPECT_EQ(options->peers[0].name, "quo\"te\\");
  const NodeOptions defaults;
  EXPECT_EQ(options->round_timeout_max, defaults.round_timeout_max);
  EXPECT_EQ(options->heartbeat_interval, defaults.heartbeat_interval);
  EXPECT_EQ(options->doppelganger_wait, defaults.doppelganger_wait);
  EXPECT_FALSE(options->archive);
  EXPECT_EQ(options->disk_free_bytes_min, defaults.disk_free_bytes_min);
  EXPECT_EQ(options->scrub_bytes_per_second, defaults.scrub_bytes_per_second);
  EXPECT_NE(ConfigText(config).find("# name = \"unknown\""), std::string::npos);
}

TEST(Config, SuggestsTheKeyThatWasMeant) {
  EXPECT_EQ(Refusal("\nround_timeout_min = 5\n"),
            "kiln.toml:2: unknown key \"round_timeout_min\" (did you mean "
            "\"round_timeout_min_ms\"?)");
  EXPECT_EQ(Refusal("[[peers]]\nname = \"a\"\nadress = \"a:1\"\n"),
            "kiln.toml:1: peers[0].address: is missing");
  EXPECT_EQ(Refusal("[[peers]]\nname = \"a\"\naddress = \"a:1\"\nadress = \"a:1\"\n"),
            "kiln.toml:4: peers[0]: unknown key \"adress\" (did you mean \"address\"?)");
  EXPECT_EQ(Refusal("[node]\nverify_threads = 1\n").rfind("kiln.toml:1: unknown key \"node\"", 0),
            0U);
}

TEST(Config, NamesLineKeyAndTypeOfAWrongType) {
  EXPECT_EQ(Refusal("data_dir = 1"), "kiln.toml:1: data_dir: must be a string");
  EXPECT_EQ(Refusal("client_tls = \"no\""), "kiln.toml:1: client_tls: must be true or false");
  EXPECT_EQ(Refusal("verify_threads = \"1\""),
            "kiln.toml:1: verify_threads: must be a whole number from 0 to 64");
  EXPECT_EQ(Refusal("verify_threads = 1.5"),
            "kiln.toml:1: verify_threads: must be a whole number from 0 to 64");
  EXPECT_EQ(Refusal("snapshot_catch_up_blocks = -1"),
            "kiln.toml:1: snapshot_catch_up_blocks: must be a whole number from 0 to "
            "9223372036854775807 (is -1)");
  EXPECT_EQ(Refusal("peers = 1"),
            "kiln.toml:1: peers: must be tables, each under a [[peers]] of its own");
  EXPECT_EQ(Refusal("peers = [\"a:1\"]"),
            "kiln.toml:1: peers: must be tables, each under a [[peers]] of its own");
}

TEST(Config, NamesLineKeyAndRangeOfAWrongNumber) {
  struct Case {
    const char* key;
    WholeRange range;
  };
  constexpr Case kCases[] = {
      {"round_timeout_max_ms", kRoundTimeoutMaxMs},
      {"round_timeout_min_ms", kRoundTimeoutMinMs},
      {"heartbeat_interval_ms", kHeartbeatIntervalMs},
      {"doppelganger_wait_ms", kDoppelgangerWaitMs},
      {"mempool_bytes_max", kMempoolBytes},
      {"mempool_transactions_max", kMempoolTransactions},
      {"verify_threads", kVerifyThreads},
  };
  for (const Case& one : kCases) {
    const auto text = [&one](int64_t value) {
      return "\n" + std::string(one.key) + " = " + std::to_string(value);
    };
    const int64_t min = static_cast<int64_t>(one.range.min);
    const int64_t max = static_cast<int64_t>(one.range.max);
    EXPECT_TRUE(Parse(text(min)).ok()) << text(min);
    EXPECT_TRUE(Parse(text(max)).ok()) << text(max);
    for (const int64_t value : {min - 1, max + 1, INT64_MIN, INT64_MAX}) {
      EXPECT_EQ(Refusal(text(value)), "kiln.toml:2: " + std::string(one.key) +
                                          ": must be a whole number from " + std::to_string(min) +
                                          " to " + std::to_string(max) + " (is " +
                                          std::to_string(value) + ")");
    }
  }
}

TEST(Config, RefusesWrongAddresses) {
  EXPECT_EQ(Refusal("peer_listen_address = \"localhost\""),
            "kiln.toml:1: peer_listen_address: \"localhost\" is not host:port");
  EXPECT_EQ(
      Refusal("client_listen_address = \"a:70000\""),
      "kiln.toml:1: client_listen_address: \"a:70000\" does not end in a port from 0 to 65535");
  EXPECT_EQ(Refusal("[[peers]]\nname = \"a\"\naddress = \"a:0\""),
            "kiln.toml:3: peers[0].address: \"a:0\" is not an address that one can connect to");
  EXPECT_EQ(
      Refusal("[[peers]]\nname = \"a\"\naddress = \"0.0.0.0:1\""),
      "kiln.toml:3: peers[0].address: \"0.0.0.0:1\" is not an address that one can connect to");
}

TEST(Config, RefusesControlCharactersInText) {
  EXPECT_EQ(Refusal("data_dir = \"a\\u0000b\""),
            "kiln.toml:1: data_dir: must not have control characters in it");
}

TEST(Config, SaysWhereTheTextStopsBeingToml) {
  EXPECT_EQ(Refusal("client_tls = true\nverify_threads =\n").rfind("kiln.toml:2: ", 0), 0U);
  EXPECT_EQ(Refusal("client_tls = true\nclient_tls = true\n").rfind("kiln.toml:2: ", 0), 0U);
  EXPECT_EQ(Refusal("a = \"\xff\"").rfind("kiln.toml:1: ", 0), 0U);
  EXPECT_FALSE(Parse("a = " + std::string(10000, '[')).ok());
}

// Each part of a key is a table of its own; half a million of them once ended the process.
TEST(Config, RefusesKeysOfVeryManyParts) {
  std::string key = "a";
  for (int i = 0; i < 1025; ++i) key += ".a";
  for (const std::string& text :
       {key + " = 1\n", "[" + key + "]\n", "[[" + key + "]]\n", "a = { " + key + " = 1 }\n"}) {
    EXPECT_EQ(Refusal("client_tls = true\n" + text),
              "kiln.toml:2: more than 1024 dots in one line; use more lines");
  }
  key.resize(key.size() - 2);
  EXPECT_EQ(Refusal("[" + key + "]\n" + key + " = 1\n"), Refusal("[a]\n"));
}

TEST(Config, RefusesAFileThatIsTooLarge) {
  const TempDir home;
  WriteText(home / "kiln.toml", std::string(kConfigFileBytesMax + 1, '\n'));
  EXPECT_EQ(ReadConfig(home.path()).status().message(),
            (home / "kiln.toml") + ": larger than 1048576 bytes, the most that is read");
}

TEST(Config, NamesTheFileThatIsMissing) {
  const TempDir home;
  const absl::Status status = NodeOptions::FromHome(home.path()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), (home / "kiln.toml") + ": cannot open: No such file or directory");
}

}  // namespace
}  // namespace kiln::node
