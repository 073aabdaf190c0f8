#include "storage/snapshot_file.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/finality.h"
#include "crypto/encoding.h"
#include "crypto/merkle.h"
#include "storage/chain_file.h"
#include "storage/snapshot_stream.h"

namespace kiln::storage {
namespace {

constexpr absl::string_view kMagic = "kilnsnp1";
constexpr size_t kLeavesPerFrame = 32 << 10;  // 1 MiB

absl::Status WriteLeaves(const std::vector<Hash>& leaves, FrameFileWriter* file) {
  crypto::Encoder count;
  count.U32(static_cast<uint32_t>(leaves.size()));
  KILN_RETURN_IF_ERROR(file->Add(count.view()));
  for (size_t at = 0; at < leaves.size(); at += kLeavesPerFrame) {
    crypto::Encoder frame;
    const size_t end = std::min(leaves.size(), at + kLeavesPerFrame);
    for (size_t i = at; i < end; ++i) frame.Digest(leaves[i]);
    KILN_RETURN_IF_ERROR(file->Add(frame.view()));
  }
  return absl::OkStatus();
}

// The hashes of all chunks, compared with the certified root.
absl::StatusOr<std::vector<Hash>> ReadLeavesOf(const Store& store, const ProvedSnapshot& proved,
                                               uint64_t window_blocks) {
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<SnapshotStream> stream,
                        SnapshotStream::Open(&store, proved.height, window_blocks));
  std::vector<Hash> leaves;
  for (;;) {
    KILN_ASSIGN_OR_RETURN(const std::string chunk, stream->NextChunk());
    if (chunk.empty()) break;
    leaves.push_back(crypto::MerkleLeaf(chunk));
  }
  if (crypto::MerkleRoot(leaves) == proved.root) return leaves;
  return absl::DataLossError(absl::StrCat("the snapshot of height ", proved.height.value,
                                          " is not the one that was certified"));
}

}  // namespace

absl::StatusOr<WrittenSnapshot> WriteSnapshotFile(const Store& store, const Genesis& genesis,
                                                  Height height, ChainVerifier* verifier,
                                                  FrameFileWriter::Output output,
                                                  ChunkProgress progress) {
  const uint64_t window = genesis.limits.duplicate_window_blocks;
  KILN_ASSIGN_OR_RETURN(const SnapshotProof proof, MakeSnapshotProof(store, genesis, height));
  KILN_ASSIGN_OR_RETURN(const ProvedSnapshot proved, VerifySnapshotProof(proof, genesis, verifier));
  KILN_ASSIGN_OR_RETURN(const std::vector<Hash> leaves, ReadLeavesOf(store, proved, window));
  FrameFileWriter file(output);
  KILN_RETURN_IF_ERROR(file.Begin(kMagic));
  KILN_RETURN_IF_ERROR(file.Add(Encode(proof)));
  for (const consensus::Header& header : proved.above) {
    KILN_ASSIGN_OR_RETURN(const consensus::BlockPtr block, store.BlockAt(header.height));
    KILN_RETURN_IF_ERROR(file.Add(EncodeWholeBlock(*block)));
  }
  KILN_RETURN_IF_ERROR(WriteLeaves(leaves, &file));
  KILN_ASSIGN_OR_RETURN(const std::unique_ptr<SnapshotStream> stream,
                        SnapshotStream::Open(&store, height, window));
  const uint32_t chunks = static_cast<uint32_t>(leaves.size());
  for (uint32_t i = 0; i < chunks; ++i) {
    KILN_ASSIGN_OR_RETURN(const std::string chunk, stream->NextChunk());
    KILN_RETURN_IF_ERROR(file.Add(chunk));
    progress(i + 1, chunks);
  }
  return WrittenSnapshot{
      .height = height, .root = proved.root, .chunks = chunks, .bytes = file.bytes()};
}

absl::Status SnapshotFileReader::Begin() {
  if (!file_.Begin(kMagic)) {
    return absl::InvalidArgumentError("it is not a file that `kiln snapshot create` wrote");
  }
  KILN_ASSIGN_OR_RETURN(const std::string body, file_.Next(kSnapshotProofBytesMax));
  absl::StatusOr<SnapshotProof> proof = DecodeSnapshotProof(body);
  if (!proof.ok()) return file_.AtFrame(proof.status());
  proof_ = *std::move(proof);
  KILN_ASSIGN_OR_RETURN(proved_, VerifySnapshotProof(proof_, *genesis_, verifier_));
  KILN_ASSIGN_OR_RETURN(const consensus::FinalityProof naming,
                        consensus::DecodeFinalityProof(proof_.naming_finality));
  naming_certificate_ = naming.certificate;
  KILN_RETURN_IF_ERROR(ReadAbove());
  return ReadLeaves();
}

absl::Status SnapshotFileReader::ReadAbove() {
  for (size_t i = 0; i < proved_.above.size(); ++i) {
    KILN_ASSIGN_OR_RETURN(const std::string body, file_.Next(WholeBlockBytesMax(genesis_->limits)));
    absl::StatusOr<consensus::BlockPtr> block = DecodeWholeBlock(body, genesis_->limits);
    if (!block.ok()) return file_.AtFrame(block.status());
    above_.push_back(*std::move(block));
  }
  return file_.AtFrame(VerifyBlocksAbove(proved_, above_, verifier_));
}

absl::Status SnapshotFileReader::ReadLeaves() {
  KILN_ASSIGN_OR_RETURN(const std::string count_bytes, file_.Next(sizeof(uint32_t)));
  crypto::Decoder counted("number of chunks", count_bytes);
  const size_t count = counted.U32();
  if (count == 0 || count > crypto::kMerkleLeavesMax) counted.Fail("none, or too many");
  KILN_RETURN_IF_ERROR(file_.AtFrame(counted.Finish()));
  while (leaves_.size() < count) {
    const size_t here = std::min(count - leaves_.size(), kLeavesPerFrame);
    KILN_ASSIGN_OR_RETURN(const std::string frame, file_.Next(here * Hash::kBytes));
    crypto::Decoder decoder("hashes of chunks", frame);
    for (size_t i = 0; i < here; ++i) leaves_.push_back(decoder.Digest());
    KILN_RETURN_IF_ERROR(file_.AtFrame(decoder.Finish()));
  }
  if (crypto::MerkleRoot(leaves_) == proved_.root) return absl::OkStatus();
  return file_.AtFrame(
      absl::InvalidArgumentError("the chunks do not have the root that was certified"));
}

std::vector<consensus::QuorumCertificate> SnapshotFileReader::Certificates() const {
  std::vector<consensus::QuorumCertificate> all;
  for (const consensus::BlockPtr& block : above_) all.push_back(block->justify);
  all.push_back(proved_.commit.certificate);
  all.push_back(naming_certificate_);
  return all;
}

absl::StatusOr<std::string> SnapshotFileReader::NextChunk() {
  if (next_ == leaves_.size()) {
    KILN_RETURN_IF_ERROR(file_.End());
    return std::string();
  }
  KILN_ASSIGN_OR_RETURN(std::string chunk, file_.Next(kSnapshotChunkBytes));
  if (chunk.empty() || crypto::MerkleLeaf(chunk) != leaves_[next_]) {
    return file_.AtFrame(absl::InvalidArgumentError(
        absl::StrCat("chunk ", next_, " is not the one that was certified")));
  }
  ++next_;
  return chunk;
}

}  // namespace kiln::storage
