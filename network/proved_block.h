// A block as a validator's client service hands it out, believed only with its proof.
#ifndef KILN_NETWORK_PROVED_BLOCK_H_
#define KILN_NETWORK_PROVED_BLOCK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "consensus/block.h"
#include "consensus/receipt.h"
#include "kiln/client.h"
#include "kiln/v1/client.pb.h"

namespace kiln::network {

struct ProvedBlock {
  consensus::BlockPtr block;
  std::string finality;  // an encoded FinalityProof for it
};

// InvalidArgument unless the reply holds the block of this height, and a proof that it is final.
absl::StatusOr<ProvedBlock> CheckBlockReply(uint64_t height, v1::BlockReply&& reply,
                                            const ChainLimits& limits,
                                            consensus::ReceiptVerifier* verifier);

// Where whole blocks come from, certificates included: kiln::Client shows only what is in them.
// Thread-safe.
class BlockSource {
 public:
  static absl::StatusOr<std::unique_ptr<BlockSource>> Create(const ClientOptions& options);
  virtual ~BlockSource() = default;

  // From the first endpoint that proves it; otherwise the last one's error, with its address.
  virtual absl::StatusOr<ProvedBlock> Get(uint64_t height) = 0;
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_PROVED_BLOCK_H_
