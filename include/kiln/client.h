// Talks to a chain and trusts no single validator of it.
#ifndef KILN_CLIENT_H_
#define KILN_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kiln/genesis.h"
#include "kiln/types.h"

namespace kiln {

struct ClientOptions {
  Genesis genesis;  // whose validators' certificates are believed
  std::vector<std::string>
      endpoints;    // host:port of validators' client services, tried in this order
  bool tls = true;  // plaintext is for loopback only
  absl::Duration attempt_timeout = absl::Seconds(5);  // before another validator is asked

  // Genesis and endpoints of a folder made by `kiln testnet`.
  static absl::StatusOr<ClientOptions> FromTestnet(const std::string& dir);
};

// One committed block as a validator shows it; header hash, payload root and finality were
// verified.
struct BlockInfo {
  uint64_t height = 0;
  uint64_t round = 0;
  uint64_t epoch = 0;
  Hash id;
  Hash parent_id;
  Hash payload_root;
  uint64_t executed_height = 0;
  Hash state_root;
  absl::Time time;
  std::string proposer;
  std::vector<std::string> transactions;  // payloads, in order
  std::vector<Hash> transaction_ids;
  std::string finality;  // encoded proof, as in CommitProof
};

// Where a transaction is in the ledger.
struct TransactionInfo {
  Hash id;
  Transaction transaction;
  Receipt receipt;
};

// Thread-safe. Every receipt and block is verified against the genesis validators before it is
// returned; a validator that lies or is silent is left for the next one, and the lie is reported by
// `last_fault`.
class Client {
 public:
  static absl::StatusOr<std::unique_ptr<Client>> Connect(ClientOptions options);
  virtual ~Client() = default;

  // Until committed, with its proofs verified. The same envelope is sent to another validator when
  // one is silent, so it is executed once. DeadlineExceeded and Unavailable: outcome unknown; the
  // same payload and key may be submitted again.
  virtual absl::StatusOr<Receipt> Submit(Transaction transaction, absl::Duration timeout) = 0;

  // Many at once over one stream, answers in commit order; `done` runs once for each index. Returns
  // when all are answered or `timeout` has passed (those left get DeadlineExceeded).
  virtual absl::Status SubmitMany(
      std::vector<Transaction> transactions, size_t in_flight_max, absl::Duration timeout,
      absl::AnyInvocable<void(size_t, absl::StatusOr<Receipt>)> done) = 0;

  virtual absl::StatusOr<Answer> Query(absl::string_view query, Read level,
                                       absl::Duration timeout) = 0;
  virtual absl::StatusOr<BlockInfo> GetBlock(uint64_t height) = 0;
  virtual absl::StatusOr<TransactionInfo> GetTransaction(const Hash& id) = 0;
  virtual absl::StatusOr<NodeStatus> GetStatus(size_t endpoint_index = 0) = 0;

  // What the last refused answer was refused for, and whose it was; empty when none was.
  virtual std::string last_fault() const = 0;
};

// Whether `receipt` proves that `transaction` is final on the chain of `genesis`. InvalidArgument
// says which part fails.
absl::Status VerifyReceipt(const Genesis& genesis, const Transaction& transaction,
                           const Receipt& receipt);

// The id under which the ledger knows a transaction: a hash of its key and payload.
Hash TransactionId(const Transaction& transaction);

}  // namespace kiln

#endif  // KILN_CLIENT_H_
