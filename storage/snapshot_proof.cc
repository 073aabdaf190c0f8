#include "storage/snapshot_proof.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"

namespace kiln::storage {
namespace {

using consensus::FinalityProof;
using consensus::Header;

constexpr size_t kBelowMax = 1024;
constexpr size_t kStateBytesMax = 1024;
constexpr size_t kFinalityBytesMax = 1 << 20;

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("snapshot proof: ", what));
}

// The naming state: certified, and about this snapshot.
absl::Status CheckNaming(const SnapshotProof& proof, uint64_t interval, ChainVerifier* verifier) {
  KILN_ASSIGN_OR_RETURN(const Header header,
                        consensus::VerifyFinality(proof.naming_finality, verifier->messages()));
  if (header.executed_height != proof.naming.height || header.state_root != proof.naming.Root()) {
    return Wrong("no quorum has certified the state that names the snapshot");
  }
  if (proof.naming.snapshot_height != proof.height ||
      consensus::SnapshotNamedAt(proof.naming.height, interval) != proof.height) {
    return Wrong("the certified state names another snapshot");
  }
  return absl::OkStatus();
}

// What `below` shows that its first block commits.
absl::StatusOr<Height> CommitsHeightIn(const std::vector<Header>& below) {
  for (size_t i = 1; i < below.size(); ++i) {
    const bool is_parent = below[i - 1].parent_id == consensus::HashOf(below[i]) &&
                           below[i - 1].height.value == below[i].height.value + 1;
    if (!is_parent) return Wrong("a header below is not the parent of the one above it");
    if (!consensus::CommitsParent(below[i])) continue;
    if (i + 1 != below.size()) return Wrong("there are more headers below than needed");
    return Height{below[i].height.value - 1};
  }
  if (below.back().height.value == 0) return Height{0};
  return Wrong("the headers below do not show what is committed");
}

}  // namespace

std::string Encode(const SnapshotProof& proof) {
  crypto::Encoder encoder;
  encoder.Digest(proof.chain_id)
      .U64(proof.height.value)
      .Bytes(consensus::Encode(proof.naming))
      .Bytes(proof.naming_finality)
      .Bytes(proof.above_finality)
      .U16(static_cast<uint16_t>(proof.below.size()));
  for (const Header& header : proof.below) encoder.Raw(consensus::Encode(header));
  return std::move(encoder).Take();
}

absl::StatusOr<SnapshotProof> DecodeSnapshotProof(absl::string_view bytes) {
  crypto::Decoder decoder("snapshot proof", bytes);
  SnapshotProof proof;
  proof.chain_id = decoder.Digest();
  proof.height = Height{decoder.U64()};
  const absl::string_view naming = decoder.Bytes(kStateBytesMax);
  proof.naming_finality = std::string(decoder.Bytes(kFinalityBytesMax));
  proof.above_finality = std::string(decoder.Bytes(kFinalityBytesMax));
  const size_t below = decoder.U16();
  if (below == 0 || below > kBelowMax) decoder.Fail("no, or too many, headers below");
  KILN_RETURN_IF_ERROR(decoder.status());
  KILN_ASSIGN_OR_RETURN(proof.naming, consensus::DecodeExecutedState(naming));
  for (size_t i = 0; i < below; ++i) {
    const absl::string_view header_bytes = decoder.Raw(consensus::kHeaderBytes);
    KILN_RETURN_IF_ERROR(decoder.status());
    KILN_ASSIGN_OR_RETURN(const Header header, consensus::DecodeHeader(header_bytes));
    proof.below.push_back(header);
  }
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return proof;
}

absl::StatusOr<ProvedSnapshot> VerifySnapshotProof(const SnapshotProof& proof,
                                                   const Genesis& genesis,
                                                   ChainVerifier* verifier) {
  if (proof.chain_id != genesis.ChainId()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the snapshot is of chain ", proof.chain_id.Short(), ", the genesis is of ",
                     genesis.ChainId().Short(), ": use the other home"));
  }
  const uint64_t interval = genesis.limits.snapshot_interval_blocks;
  if (proof.height.value == 0 || proof.height.value % interval != 0) {
    return Wrong("there is no snapshot of that height");
  }
  KILN_RETURN_IF_ERROR(CheckNaming(proof, interval, verifier));
  KILN_RETURN_IF_ERROR(
      consensus::VerifyFinality(proof.above_finality, verifier->messages()).status());
  KILN_ASSIGN_OR_RETURN(FinalityProof above, consensus::DecodeFinalityProof(proof.above_finality));
  if (proof.below.empty()) return Wrong("the snapshot's own block is missing");
  const Header& own = proof.below.front();
  const Header& next = above.headers.front();
  if (own.height != proof.height || next.height.value != proof.height.value + 1 ||
      next.parent_id != consensus::HashOf(own)) {
    return Wrong("the final block is not the one above the snapshot's");
  }
  ProvedSnapshot proved{.height = proof.height, .root = proof.naming.snapshot_root, .header = own};
  KILN_ASSIGN_OR_RETURN(proved.commits_height, CommitsHeightIn(proof.below));
  proved.commit = {.child = std::move(above.headers.back()),
                   .certificate = std::move(above.certificate)};
  above.headers.pop_back();
  proved.above = std::move(above.headers);
  return proved;
}

absl::Status VerifyBlocksAbove(const ProvedSnapshot& proved,
                               const std::vector<consensus::BlockPtr>& blocks,
                               ChainVerifier* verifier) {
  if (blocks.size() != proved.above.size()) return Wrong("too few or too many blocks above");
  Header parent = proved.header;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i]->header != proved.above[i]) {
      return Wrong("a block above is not the one that is proved");
    }
    KILN_RETURN_IF_ERROR(verifier->VerifyChild(*blocks[i], parent, consensus::HashOf(parent)));
    parent = proved.above[i];
  }
  return absl::OkStatus();
}

namespace {

// The lowest committed block that names a state which names the snapshot.
absl::StatusOr<Header> FindNaming(const Store& store, Height snapshot, uint64_t interval) {
  const Height committed = store.committed_height();
  for (Height at{snapshot.value + interval + 1}; at <= committed; ++at.value) {
    KILN_ASSIGN_OR_RETURN(const Header header, store.HeaderAt(at));
    const Height named = consensus::SnapshotNamedAt(header.executed_height, interval);
    if (named == snapshot) return header;
    if (named > snapshot) break;
  }
  return absl::NotFoundError(absl::StrCat(
      "the snapshot of height ", snapshot.value, " is not certified yet: that takes until height ",
      snapshot.value + interval, " is executed and a block says so"));
}

// Down to what shows how far `height` commits.
absl::StatusOr<std::vector<Header>> HeadersBelow(const Store& store, Height height) {
  std::vector<Header> below;
  const Height base = store.base().height();
  for (Height at = height;; --at.value) {
    if (at < base || below.size() == kBelowMax) {
      return absl::NotFoundError(absl::StrCat("what the chain at height ", height.value,
                                              " commits cannot be shown: blocks below height ",
                                              store.base().lowest().value, " are not here"));
    }
    if (at == base) {
      below.push_back(store.base().header);
    } else {
      KILN_ASSIGN_OR_RETURN(Header header, store.HeaderAt(at));
      below.push_back(std::move(header));
    }
    if (at.value == 0) return below;
    if (below.size() > 1 && consensus::CommitsParent(below.back())) return below;
  }
}

}  // namespace

absl::StatusOr<SnapshotProof> MakeSnapshotProof(const Store& store, const Genesis& genesis,
                                                Height height) {
  KILN_CHECK_GT(height.value, 0u);
  SnapshotProof proof{.chain_id = genesis.ChainId(), .height = height};
  KILN_ASSIGN_OR_RETURN(const Header naming,
                        FindNaming(store, height, genesis.limits.snapshot_interval_blocks));
  KILN_ASSIGN_OR_RETURN(const HeightState named, store.StateAt(naming.executed_height));
  if (named.state.Root() != naming.state_root) {
    return absl::DataLossError(absl::StrCat("the state of height ", named.state.height.value,
                                            " is not the one that was certified"));
  }
  proof.naming = named.state;
  KILN_ASSIGN_OR_RETURN(proof.naming_finality, store.FinalityAt(naming.height));
  KILN_ASSIGN_OR_RETURN(proof.above_finality, store.FinalityAt(Height{height.value + 1}));
  KILN_ASSIGN_OR_RETURN(proof.below, HeadersBelow(store, height));
  return proof;
}

absl::StatusOr<Height> NewestCertifiedSnapshot(const Store& store, const ChainLimits& limits) {
  KILN_ASSIGN_OR_RETURN(const Header head, store.HeaderAt(store.committed_height()));
  const Height certified =
      consensus::SnapshotNamedAt(head.executed_height, limits.snapshot_interval_blocks);
  KILN_ASSIGN_OR_RETURN(const std::vector<Height> kept, store.Snapshots());
  const auto above = std::upper_bound(kept.begin(), kept.end(), certified);
  if (above != kept.begin()) return *std::prev(above);
  return absl::NotFoundError("no snapshot that is kept is certified yet");
}

}  // namespace kiln::storage
