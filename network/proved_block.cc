#include "network/proved_block.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "network/convert.h"
#include "network/endpoint.h"
#include "network/fault_log.h"
#include "network/service_state.h"

namespace kiln::network {
namespace {

class GrpcBlockSource final : public BlockSource {
 public:
  GrpcBlockSource(const ClientOptions& options, std::unique_ptr<Endpoints> endpoints,
                  std::unique_ptr<consensus::ReceiptVerifier> verifier)
      : limits_(options.genesis.limits),
        attempt_timeout_(options.attempt_timeout),
        endpoints_(std::move(endpoints)),
        verifier_(std::move(verifier)) {}

  absl::StatusOr<ProvedBlock> Get(uint64_t height) override {
    absl::Status last;
    const size_t first = endpoints_->preferred();
    for (size_t i = first; i < first + endpoints_->size(); ++i) {
      absl::StatusOr<ProvedBlock> block = GetFrom(endpoints_->at(i), height);
      if (block.ok()) {
        endpoints_->Prefer(i);
        return block;
      }
      last = Annotate(block.status(), endpoints_->at(i).address);
    }
    return last;
  }

 private:
  absl::StatusOr<ProvedBlock> GetFrom(const Endpoint& endpoint, uint64_t height) {
    v1::GetBlockRequest request;
    request.set_height(height);
    v1::BlockReply reply;
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(WallNow() + attempt_timeout_));
    KILN_RETURN_IF_ERROR(FromGrpcStatus(endpoint.stub->GetBlock(&context, request, &reply)));
    return CheckBlockReply(height, std::move(reply), limits_, verifier_.get());
  }

  const ChainLimits limits_;
  const absl::Duration attempt_timeout_;
  const std::unique_ptr<Endpoints> endpoints_;
  const std::unique_ptr<consensus::ReceiptVerifier> verifier_;
};

}  // namespace

absl::StatusOr<ProvedBlock> CheckBlockReply(uint64_t height, v1::BlockReply&& reply,
                                            const ChainLimits& limits,
                                            consensus::ReceiptVerifier* verifier) {
  ProvedBlock proved;
  KILN_ASSIGN_OR_RETURN(
      proved.block,
      consensus::DecodeBlock(
          reply.block(), std::make_shared<const std::string>(std::move(*reply.mutable_payload())),
          limits));
  KILN_ASSIGN_OR_RETURN(const consensus::Header header, verifier->VerifyHeader(reply.finality()));
  if (header != proved.block->header) {
    return absl::InvalidArgumentError("the finality proof is for another block");
  }
  if (header.height.value != height) {
    return absl::InvalidArgumentError(
        absl::StrCat("block ", header.height.value, " instead of ", height));
  }
  proved.finality = std::move(*reply.mutable_finality());
  return proved;
}

absl::StatusOr<std::unique_ptr<BlockSource>> BlockSource::Create(const ClientOptions& options) {
  KILN_ASSIGN_OR_RETURN(std::unique_ptr<consensus::ReceiptVerifier> verifier,
                        consensus::ReceiptVerifier::Create(options.genesis));
  KILN_ASSIGN_OR_RETURN(std::unique_ptr<Endpoints> endpoints,
                        Endpoints::Create(options, std::make_shared<FaultLog>()));
  return std::make_unique<GrpcBlockSource>(options, std::move(endpoints), std::move(verifier));
}

}  // namespace kiln::network
