#include "storage/snapshot_offer.h"

#include <utility>

#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"
#include "storage/chain_file.h"

namespace kiln::storage {

std::string Encode(const SnapshotOffer& offer) {
  crypto::Encoder encoder;
  encoder.Bytes(Encode(offer.proof)).U16(static_cast<uint16_t>(offer.above.size()));
  for (const consensus::BlockPtr& block : offer.above) encoder.Bytes(EncodeWholeBlock(*block));
  return std::move(encoder).Take();
}

absl::StatusOr<SnapshotOffer> DecodeSnapshotOffer(absl::string_view bytes,
                                                  const ChainLimits& limits) {
  crypto::Decoder decoder("snapshot offer", bytes);
  const absl::string_view proof = decoder.Bytes(kSnapshotProofBytesMax);
  const size_t count = decoder.U16();
  KILN_RETURN_IF_ERROR(decoder.status());
  SnapshotOffer offer;
  KILN_ASSIGN_OR_RETURN(offer.proof, DecodeSnapshotProof(proof));
  for (size_t i = 0; i < count; ++i) {
    const absl::string_view block_bytes = decoder.Bytes(WholeBlockBytesMax(limits));
    KILN_RETURN_IF_ERROR(decoder.status());
    KILN_ASSIGN_OR_RETURN(consensus::BlockPtr block, DecodeWholeBlock(block_bytes, limits));
    offer.above.push_back(std::move(block));
  }
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return offer;
}

absl::StatusOr<ProvedSnapshot> VerifySnapshotOffer(const SnapshotOffer& offer,
                                                   const Genesis& genesis,
                                                   ChainVerifier* verifier) {
  KILN_ASSIGN_OR_RETURN(ProvedSnapshot proved, VerifySnapshotProof(offer.proof, genesis, verifier));
  KILN_RETURN_IF_ERROR(VerifyBlocksAbove(proved, offer.above, verifier));
  return proved;
}

absl::StatusOr<SnapshotOffer> MakeSnapshotOffer(const Store& store, const Genesis& genesis,
                                                Height height) {
  SnapshotOffer offer;
  KILN_ASSIGN_OR_RETURN(offer.proof, MakeSnapshotProof(store, genesis, height));
  KILN_ASSIGN_OR_RETURN(const consensus::FinalityProof above,
                        consensus::DecodeFinalityProof(offer.proof.above_finality));
  for (size_t i = 0; i + 1 < above.headers.size(); ++i) {
    KILN_ASSIGN_OR_RETURN(consensus::BlockPtr block, store.BlockAt(above.headers[i].height));
    offer.above.push_back(std::move(block));
  }
  return offer;
}

}  // namespace kiln::storage
