// kiln snapshot list|create|restore: the state of a stopped node as of one height, and a ledger
// that begins with it.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/signing.h"
#include "crypto/ed25519.h"
#include "node/trusted_block.h"
#include "storage/chain_verifier.h"
#include "storage/snapshot_file.h"
#include "storage/snapshot_proof.h"
#include "tools/command.h"
#include "tools/folder_bytes.h"
#include "tools/offline_home.h"
#include "tools/output_file.h"
#include "tools/progress.h"
#include "tools/snapshot_restore.h"
#include "tools/text_table.h"

namespace kiln::tools {
namespace {

// --- list

struct ListArguments {
  std::string home;
  bool json = false;
};

struct ListedSnapshot {
  Height height;
  std::optional<Hash> root;  // none until a state names it
  bool is_certified = false;
  uint64_t bytes = 0;  // of its folder; it shares files with the ledger and with others
};

absl::StatusOr<ListedSnapshot> Look(const OfflineHome& home, const storage::Store& store,
                                    Height height) {
  ListedSnapshot listed{.height = height};
  const uint64_t interval = home.genesis.limits.snapshot_interval_blocks;
  const Height named_at{height.value + interval};
  if (named_at <= store.executed_state().height) {
    KILN_ASSIGN_OR_RETURN(const storage::HeightState naming, store.StateAt(named_at));
    listed.root = naming.state.snapshot_root;
  }
  listed.is_certified = storage::MakeSnapshotProof(store, home.genesis, height).ok();
  KILN_ASSIGN_OR_RETURN(listed.bytes,
                        LedgerBytesIn(absl::StrCat(home.data_dir, "/snapshots/", height.value)));
  return listed;
}

void PrintList(const std::vector<ListedSnapshot>& snapshots, bool as_json) {
  if (as_json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const ListedSnapshot& one : snapshots) {
      list.push_back({{"height", one.height.value},
                      {"root", one.root.has_value() ? one.root->ToHex() : ""},
                      {"certified", one.is_certified},
                      {"bytes", one.bytes}});
    }
    return PrintJson({{"snapshots", std::move(list)}});
  }
  if (snapshots.empty()) {
    std::printf("No snapshot is kept: the chain is too short for one\n");
    return;
  }
  TextTable table({"height", "certified", "bytes", "root"});
  for (const ListedSnapshot& one : snapshots) {
    table.Add({absl::StrCat(one.height.value), one.is_certified ? "yes" : "not yet",
               absl::StrCat(one.bytes), one.root.has_value() ? one.root->ToHex() : ""});
  }
  std::printf("%s", table.Render().c_str());
}

absl::Status List(const ListArguments& arguments) {
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, OpenOfflineStore(home));
  KILN_ASSIGN_OR_RETURN(const std::vector<Height> heights, store->Snapshots());
  std::vector<ListedSnapshot> snapshots;
  for (const Height height : heights) {
    KILN_ASSIGN_OR_RETURN(ListedSnapshot listed, Look(home, *store, height));
    snapshots.push_back(std::move(listed));
  }
  PrintList(snapshots, arguments.json);
  return absl::OkStatus();
}

// --- create

struct CreateArguments {
  std::string home;
  std::string output;
  std::optional<uint64_t> height;  // none: the newest that is certified
  bool json = false;
};

absl::StatusOr<Height> ChooseHeight(const CreateArguments& arguments, const OfflineHome& home,
                                    const storage::Store& store) {
  const absl::StatusOr<Height> newest =
      storage::NewestCertifiedSnapshot(store, home.genesis.limits);
  if (!arguments.height.has_value()) {
    if (newest.ok()) return newest;
    return absl::NotFoundError(absl::StrCat(
        newest.status().message(), ": the snapshot of height S is certified once height S + ",
        home.genesis.limits.snapshot_interval_blocks, " is executed"));
  }
  KILN_ASSIGN_OR_RETURN(const std::vector<Height> kept, store.Snapshots());
  const Height height{*arguments.height};
  if (std::find(kept.begin(), kept.end(), height) != kept.end()) return height;
  return absl::NotFoundError(absl::StrCat("no snapshot of height ", height.value,
                                          " is kept: `kiln snapshot list` shows which are"));
}

absl::Status Create(const CreateArguments& arguments) {
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, OpenOfflineStore(home));
  KILN_ASSIGN_OR_RETURN(const Height height, ChooseHeight(arguments, home, *store));
  const consensus::Ed25519Verifier signatures;
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ChainVerifier> verifier,
                        storage::ChainVerifier::Create(home.genesis, &signatures));
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file,
                        OutputFile::Create(arguments.output));
  std::unique_ptr<Progress> progress;
  const auto show = [&progress](uint32_t /*done*/, uint32_t total) {
    if (progress == nullptr) {
      progress = std::make_unique<Progress>("writing", total, StderrIsTerminal());
    }
    progress->Advance();
  };
  KILN_ASSIGN_OR_RETURN(const storage::WrittenSnapshot written,
                        storage::WriteSnapshotFile(
                            *store, home.genesis, height, verifier.get(),
                            [&file](absl::string_view bytes) { return file->Write(bytes); }, show));
  progress.reset();
  KILN_RETURN_IF_ERROR(file->Finish());
  if (arguments.json) {
    PrintJson({{"file", arguments.output},
               {"height", written.height.value},
               {"root", written.root.ToHex()},
               {"chunks", written.chunks},
               {"bytes", written.bytes},
               {"executed_height", store->executed_state().height.value}});
    return absl::OkStatus();
  }
  std::printf("%s\n", absl::StrCat(arguments.output, ": the state of height ", written.height.value,
                                   ", ", written.bytes, " bytes, root ", written.root.ToHex())
                          .c_str());
  std::printf(
      "%s\n",
      absl::StrCat("The node has executed up to height ", store->executed_state().height.value,
                   "; whoever restores this fetches the blocks after it from the others")
          .c_str());
  return absl::OkStatus();
}

// --- restore

struct RestoreArguments {
  std::string home;
  std::string file;
  std::string trust;
  bool yes = false;
  bool json = false;
};

void PrintRestore(const RestoreArguments& arguments, const RestoredSnapshot& restored) {
  if (arguments.json) {
    PrintJson({{"file", arguments.file},
               {"home", arguments.home},
               {"height", restored.height.value},
               {"root", restored.root.ToHex()},
               {"chunks", restored.chunks},
               {"lowest_height", restored.height.value + 1},
               {"committed_height", restored.committed.value},
               {"written", arguments.yes}});
    return;
  }
  PrintField("snapshot", absl::StrCat("height ", restored.height.value, ", root ",
                                      restored.root.ToHex(), ", certified by this chain"));
  PrintField("chunks", absl::StrCat(restored.chunks, ", each as certified"));
  PrintField("ledger", absl::StrCat("begins at height ", restored.height.value + 1, ", ends at ",
                                    restored.committed.value));
  std::printf("%s\n", arguments.yes ? "Written: start the node, it fetches the blocks after it"
                                    : kDryRunNote);
}

absl::Status Restore(const RestoreArguments& arguments) {
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  std::optional<TrustedBlock> trusted;
  if (!arguments.trust.empty()) {
    KILN_ASSIGN_OR_RETURN(trusted, node::ParseTrustedBlock(arguments.trust));
  }
  KILN_ASSIGN_OR_RETURN(const OfflineHome home, ReadOfflineHome(arguments.home));
  std::ifstream input(arguments.file, std::ios::binary);
  if (!input) {
    return absl::NotFoundError(absl::StrCat(arguments.file, ": ", std::strerror(errno)));
  }
  KILN_ASSIGN_OR_RETURN(const RestoredSnapshot restored,
                        RestoreSnapshot(home, arguments.file, &input, trusted, arguments.yes));
  PrintRestore(arguments, restored);
  return absl::OkStatus();
}

// --- The command line

void AddList(CLI::App* snapshot, CommandContext& context) {
  auto arguments = std::make_shared<ListArguments>();
  CLI::App* command = snapshot->add_subcommand("list", "Show the snapshots of a stopped node");
  AddOfflineHomeOption(command, &arguments->home);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Reads only. A snapshot is certified once a quorum has signed a block that names its root;\n"
      "from then on others can begin with it. Bytes are those of its folder, which shares most of\n"
      "its files with the ledger.\n\n"
      "Example: kiln snapshot list --home net/validator-0");
  SetAction(command, context, [arguments] { return List(*arguments); });
}

void AddCreate(CLI::App* snapshot, CommandContext& context) {
  auto arguments = std::make_shared<CreateArguments>();
  CLI::App* command = snapshot->add_subcommand(
      "create", "Write a certified snapshot of a stopped node to a file that proves itself");
  AddOfflineHomeOption(command, &arguments->home);
  command->add_option("--output", arguments->output, "File to make; must not exist")->required();
  command->add_option("--height", arguments->height,
                      "One of those that are kept; the newest that is certified when left out");
  AddJsonOption(command, &arguments->json);
  command->footer(
      "Reads only. A chain certifies snapshots of every limits.snapshot_interval_blocks heights, "
      "one\n"
      "interval later: a state between them has no root that anybody could check, so the file has\n"
      "the newest that can be checked. It is compared with the certified root before it is "
      "written,\n"
      "is bound to the chain, and holds no secrets: the state, the ids of recent transactions, a\n"
      "block or two, and the certificates that prove them.\n\n"
      "Example: kiln snapshot create --home net/validator-0 --output net.snapshot");
  SetAction(command, context, [arguments] { return Create(*arguments); });
}

void AddRestore(CLI::App* snapshot, CommandContext& context) {
  auto arguments = std::make_shared<RestoreArguments>();
  CLI::App* command =
      snapshot->add_subcommand("restore", "Begin a home's ledger with the snapshot in a file");
  command->add_option("file", arguments->file, "File that `kiln snapshot create` wrote")
      ->required()
      ->type_name("FILE");
  AddOfflineHomeOption(command, &arguments->home);
  command
      ->add_option("--trust", arguments->trust,
                   "A block that is known to be right, from a source that the validators do not "
                   "control: a snapshot of another chain than that block's is refused")
      ->type_name("HEIGHT:ID");
  AddYesOption(command, &arguments->yes);
  AddJsonOption(command, &arguments->json);
  command->footer(
      "For a home with a genesis and no blocks. All of the file is checked against the genesis:\n"
      "certificates, root and each chunk; nobody is believed. The ledger begins above the\n"
      "snapshot's height; the node fetches the blocks after it from the others.\n"
      "A key that has signed on this chain before needs its safety record: run `kiln recover`\n"
      "first, then this, which keeps the record. An interrupted restore leaves nothing behind "
      "that\n"
      "a node would start from: repeat it.\n\n"
      "Example: kiln snapshot restore net.snapshot --home net/validator-3\n"
      "         kiln snapshot restore net.snapshot --home net/validator-3 --yes");
  SetAction(command, context, [arguments] { return Restore(*arguments); });
}

}  // namespace

void AddSnapshotCommand(CLI::App& app, CommandContext& context) {
  CLI::App* snapshot =
      app.add_subcommand("snapshot", "Snapshots of the state, of stopped nodes and for new ones");
  snapshot->require_subcommand(1);
  AddList(snapshot, context);
  AddCreate(snapshot, context);
  AddRestore(snapshot, context);
}

}  // namespace kiln::tools
