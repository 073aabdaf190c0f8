// A validator inside a program.
#ifndef KILN_NODE_H_
#define KILN_NODE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kiln/application.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln {

// Where one other validator listens. The identity is the node key; the address is only where to
// look.
struct PeerAddress {
  std::string name;     // as in the genesis
  std::string address;  // host:port
};

// A block that is known to be the chain's.
struct TrustedBlock {
  uint64_t height = 0;
  Hash id;
};

// All that a node needs to know. `FromHome` reads it from a home folder as `kiln init` writes it:
// kiln.toml, genesis.json, keys/consensus.key, keys/node.key, data/.
struct NodeOptions {
  Genesis genesis;
  std::string data_dir;            // created when missing; one process at a time
  std::string consensus_key_file;  // mode 0600
  std::string node_key_file;       // mode 0600
  std::string key_passphrase;      // empty for key files without one

  std::string peer_listen_address = "127.0.0.1:0";
  std::string client_listen_address = "127.0.0.1:0";
  bool client_tls = true;    // plaintext is allowed on loopback addresses only
  std::string admin_socket;  // Unix socket path; empty for none
  std::vector<PeerAddress> peers;
  std::string vote_log_file;  // every vote received is appended here, for audits; empty for none

  // Of a round after a good one; shortened down to an eighth while rounds are quick. 10 ms to 60 s.
  absl::Duration round_timeout_min = absl::Milliseconds(500);
  absl::Duration round_timeout_max = absl::Seconds(10);  // round_timeout_min to 10 min
  absl::Duration heartbeat_interval = absl::Seconds(5);  // 100 ms to 10 min; longest idle silence
  // After a start nothing is signed for so long: if another process signs with the same key, or
  // this data folder is an old copy, the others' certificates show it first. 0 to 1 min.
  absl::Duration doppelganger_wait = absl::Seconds(1);
  uint64_t mempool_bytes_max = 64 << 20;       // 1 MiB to 4 GiB
  uint64_t mempool_transactions_max = 200000;  // 100 to 10,000,000
  uint64_t disk_free_bytes_min = 256 << 20;  // below this the node is not ready and accepts nothing
  // Read again in the background, to find what decayed and mend it. 0: not; at most 1 GiB.
  uint64_t scrub_bytes_per_second = 4 << 20;
  uint64_t snapshots_kept = 2;  // 1 to 100; older ones are removed
  // How many of the newest blocks are kept at least, with all that the snapshots need besides; 0:
  // all. At most 2^63 - 1.
  uint64_t retention_blocks = 0;
  // Farther behind the others than this, a node takes a snapshot when they have one, and lacks the
  // blocks before it from then on; 0: only when nobody has these blocks. At most 2^63 - 1.
  uint64_t snapshot_catch_up_blocks = 10000;
  // Every block from 1 on is kept: nothing is pruned (retention_blocks must be 0), and no snapshot
  // is taken, even where nobody has the blocks that this node lacks; then it stays behind.
  bool archive = false;
  // A chain or a snapshot with another block at that height is refused.
  std::optional<TrustedBlock> trusted;
  int verify_threads = 0;  // 0: half of the cores, at least 1; at most 64

  static absl::StatusOr<NodeOptions> FromHome(const std::string& home);
};

// Ends its subscription when destroyed. Move-only.
class Subscription {
 public:
  Subscription() = default;
  explicit Subscription(absl::AnyInvocable<void() &&> end) : end_(std::move(end)) {}
  Subscription(Subscription&&) = default;
  Subscription& operator=(Subscription&& other);
  ~Subscription();

 private:
  absl::AnyInvocable<void() &&> end_;
};

// One running validator. All methods are thread-safe; callbacks run on the node's threads and must
// not block. Any number of nodes may live in one process.
class Node {
 public:
  using SubmitDone = absl::AnyInvocable<void(absl::StatusOr<Receipt>) &&>;

  // Recovers data_dir, replays the application, then joins the network. Names the file, field or
  // address at fault when it fails. Never returns null with OK.
  static absl::StatusOr<std::unique_ptr<Node>> Start(NodeOptions options,
                                                     std::unique_ptr<Application> application);
  // Stop(), run what is outstanding, join. Not from a callback.
  virtual ~Node() = default;

  // `done` runs exactly once: OK committed and durable here | InvalidArgument refused by Check or
  // by a limit | ResourceExhausted retry later | DeadlineExceeded, Cancelled, Unavailable: outcome
  // unknown, the same payload and key may be submitted again.
  virtual void Submit(Transaction transaction, absl::Time deadline, SubmitDone done) = 0;
  virtual absl::StatusOr<Receipt> SubmitAndWait(Transaction transaction,
                                                absl::Duration timeout) = 0;

  virtual absl::StatusOr<Answer> Query(absl::string_view query, Read level,
                                       absl::Duration timeout) = 0;

  // `seen` runs for each block once its effects are visible to queries, in order, from now on.
  [[nodiscard]] virtual Subscription OnCommit(
      absl::AnyInvocable<void(const Block&, const CommitProof&)> seen) = 0;

  virtual NodeStatus status() const = 0;
  // The addresses in use, with the ports that the system chose for port 0.
  virtual std::string peer_address() const = 0;
  virtual std::string client_address() const = 0;

  virtual void Stop() = 0;  // idempotent, from any thread
  // Until stopped; OK only if someone called Stop. Aborted: a snapshot of the others takes the
  // place of this node's ledger; start a node with the same options, it goes on from there.
  virtual absl::Status Wait() = 0;
};

// The standard validator binary for an application: `PROGRAM --home DIR`. Runs until SIGTERM or
// SIGINT and returns the exit status: 0 after a graceful stop, 1 for bad configuration,
// kFailStopExitStatus when the node stopped itself to stay safe.
int RunNode(int argc, char** argv, std::unique_ptr<Application> application);

}  // namespace kiln

#endif  // KILN_NODE_H_
