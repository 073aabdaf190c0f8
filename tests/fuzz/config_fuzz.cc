#include <string>

#include "absl/strings/str_cat.h"
#include "node/config.h"
#include "node/node_options.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

constexpr char kHome[] = "/home/validator";

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\x7F') {
      quoted += "\\u007F";
      continue;
    }
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

// Every option, written plainly.
std::string Write(const NodeOptions& options) {
  std::string text;
  const auto line = [&text](absl::string_view key, absl::string_view value) {
    absl::StrAppend(&text, key, " = ", value, "\n");
  };
  line("data_dir", Quoted(options.data_dir));
  line("consensus_key_file", Quoted(options.consensus_key_file));
  line("node_key_file", Quoted(options.node_key_file));
  line("admin_socket", Quoted(options.admin_socket));
  line("vote_log_file", Quoted(options.vote_log_file));
  line("peer_listen_address", Quoted(options.peer_listen_address));
  line("client_listen_address", Quoted(options.client_listen_address));
  line("client_tls", options.client_tls ? "true" : "false");
  line("round_timeout_min_ms", absl::StrCat(absl::ToInt64Milliseconds(options.round_timeout_min)));
  line("round_timeout_max_ms", absl::StrCat(absl::ToInt64Milliseconds(options.round_timeout_max)));
  line("heartbeat_interval_ms",
       absl::StrCat(absl::ToInt64Milliseconds(options.heartbeat_interval)));
  line("doppelganger_wait_ms", absl::StrCat(absl::ToInt64Milliseconds(options.doppelganger_wait)));
  line("mempool_bytes_max", absl::StrCat(options.mempool_bytes_max));
  line("mempool_transactions_max", absl::StrCat(options.mempool_transactions_max));
  line("disk_free_bytes_min", absl::StrCat(options.disk_free_bytes_min));
  line("scrub_bytes_per_second", absl::StrCat(options.scrub_bytes_per_second));
  line("snapshots_kept", absl::StrCat(options.snapshots_kept));
  line("retention_blocks", absl::StrCat(options.retention_blocks));
  line("snapshot_catch_up_blocks", absl::StrCat(options.snapshot_catch_up_blocks));
  line("archive", options.archive ? "true" : "false");
  line("verify_threads", absl::StrCat(options.verify_threads));
  for (const PeerAddress& peer : options.peers) {
    absl::StrAppend(&text, "[[peers]]\n");
    line("name", Quoted(peer.name));
    line("address", Quoted(peer.address));
  }
  return text;
}

}  // namespace

KILN_FUZZ_TARGET(config) {
  absl::StatusOr<NodeOptions> options = node::ParseConfig(input, kHome, "kiln.toml");
  if (!options.ok()) {
    ExpectReadable(options.status());
    return false;
  }
  const std::string text = Write(*options);
  const absl::StatusOr<NodeOptions> again = node::ParseConfig(text, kHome, "kiln.toml");
  Expect(again.ok(), "options that were read are read again");
  Expect(Write(*again) == text, "options survive writing");
  options->genesis = CheapSamples().world.genesis();
  const absl::Status valid = node::ValidateNodeOptions(*options);
  if (!valid.ok()) ExpectReadable(valid);
  return true;
}

}  // namespace kiln::fuzz
