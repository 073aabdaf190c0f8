// kiln status: what each validator says of itself.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "kiln/client.h"
#include "tools/chain_target.h"
#include "tools/command.h"
#include "tools/text_table.h"

namespace kiln::tools {
namespace {

// A validator that has not said how it is by then is shown as unreachable.
constexpr absl::Duration kStatusTimeout = absl::Seconds(2);

struct Row {
  std::string endpoint;
  absl::StatusOr<NodeStatus> status = absl::UnknownError("not asked");
};

absl::StatusOr<NodeStatus> AskOne(ClientOptions options) {
  options.attempt_timeout = kStatusTimeout;
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, Client::Connect(std::move(options)));
  return client->GetStatus();
}

// All at once, so that silent validators cost one timeout and not one each.
std::vector<Row> AskAll(const ClientOptions& options) {
  std::vector<Row> rows(options.endpoints.size());
  std::vector<std::thread> askers;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].endpoint = options.endpoints[i];
    askers.emplace_back([&row = rows[i], one = OnlyAt(options, i)]() mutable {
      row.status = AskOne(std::move(one));
    });
  }
  for (std::thread& asker : askers) asker.join();
  return rows;
}

uint64_t HighestHeight(const std::vector<Row>& rows) {
  uint64_t highest = 0;
  for (const Row& row : rows) {
    if (row.status.ok()) highest = std::max(highest, row.status->committed_height);
  }
  return highest;
}

size_t ConnectedPeers(const NodeStatus& status) {
  return static_cast<size_t>(std::count_if(status.peers.begin(), status.peers.end(),
                                           [](const PeerStatus& peer) { return peer.connected; }));
}

std::vector<std::string> TextCells(const Row& row, uint64_t highest) {
  if (!row.status.ok()) {
    return {"-", row.endpoint, "-", "-", "-", "-", "-", "-", "-", "-", "-", "unreachable"};
  }
  const NodeStatus& status = *row.status;
  return {status.validator_name,
          row.endpoint,
          absl::StrCat(status.committed_height),
          absl::StrCat(status.executed_height),
          absl::StrCat(highest - status.committed_height),
          absl::StrCat(status.committed_transactions),
          absl::StrCat(status.round),
          absl::StrCat(status.epoch),
          status.leader,
          absl::StrCat(ConnectedPeers(status), "/", status.peers.size()),
          status.state_root.Short(),
          status.ready ? "yes" : absl::StrCat("no: ", status.not_ready_reason)};
}

void PrintText(const std::vector<Row>& rows) {
  const uint64_t highest = HighestHeight(rows);
  TextTable table({"validator", "endpoint", "height", "executed", "lag", "transactions", "round",
                   "epoch", "leader", "peers", "state root", "ready"});
  for (const Row& row : rows) table.Add(TextCells(row, highest));
  std::fputs(table.Render().c_str(), stdout);
  for (const Row& row : rows) {
    if (!row.status.ok()) {
      std::printf("%s\n", std::string(row.status.status().message()).c_str());
    } else if (row.status->scrub.has_value() && row.status->scrub->damaged > 0) {
      std::printf("%s: %d damaged heights on disk, the lowest: %s\n",
                  row.status->validator_name.c_str(), static_cast<int>(row.status->scrub->damaged),
                  row.status->scrub->damage.c_str());
    }
  }
}

nlohmann::ordered_json PeersJson(const NodeStatus& status) {
  nlohmann::ordered_json peers = nlohmann::ordered_json::array();
  for (const PeerStatus& peer : status.peers) {
    peers.push_back({{"name", peer.name},
                     {"address", peer.address},
                     {"connected", peer.connected},
                     {"last_error", peer.last_error}});
  }
  return peers;
}

nlohmann::ordered_json CatchingUpJson(const NodeStatus& status) {
  if (!status.catching_up.has_value()) return nullptr;
  return {{"height", status.catching_up->height},
          {"target", status.catching_up->target},
          {"blocks_per_second", status.catching_up->blocks_per_second},
          {"seconds_left", status.catching_up->seconds_left}};
}

std::string ScrubTime(const ScrubStatus& scrub) {
  return scrub.last_completed.has_value()
             ? absl::FormatTime(*scrub.last_completed, absl::UTCTimeZone())
             : "";
}

nlohmann::ordered_json ScrubJson(const NodeStatus& status) {
  if (!status.scrub.has_value()) return nullptr;
  const ScrubStatus& scrub = *status.scrub;
  return {{"height", scrub.height},
          {"passes", scrub.passes},
          {"last_completed", ScrubTime(scrub)},
          {"damaged", scrub.damaged},
          {"repaired", scrub.repaired},
          {"damage", scrub.damage}};
}

nlohmann::ordered_json RowJson(const Row& row, uint64_t highest) {
  if (!row.status.ok()) {
    return {{"endpoint", row.endpoint},
            {"reachable", false},
            {"error", std::string(row.status.status().message())}};
  }
  const NodeStatus& status = *row.status;
  return {{"endpoint", row.endpoint},
          {"reachable", true},
          {"validator", status.validator_name},
          {"chain_name", status.chain_name},
          {"chain_id", status.chain_id.ToHex()},
          {"height", status.committed_height},
          {"executed_height", status.executed_height},
          {"lag", highest - status.committed_height},
          {"epoch", status.epoch},
          {"round", status.round},
          {"leader", status.leader},
          {"head_id", status.head_id.ToHex()},
          {"head_time", absl::FormatTime(status.head_time, absl::UTCTimeZone())},
          {"state_root", status.state_root.ToHex()},
          {"committed_transactions", status.committed_transactions},
          {"mempool_transactions", status.mempool_transactions},
          {"mempool_bytes", status.mempool_bytes},
          {"votes_signed", status.votes_signed},
          {"peers_connected", ConnectedPeers(status)},
          {"ready", status.ready},
          {"not_ready_reason", status.not_ready_reason},
          {"catching_up", CatchingUpJson(status)},
          {"scrub", ScrubJson(status)},
          {"peers", PeersJson(status)}};
}

void PrintRowsAsJson(const std::vector<Row>& rows) {
  const uint64_t highest = HighestHeight(rows);
  nlohmann::ordered_json validators = nlohmann::ordered_json::array();
  for (const Row& row : rows) validators.push_back(RowJson(row, highest));
  PrintJson({{"height", highest}, {"validators", std::move(validators)}});
}

absl::Status RunStatus(const ChainTarget& target, bool json) {
  KILN_ASSIGN_OR_RETURN(const ClientOptions options, ResolveTarget(target));
  const std::vector<Row> rows = AskAll(options);
  if (json) {
    PrintRowsAsJson(rows);
  } else {
    PrintText(rows);
  }
  const bool reached =
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.status.ok(); });
  if (reached) return absl::OkStatus();
  return absl::UnavailableError("no validator answered; is `kiln node` running?");
}

}  // namespace

void AddStatusCommand(CLI::App& app, CommandContext& context) {
  struct Arguments {
    ChainTarget target;
    bool json = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "status", "Show height, round, leader, peers, lag and state root of validators");
  command->footer(
      "\nExit status: 1 when none of them answers.\n\n"
      "Examples:\n"
      "  kiln status --testnet net\n"
      "  kiln status --home net/validator-0 --json\n"
      "  kiln status --endpoint 10.0.0.7:26601 --genesis genesis.json");
  AddTargetOptions(command, &arguments->target);
  AddJsonOption(command, &arguments->json);
  SetAction(command, context,
            [arguments] { return RunStatus(arguments->target, arguments->json); });
}

}  // namespace kiln::tools
