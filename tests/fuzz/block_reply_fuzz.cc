#include <memory>
#include <string>
#include <utility>

#include "consensus/codec.h"
#include "consensus/receipt.h"
#include "kiln/v1/client.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace kiln::fuzz {
namespace {

consensus::ReceiptVerifier& Verifier() {
  static auto* const verifier =
      consensus::ReceiptVerifier::Create(RealSamples().world.genesis())->release();
  return *verifier;
}

}  // namespace

// A block as a client reads it: one that decodes and is proved final is of the chain.
KILN_FUZZ_TARGET(block_reply) {
  v1::BlockReply reply;
  if (!reply.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  const absl::StatusOr<consensus::BlockPtr> block = consensus::DecodeBlock(
      reply.block(), std::make_shared<const std::string>(std::move(*reply.mutable_payload())),
      SampleLimits());
  if (!block.ok()) {
    ExpectReadable(block.status());
    return false;
  }
  const absl::StatusOr<consensus::Header> header = Verifier().VerifyHeader(reply.finality());
  if (!header.ok()) {
    ExpectReadable(header.status());
    return false;
  }
  if (*header != (*block)->header) return false;
  const uint64_t height = header->height.value;
  Expect(height < RealSamples().ledger.chain().size(), "only heights of the chain are proved");
  const consensus::Block& genuine = *RealSamples().ledger.at(height);
  Expect((*block)->id == genuine.id && *(*block)->payload == *genuine.payload,
         "only blocks of the chain are proved, with their payloads");
  return true;
}

}  // namespace kiln::fuzz
