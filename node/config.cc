#include "node/config.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "node/address.h"
#include "node/did_you_mean.h"
#include "node/files.h"
#include "node/home.h"
#include "node/node_options.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace kiln {
namespace node {
namespace {

// Every part of a dotted key is a table inside the one before it, and tables within tables are
// destroyed by recursion. A key ends with its line, and stands inside the table that one other line
// names: nothing nests deeper than twice this, which any stack holds.
constexpr int64_t kDotsPerLineMax = 1024;

absl::Status CheckDots(absl::string_view text, const std::string& path) {
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (std::count(line.begin(), line.end(), '.') <= kDotsPerLineMax) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ":", number, ": more than ", kDotsPerLineMax, " dots in one line; use more lines"));
  }
  return absl::OkStatus();
}

// Reads the keys of one table. The first thing that is wrong is remembered, what follows it is not
// looked at; a key that is absent leaves its target as it was. Finish() refuses keys nobody asked
// for.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string path, std::string prefix = "")
      : table_(table), path_(std::move(path)), prefix_(std::move(prefix)) {}

  void String(absl::string_view key, std::string* target) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (!node->is_string()) return Fail(*node, key, "must be a string");
    *target = node->ref<std::string>();
    // No path, name or address has control characters in it, and a zero byte would cut a path
    // short.
    for (const char c : *target) {
      if (static_cast<unsigned char>(c) < ' ') {
        return Fail(*node, key, "must not have control characters in it");
      }
    }
  }

  void Bool(absl::string_view key, bool* target) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (!node->is_boolean()) return Fail(*node, key, "must be true or false");
    *target = node->ref<bool>();
  }

  // True when the key is there and good.
  bool Whole(absl::string_view key, WholeRange range, uint64_t* target) {
    const toml::node* node = Find(key);
    if (node == nullptr) return false;
    const int64_t value = node->is_integer() ? node->ref<int64_t>() : -1;
    if (value < 0 || !range.Contains(static_cast<uint64_t>(value))) {
      const std::string shown = node->is_integer() ? absl::StrCat(" (is ", value, ")") : "";
      Fail(*node, key,
           absl::StrCat("must be a whole number from ", range.min, " to ", range.max, shown));
      return false;
    }
    *target = static_cast<uint64_t>(value);
    return true;
  }

  void Milliseconds(absl::string_view key, WholeRange range, absl::Duration* target) {
    uint64_t value = 0;
    if (Whole(key, range, &value)) *target = absl::Milliseconds(value);
  }

  // An address to listen on, or with `must_have_port` one to connect to.
  void Address(absl::string_view key, bool must_have_port, std::string* target) {
    String(key, target);
    const toml::node* node = table_.get(std::string(key));
    if (node == nullptr || !status_.ok()) return;
    const absl::StatusOr<HostPort> address = ParseHostPort(*target);
    if (!address.ok()) return Fail(*node, key, address.status().message());
    if (must_have_port && (address->port == 0 || IsWildcard(*address))) {
      return Fail(*node, key,
                  absl::StrCat("\"", *target, "\" is not an address that one can connect to"));
    }
  }

  void Path(absl::string_view key, const std::string& home, std::string* target) {
    String(key, target);
    if (!target->empty()) *target = ResolvePath(home, *target);
  }

  const toml::node* Find(absl::string_view key) {
    known_.push_back(key);
    return status_.ok() ? table_.get(std::string(key)) : nullptr;
  }

  void Require(absl::string_view key) {
    if (status_.ok() && table_.get(std::string(key)) == nullptr) Fail(table_, key, "is missing");
  }

  void Fail(const toml::node& node, absl::string_view key, absl::string_view what) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, ":", node.source().begin.line, ": ", prefix_, key, ": ", what));
  }

  absl::Status Finish() {
    for (const auto& [key, value] : table_) {
      if (!status_.ok()) break;
      const absl::string_view name(key.data(), key.length());
      bool is_known = false;
      for (absl::string_view candidate : known_) is_known = is_known || candidate == name;
      if (is_known) continue;
      const std::string in =
          prefix_.empty() ? "" : absl::StrCat(prefix_.substr(0, prefix_.size() - 1), ": ");
      status_ = absl::InvalidArgumentError(
          absl::StrCat(path_, ":", key.source().begin.line, ": ", in, UnknownKey(name, known_)));
    }
    return status_;
  }

 private:
  const toml::table& table_;
  const std::string path_;    // of the file, for errors
  const std::string prefix_;  // "peers[0]." or empty
  std::vector<absl::string_view> known_;
  absl::Status status_;
};

absl::StatusOr<PeerAddress> ReadPeer(const toml::table& table, const std::string& path,
                                     size_t index) {
  TableReader reader(table, path, absl::StrCat("peers[", index, "]."));
  PeerAddress peer;
  reader.String("name", &peer.name);
  reader.Address("address", /*must_have_port=*/true, &peer.address);
  reader.Require("name");
  reader.Require("address");
  KILN_RETURN_IF_ERROR(reader.Finish());
  return peer;
}

absl::Status ReadPeers(TableReader& reader, const std::string& path,
                       std::vector<PeerAddress>* peers) {
  const toml::node* node = reader.Find("peers");
  if (node == nullptr) return absl::OkStatus();
  const toml::array* list = node->as_array();
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const toml::table* table = list->get(i)->as_table();
    if (table == nullptr) {
      list = nullptr;
      break;
    }
    KILN_ASSIGN_OR_RETURN(PeerAddress peer, ReadPeer(*table, path, i));
    peers->push_back(std::move(peer));
  }
  if (list == nullptr) {
    reader.Fail(*node, "peers", "must be tables, each under a [[peers]] of its own");
  }
  return absl::OkStatus();
}

// The options before anything is read: what a home has when its kiln.toml is empty.
NodeOptions HomeDefaults(const std::string& home) {
  const HomePaths paths(home);
  NodeOptions options;
  options.data_dir = paths.data_dir;
  options.consensus_key_file = paths.consensus_key;
  options.node_key_file = paths.node_key;
  options.admin_socket = paths.admin_socket;
  return options;
}

absl::StatusOr<NodeOptions> ReadOptions(const toml::table& table, const std::string& home,
                                        const std::string& path) {
  TableReader reader(table, path);
  NodeOptions options = HomeDefaults(home);
  reader.Path("data_dir", home, &options.data_dir);
  reader.Path("consensus_key_file", home, &options.consensus_key_file);
  reader.Path("node_key_file", home, &options.node_key_file);
  reader.Path("admin_socket", home, &options.admin_socket);
  reader.Path("vote_log_file", home, &options.vote_log_file);
  reader.Address("peer_listen_address", /*must_have_port=*/false, &options.peer_listen_address);
  reader.Address("client_listen_address", /*must_have_port=*/false, &options.client_listen_address);
  reader.Bool("client_tls", &options.client_tls);
  reader.Milliseconds("round_timeout_min_ms", kRoundTimeoutMinMs, &options.round_timeout_min);
  reader.Milliseconds("round_timeout_max_ms", kRoundTimeoutMaxMs, &options.round_timeout_max);
  reader.Milliseconds("heartbeat_interval_ms", kHeartbeatIntervalMs, &options.heartbeat_interval);
  reader.Milliseconds("doppelganger_wait_ms", kDoppelgangerWaitMs, &options.doppelganger_wait);
  reader.Whole("mempool_bytes_max", kMempoolBytes, &options.mempool_bytes_max);
  reader.Whole("mempool_transactions_max", kMempoolTransactions, &options.mempool_transactions_max);
  reader.Whole("disk_free_bytes_min", kDiskFreeBytes, &options.disk_free_bytes_min);
  reader.Whole("scrub_bytes_per_second", kScrubBytesPerSecond, &options.scrub_bytes_per_second);
  reader.Whole("snapshots_kept", kSnapshotsKept, &options.snapshots_kept);
  reader.Whole("retention_blocks", kRetentionBlocks, &options.retention_blocks);
  reader.Whole("snapshot_catch_up_blocks", kSnapshotCatchUpBlocks,
               &options.snapshot_catch_up_blocks);
  reader.Bool("archive", &options.archive);
  uint64_t verify_threads = 0;
  if (reader.Whole("verify_threads", kVerifyThreads, &verify_threads)) {
    options.verify_threads = static_cast<int>(verify_threads);
  }
  KILN_RETURN_IF_ERROR(ReadPeers(reader, path, &options.peers));
  KILN_RETURN_IF_ERROR(reader.Finish());
  return options;
}

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return absl::StrCat(quoted, "\"");
}

std::string PeerText(const PeerAddress& peer) {
  if (!peer.address.empty()) {
    return absl::StrCat("\n[[peers]]\nname = ", Quoted(peer.name),
                        "\naddress = ", Quoted(peer.address), "\n");
  }
  return absl::StrCat("\n# [[peers]]\n# name = ", Quoted(peer.name),
                      "\n# address = \"host:port\"\n");
}

}  // namespace

absl::StatusOr<NodeOptions> ParseConfig(absl::string_view text, const std::string& home,
                                        const std::string& path) {
  KILN_RETURN_IF_ERROR(CheckDots(text, path));
  const toml::parse_result parsed = toml::parse(std::string(text));
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    const std::string description(error.description());
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", error.source().begin.line, ": ",
                     absl::Utf8SafeCEscape(description.substr(0, 300))));
  }
  return ReadOptions(parsed.table(), home, path);
}

absl::StatusOr<NodeOptions> ReadConfig(const std::string& home) {
  const std::string path = HomePaths(home).config;
  KILN_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path, kConfigFileBytesMax));
  return ParseConfig(text, home, path);
}

std::string ConfigText(const NewConfig& config) {
  const NodeOptions defaults;
  std::string text = absl::StrCat(
      "# How this validator runs. Paths are relative to this folder; what is left out has the "
      "value\n"
      "# shown here. What all validators must agree on is in genesis.json.\n\n"
      "peer_listen_address = ",
      Quoted(config.peer_listen_address),
      "\n"
      "client_listen_address = ",
      Quoted(config.client_listen_address),
      "\n"
      "client_tls = true                  # false is allowed on loopback addresses only\n\n"
      "data_dir = \"data\"\n"
      "consensus_key_file = \"keys/consensus.key\"\n"
      "node_key_file = \"keys/node.key\"\n"
      "admin_socket = \"admin.sock\"        # \"\" for none\n"
      "vote_log_file = \"\"                 # every vote received is appended here; \"\" for "
      "none\n\n"
      "round_timeout_min_ms = ",
      absl::ToInt64Milliseconds(defaults.round_timeout_min),
      "         # 10 to 60000\n"
      "round_timeout_max_ms = ",
      absl::ToInt64Milliseconds(defaults.round_timeout_max),
      "       # round_timeout_min_ms to 600000\n"
      "heartbeat_interval_ms = ",
      absl::ToInt64Milliseconds(defaults.heartbeat_interval),
      "       # 100 to 600000: the longest silence of an idle chain\n"
      "doppelganger_wait_ms = ",
      absl::ToInt64Milliseconds(defaults.doppelganger_wait),
      "        # 0 to 60000: after a start, how long to listen for own signatures before the first "
      "new one\n\n"
      "mempool_bytes_max = ",
      defaults.mempool_bytes_max,
      "       # 1048576 to 4294967296\n"
      "mempool_transactions_max = ",
      defaults.mempool_transactions_max,
      "  # 100 to 10000000\n"
      "disk_free_bytes_min = ",
      defaults.disk_free_bytes_min,
      "    # with less, the node accepts no transactions\n"
      "scrub_bytes_per_second = ",
      defaults.scrub_bytes_per_second,
      "   # 0 to 1073741824: how fast the ledger is read again for damage; 0: never\n"
      "snapshots_kept = ",
      defaults.snapshots_kept,
      "                 # 1 to 100: older snapshots of the state are removed\n"
      "retention_blocks = ",
      defaults.retention_blocks,
      "               # newest blocks that are kept at least; 0: all of them\n"
      "snapshot_catch_up_blocks = ",
      defaults.snapshot_catch_up_blocks,
      "   # farther behind than this, take a snapshot instead of blocks; 0: only when they are "
      "gone\n"
      "archive = false                    # true: keep every block from 1 on, and take no snapshot "
      "in their place\n"
      "verify_threads = ",
      defaults.verify_threads,
      "                 # 0 to 64; 0: half of the cores\n\n"
      "# Where the other validators listen. Who they are is proved by their keys, not by "
      "addresses.\n");
  for (const PeerAddress& peer : config.peers) absl::StrAppend(&text, PeerText(peer));
  return text;
}

}  // namespace node

absl::StatusOr<NodeOptions> NodeOptions::FromHome(const std::string& home) {
  KILN_ASSIGN_OR_RETURN(NodeOptions options, node::ReadConfig(home));
  const node::HomePaths paths(home);
  KILN_ASSIGN_OR_RETURN(options.genesis, Genesis::FromFile(paths.genesis));
  if (const absl::Status valid = node::ValidateNodeOptions(options); !valid.ok()) {
    return Annotate(valid, paths.config);
  }
  return options;
}

}  // namespace kiln
