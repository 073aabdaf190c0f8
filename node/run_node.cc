#include "node/run_node.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"
#include "base/lock_cycles.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/ed25519.h"
#include "kiln/node.h"
#include "network/spare_poller.h"
#include "node/home.h"
#include "node/run_arguments.h"
#include "node/signal_watcher.h"
#include "node/trusted_block.h"
#include "node/validator_node.h"

namespace kiln {
namespace node {
namespace {

constexpr char kUsage[] =
    "Runs one validator until SIGTERM or SIGINT.\n"
    "\n"
    "Usage: %s --home DIR [OPTIONS]\n"
    "  --home DIR               Folder with kiln.toml, genesis.json and keys/\n"
    "  --passphrase-file FILE   File whose first line is the passphrase of the keys\n"
    "  --passphrase-fd N        Open file descriptor to read the passphrase from\n"
    "  --trust HEIGHT:ID        A block that is known to be right: another chain is refused\n"
    "  --log-level LEVEL        debug, info (default), warning or error\n"
    "  --debuggable             Allow debuggers and core dumps, which show secret keys\n"
    "  --help                   Print this\n"
    "\n"
    "Exit status: 0 after a graceful stop, 1 for a bad configuration, 70 when the node stopped\n"
    "itself to stay safe; the last line then says why and what to do.\n";

// LeakSanitizer traces its own process, which an undumpable one does not allow.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMayHideFromDebuggers = false;
#else
constexpr bool kMayHideFromDebuggers = true;
#endif

absl::StatusOr<std::string> ReadPassphrase(const RunRequest& request) {
  if (!request.passphrase_file.empty()) return ReadPassphraseFile(request.passphrase_file);
  if (request.passphrase_descriptor >= 0) {
    return ReadPassphraseDescriptor(request.passphrase_descriptor);
  }
  return std::string();
}

// New files are the owner's alone, and no other process reads this one's memory.
absl::Status HardenProcess(const RunRequest& request) {
  umask(077);
  if (request.is_debuggable || !kMayHideFromDebuggers) return absl::OkStatus();
  const rlimit no_core_dumps{.rlim_cur = 0, .rlim_max = 0};
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &no_core_dumps) != 0) {
    return absl::InternalError("cannot forbid core dumps, which would show secret keys");
  }
  return absl::OkStatus();
}

absl::Status RunUntilStopped(NodeOptions options, std::unique_ptr<Application> application) {
  SignalWatcher watcher;  // before any thread, which inherits what it blocks
  const network::SparePoller spare;
  std::unique_ptr<Node> node;
  absl::Status ended;
  while (true) {
    KILN_ASSIGN_OR_RETURN(node, Node::Start(options, std::move(application)));
    watcher.SetNode(node.get());
    ended = node->Wait();
    auto* const validator = static_cast<ValidatorNode*>(node.get());
    if (!validator->must_start_again()) break;
    watcher.SetNode(nullptr);
    KILN_LOG(kInfo, "node", "starting again from the snapshot");
    application = validator->TakeApplication();
    node.reset();
  }
  if (!ended.ok()) {
    FailStop(
        absl::StrCat(ended.message(), " (committed height ", node->status().committed_height, ")"),
        "keep the data folder as it is and read the log above; when the cause is removed, start "
        "the node again");
  }
  watcher.SetNode(nullptr);
  KILN_LOG(kInfo, "node", "stopped", {{"height", node->status().committed_height}});
  return absl::OkStatus();
}

}  // namespace

absl::Status RunHome(const RunRequest& request, std::unique_ptr<Application> application) {
  KILN_ASSIGN_OR_RETURN(const LogLevel log_level, ParseLogLevel(request.log_level));
  SetLogLevel(log_level);
  StopSearchingForLockCycles();
  KILN_RETURN_IF_ERROR(HardenProcess(request));
  KILN_RETURN_IF_ERROR(crypto::SelfTest());
  KILN_ASSIGN_OR_RETURN(NodeOptions options, NodeOptions::FromHome(request.home));
  KILN_ASSIGN_OR_RETURN(options.key_passphrase, ReadPassphrase(request));
  if (!request.trust.empty()) {
    KILN_ASSIGN_OR_RETURN(options.trusted, ParseTrustedBlock(request.trust));
  }
  return RunUntilStopped(std::move(options), std::move(application));
}

}  // namespace node

int RunNode(int argc, char** argv, std::unique_ptr<Application> application) {
  const std::string program = argc > 0 ? argv[0] : "node";
  const absl::StatusOr<node::RunRequest> request = node::ParseRunArguments(argc, argv);
  if (request.ok() && request->home.empty()) {
    std::printf(node::kUsage, program.c_str());
    return 0;
  }
  const absl::Status ended =
      request.ok() ? node::RunHome(*request, std::move(application)) : request.status();
  if (ended.ok()) return 0;
  const std::string line = absl::StrReplaceAll(ended.message(), {{"\n", "; "}});
  std::fprintf(stderr, "%s: %s\n", program.c_str(), line.c_str());
  return 1;
}

}  // namespace kiln
