// The services for clients, health checks and the operator.
#ifndef KILN_NETWORK_CLIENT_SERVICE_H_
#define KILN_NETWORK_CLIENT_SERVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "base/stage_profile.h"
#include "consensus/block.h"
#include "consensus/payload.h"
#include "crypto/ed25519.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln::network {

// What came of some transactions of one submission, all in one block, or all refused for one
// reason.
struct SubmitOutcomes {
  absl::Status status;  // not OK: refused, and the fields of the block are empty
  Height height;
  Hash block_id;
  consensus::SharedBytes finality;  // encoded FinalityProof
  struct Entry {
    uint64_t sequence = 0;
    uint32_t index = 0;
    Reply reply;
    std::string inclusion;  // as consensus::ProveInclusion (receipt.h) encodes it
  };
  std::vector<Entry> entries;  // refused ones have a sequence only
};

// The receipt of a submission of one transaction, or why there is none.
absl::StatusOr<Receipt> TakeReceipt(SubmitOutcomes outcomes);

// A batch of one transaction, as ClientHandler::Submit takes it.
std::string BatchOfOne(absl::string_view key, absl::string_view payload);

// Where outcomes go: each sequence number exactly once, from any thread, never blocking.
class SubmitSink {
 public:
  virtual ~SubmitSink() = default;
  virtual void Deliver(SubmitOutcomes outcomes) = 0;
};

struct CommittedBlockView {
  consensus::BlockPtr block;
  std::string finality;
};
struct TransactionView {
  std::string envelope;
  Receipt receipt;
};

// What the services ask of the node. Called on gRPC's threads, concurrently; must not block for
// long.
class ClientHandler {
 public:
  virtual ~ClientHandler() = default;

  // `batch` is laid out as a payload, last heights zero. Transaction i is first_sequence + i. Past
  // `deadline` those not yet committed are DeadlineExceeded: outcome unknown.
  virtual void Submit(uint64_t first_sequence, std::string batch, absl::Time deadline,
                      std::shared_ptr<SubmitSink> sink) = 0;
  virtual void Query(std::string query, Read level, absl::Time deadline,
                     absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) = 0;
  virtual absl::StatusOr<CommittedBlockView> GetBlock(uint64_t height) = 0;
  virtual absl::StatusOr<TransactionView> GetTransaction(const Hash& id) = 0;
  virtual NodeStatus GetStatus() = 0;
  // `waiter` runs once, when a block at or above `height` is committed and executed, or the node
  // stops.
  virtual void WaitForHeight(uint64_t height, absl::AnyInvocable<void() &&> waiter) = 0;

  // The operator's.
  virtual ProfileSnapshot GetProfile() = 0;
  virtual absl::Status SetLogLevel(absl::string_view level) = 0;
  virtual void RequestStop() = 0;
};

struct ClientServerOptions {
  std::string listen_address;                   // host:port; port 0 lets the system choose
  bool tls = true;                              // false is refused unless the address is loopback
  const crypto::SecretKey* node_key = nullptr;  // outlives the server
  Hash chain_id;
  ChainLimits limits;
  std::string admin_socket;  // empty for none; made with mode 0600
  absl::Duration submit_timeout_max =
      absl::Seconds(60);  // bound on what a client's deadline may ask
};

// Serves kiln.v1.Kiln and grpc.health.v1.Health on one port and kiln.v1.Admin on a Unix socket.
class ClientServer {
 public:
  static absl::StatusOr<std::unique_ptr<ClientServer>> Start(ClientServerOptions options,
                                                             ClientHandler* handler);
  virtual ~ClientServer() = default;
  virtual std::string listen_address() const = 0;
  // Refuses new calls, lets running ones end for up to `drain`, then cancels. Idempotent.
  virtual void Stop(absl::Duration drain) = 0;
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_CLIENT_SERVICE_H_
