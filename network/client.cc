#include "kiln/client.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/payload.h"
#include "consensus/receipt.h"
#include "network/check_transaction.h"
#include "network/convert.h"
#include "network/endpoint.h"
#include "network/fault_log.h"
#include "network/proved_block.h"
#include "network/service_state.h"
#include "network/submit_many.h"

namespace kiln::network {
namespace {

constexpr char kSetAside[] = "set aside as a duplicate or as expired; its receipt was not given";

// See kiln/client.h. Every answer is checked here before it leaves; what fails the check is
// recorded as a fault, and the next validator is asked.
class GrpcClient final : public Client {
 public:
  GrpcClient(ClientOptions options, std::shared_ptr<FaultLog> faults,
             std::unique_ptr<Endpoints> endpoints,
             std::unique_ptr<consensus::ReceiptVerifier> verifier)
      : options_(std::move(options)),
        chain_id_(options_.genesis.ChainId()),
        faults_(std::move(faults)),
        endpoints_(std::move(endpoints)),
        verifier_(std::move(verifier)) {}

  absl::StatusOr<Receipt> Submit(Transaction transaction, absl::Duration timeout) override {
    KILN_RETURN_IF_ERROR(CheckTransaction(transaction, options_.genesis.limits));
    v1::SubmitRequest request;
    request.set_payload(transaction.payload);
    request.set_key(transaction.key);
    Receipt receipt;
    const auto attempt = [&](const Endpoint& endpoint, absl::Time deadline) -> absl::Status {
      v1::SubmitReply reply;
      KILN_RETURN_IF_ERROR(Call(endpoint, &v1::Kiln::Stub::Submit, deadline, request, &reply));
      return Believe([&] { return CheckReceipt(transaction, std::move(reply), &receipt); });
    };
    KILN_RETURN_IF_ERROR(AskUntil(timeout, attempt));
    return receipt;
  }

  absl::Status SubmitMany(std::vector<Transaction> transactions, size_t in_flight_max,
                          absl::Duration timeout,
                          absl::AnyInvocable<void(size_t, absl::StatusOr<Receipt>)> done) override {
    if (in_flight_max == 0) return absl::InvalidArgumentError("in_flight_max: must be positive");
    if (transactions.size() >= UINT32_MAX) {
      return absl::InvalidArgumentError("transactions: too many for one call");
    }
    SubmitManyRun run({.limits = &options_.genesis.limits,
                       .endpoints = endpoints_.get(),
                       .verifier = verifier_.get(),
                       .faults = faults_.get(),
                       .attempt_timeout = options_.attempt_timeout,
                       .in_flight_max = in_flight_max,
                       .deadline = WallNow() + timeout},
                      &transactions, &done);
    return run.Run();
  }

  absl::StatusOr<Answer> Query(absl::string_view query, Read level,
                               absl::Duration timeout) override {
    if (query.size() > kQueryBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("query: ", query.size(), " bytes, the limit is ", kQueryBytesMax));
    }
    v1::QueryRequest request;
    request.set_query(query.data(), query.size());
    request.set_linearizable(level == Read::kLinearizable);
    Answer answer;
    const auto attempt = [&](const Endpoint& endpoint, absl::Time deadline) -> absl::Status {
      v1::QueryReply reply;
      KILN_RETURN_IF_ERROR(Call(endpoint, &v1::Kiln::Stub::Query, deadline, request, &reply));
      answer = {.height = reply.height(), .value = std::move(*reply.mutable_value())};
      return absl::OkStatus();
    };
    KILN_RETURN_IF_ERROR(AskUntil(timeout, attempt));
    return answer;
  }

  absl::StatusOr<BlockInfo> GetBlock(uint64_t height) override {
    if (height == 0) return Describe(*consensus::GenesisBlock(options_.genesis), "");
    v1::GetBlockRequest request;
    request.set_height(height);
    BlockInfo info;
    const auto attempt = [&](const Endpoint& endpoint, absl::Time deadline) -> absl::Status {
      v1::BlockReply reply;
      KILN_RETURN_IF_ERROR(Call(endpoint, &v1::Kiln::Stub::GetBlock, deadline, request, &reply));
      return Believe([&] { return CheckBlock(height, std::move(reply), &info); });
    };
    KILN_RETURN_IF_ERROR(AskEach(attempt));
    return info;
  }

  absl::StatusOr<TransactionInfo> GetTransaction(const Hash& id) override {
    v1::GetTransactionRequest request;
    request.set_id(id.bytes.data(), id.bytes.size());
    TransactionInfo info;
    const auto attempt = [&](const Endpoint& endpoint, absl::Time deadline) -> absl::Status {
      v1::TransactionReply reply;
      KILN_RETURN_IF_ERROR(
          Call(endpoint, &v1::Kiln::Stub::GetTransaction, deadline, request, &reply));
      return Believe([&] { return CheckFound(id, std::move(reply), &info); });
    };
    KILN_RETURN_IF_ERROR(AskEach(attempt));
    return info;
  }

  absl::StatusOr<NodeStatus> GetStatus(size_t endpoint_index) override {
    if (endpoint_index >= endpoints_->size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("endpoint ", endpoint_index, " of ", endpoints_->size()));
    }
    const Endpoint& endpoint = endpoints_->at(endpoint_index);
    v1::StatusReply reply;
    const absl::Time deadline = WallNow() + options_.attempt_timeout;
    endpoints_->Connect(endpoint_index, std::min(kConnectPatience, options_.attempt_timeout));
    const v1::GetStatusRequest request;
    KILN_RETURN_IF_ERROR(Annotate(
        Call(endpoint, &v1::Kiln::Stub::GetStatus, deadline, request, &reply), endpoint.address));
    KILN_ASSIGN_OR_RETURN(NodeStatus status, FromProto(reply));
    if (status.chain_id != chain_id_) {
      return absl::FailedPreconditionError(
          absl::StrCat(endpoint.address, ": is of another chain, ", status.chain_id.ToHex()));
    }
    return status;
  }

  std::string last_fault() const override { return faults_->last(); }

 private:
  template <typename Request, typename Reply>
  static absl::Status Call(const Endpoint& endpoint,
                           grpc::Status (v1::Kiln::Stub::*method)(grpc::ClientContext*,
                                                                  const Request&, Reply*),
                           absl::Time deadline, const Request& request, Reply* reply) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    return FromGrpcStatus((endpoint.stub.get()->*method)(&context, request, reply));
  }

  // An answer that does not hold is as good as none.
  template <typename Check>
  static absl::Status Believe(Check check) {
    const absl::Status checked = check();
    return checked.ok() ? checked : absl::DataLossError(checked.message());
  }

  // Asks validators in turn, each for at most attempt_timeout, until one gives an answer that
  // holds, so many refuse that it must be true, or the time is over.
  template <typename Attempt>
  absl::Status AskUntil(absl::Duration timeout, Attempt attempt) {
    const absl::Time deadline = WallNow() + timeout;
    std::string last_error = "no validator was asked";
    size_t refusals = 0;
    const size_t first = endpoints_->preferred();
    for (size_t i = 0; WallNow() < deadline; ++i) {
      if (i > 0 && i % endpoints_->size() == 0) {
        refusals = 0;
        endpoints_->Pause(first + i, std::min(kAllFailedPause, deadline - WallNow()));
      }
      const absl::Status status = AskOne(first + i, deadline, attempt);
      if (status.ok()) return status;
      if (KindOf(status) == ErrorKind::kRefusal && endpoints_->IsBelievable(++refusals)) {
        return status;
      }
      // What the time ran out for says more than that it ran out.
      if (i == 0 || !absl::IsDeadlineExceeded(status)) {
        last_error = absl::StrCat(endpoints_->at(first + i).address, ": ", status.message());
      }
    }
    return absl::DeadlineExceededError(absl::StrCat("outcome unknown; last: ", last_error));
  }

  // Once round all validators. NotFound when all who answered say so; else what the last one said.
  template <typename Attempt>
  absl::Status AskEach(Attempt attempt) {
    absl::Status last = absl::UnavailableError("no validator was asked");
    absl::Status refusal;
    const size_t first = endpoints_->preferred();
    for (size_t i = 0; i < endpoints_->size(); ++i) {
      const absl::Status status = AskOne(first + i, absl::InfiniteFuture(), attempt);
      if (status.ok()) return status;
      if (KindOf(status) == ErrorKind::kRefusal) refusal = status;
      last = absl::UnavailableError(
          absl::StrCat(endpoints_->at(first + i).address, ": ", status.message()));
    }
    return refusal.ok() ? last : refusal;
  }

  template <typename Attempt>
  absl::Status AskOne(size_t i, absl::Time deadline, Attempt& attempt) {
    const Endpoint& endpoint = endpoints_->at(i);
    const absl::Time until = std::min(deadline, WallNow() + options_.attempt_timeout);
    const absl::Status status = attempt(endpoint, until);
    if (status.ok()) {
      endpoints_->Prefer(i);
    } else if (KindOf(status) == ErrorKind::kUnreachable) {
      faults_->Record(endpoint.address, status.message());
    }
    return status;
  }

  absl::Status CheckReceipt(const Transaction& transaction, v1::SubmitReply&& reply,
                            Receipt* receipt) {
    KILN_ASSIGN_OR_RETURN(*receipt, FromProto(std::move(reply)));
    KILN_RETURN_IF_ERROR(verifier_->Verify(transaction, *receipt));
    // Proves an order, but not the outcome: that is in the receipt of the first execution.
    if (receipt->reply.code >= Reply::kFirstEngineCode) return absl::UnavailableError(kSetAside);
    return absl::OkStatus();
  }

  absl::Status CheckBlock(uint64_t height, v1::BlockReply&& reply, BlockInfo* info) {
    KILN_ASSIGN_OR_RETURN(
        const ProvedBlock proved,
        CheckBlockReply(height, std::move(reply), options_.genesis.limits, verifier_.get()));
    *info = Describe(*proved.block, proved.finality);
    return absl::OkStatus();
  }

  BlockInfo Describe(const consensus::Block& block, const std::string& finality) const {
    const consensus::Header& header = block.header;
    BlockInfo info = {.height = header.height.value,
                      .round = header.round.value,
                      .epoch = header.epoch.value,
                      .id = block.id,
                      .parent_id = header.parent_id,
                      .payload_root = header.payload_root,
                      .executed_height = header.executed_height.value,
                      .state_root = header.state_root,
                      .time = absl::FromUnixMicros(static_cast<int64_t>(header.time_us)),
                      .finality = finality};
    if (header.height.value > 0 && header.proposer.value < options_.genesis.validators.size()) {
      info.proposer = options_.genesis.validators[header.proposer.value].name;
    }
    for (size_t i = 0; i < block.index->entries.size(); ++i) {
      info.transaction_ids.push_back(block.index->entries[i].id);
      info.transactions.push_back(PayloadOf(block.index->EnvelopeAt(*block.payload, i)));
    }
    return info;
  }

  // REQUIRES: `envelope` was decoded before, as those of an indexed payload were.
  std::string PayloadOf(absl::string_view envelope) const {
    const absl::StatusOr<consensus::Envelope> decoded =
        consensus::DecodeEnvelope(envelope, options_.genesis.limits);
    return decoded.ok() ? std::string(decoded->payload) : std::string();
  }

  absl::Status CheckFound(const Hash& id, v1::TransactionReply&& reply, TransactionInfo* info) {
    KILN_ASSIGN_OR_RETURN(const consensus::Envelope envelope,
                          consensus::DecodeEnvelope(reply.envelope(), options_.genesis.limits));
    if (consensus::EnvelopeId(envelope) != id) {
      return absl::InvalidArgumentError("another transaction than the one that was asked for");
    }
    info->id = id;
    info->transaction = {.payload = std::string(envelope.payload),
                         .key = std::string(envelope.key)};
    KILN_ASSIGN_OR_RETURN(info->receipt, FromProto(std::move(*reply.mutable_receipt())));
    return verifier_->Verify(info->transaction, info->receipt);
  }

  const ClientOptions options_;
  const Hash chain_id_;
  const std::shared_ptr<FaultLog> faults_;
  const std::unique_ptr<Endpoints> endpoints_;
  const std::unique_ptr<consensus::ReceiptVerifier> verifier_;
};

}  // namespace
}  // namespace kiln::network

namespace kiln {

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(ClientOptions options) {
  KILN_ASSIGN_OR_RETURN(std::unique_ptr<consensus::ReceiptVerifier> verifier,
                        consensus::ReceiptVerifier::Create(options.genesis));
  auto faults = std::make_shared<network::FaultLog>();
  KILN_ASSIGN_OR_RETURN(std::unique_ptr<network::Endpoints> endpoints,
                        network::Endpoints::Create(options, faults));
  return std::make_unique<network::GrpcClient>(std::move(options), std::move(faults),
                                               std::move(endpoints), std::move(verifier));
}

}  // namespace kiln
