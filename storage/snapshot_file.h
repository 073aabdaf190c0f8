// A certified snapshot as one file that proves itself (storage/frame_file.h). The first frame is
// the proof; then come the blocks above the snapshot that a ledger must begin with, the hashes of
// all chunks, and the chunks.
//
// Whoever has the genesis can check each frame before it uses it: the blocks and the list of hashes
// against the proof, each chunk against its hash.
#ifndef KILN_STORAGE_SNAPSHOT_FILE_H_
#define KILN_STORAGE_SNAPSHOT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/genesis.h"
#include "storage/chain_verifier.h"
#include "storage/frame_file.h"
#include "storage/snapshot_proof.h"
#include "storage/store.h"

namespace kiln::storage {

// Called after each chunk.
using ChunkProgress = absl::FunctionRef<void(uint32_t done, uint32_t total)>;

struct WrittenSnapshot {
  Height height;
  Hash root;
  uint32_t chunks = 0;
  uint64_t bytes = 0;
};

// The snapshot of that height, read twice: once to compare it with the certified root, once to
// write it. NotFound when it is not kept or not certified; DataLoss when it is not what was
// certified, and then nothing was written.
absl::StatusOr<WrittenSnapshot> WriteSnapshotFile(const Store& store, const Genesis& genesis,
                                                  Height height, ChainVerifier* verifier,
                                                  FrameFileWriter::Output output,
                                                  ChunkProgress progress);

// Reads such a file and believes nothing: Begin, then NextChunk until it is empty. InvalidArgument
// or DataLoss say what is wrong with it; FailedPrecondition: of another chain. Borrows what it is
// made from. Not thread-safe.
class SnapshotFileReader {
 public:
  SnapshotFileReader(std::istream* input, const Genesis* genesis, ChainVerifier* verifier)
      : file_(input), genesis_(genesis), verifier_(verifier) {}

  // The proof, the blocks above, and the hashes of the chunks, all verified.
  absl::Status Begin();
  // REQUIRES: Begin was OK.
  const SnapshotProof& proof() const { return proof_; }
  const ProvedSnapshot& proved() const { return proved_; }
  const std::vector<consensus::BlockPtr>& above() const { return above_; }
  uint32_t chunks() const { return static_cast<uint32_t>(leaves_.size()); }
  // All certificates that the file holds, for whoever looks for signatures of its own.
  std::vector<consensus::QuorumCertificate> Certificates() const;

  // The next chunk, which has its hash; empty at the end of the file.
  absl::StatusOr<std::string> NextChunk();

 private:
  absl::Status ReadAbove();
  absl::Status ReadLeaves();

  FrameFileReader file_;
  const Genesis* const genesis_;
  ChainVerifier* const verifier_;
  SnapshotProof proof_;
  ProvedSnapshot proved_;
  consensus::QuorumCertificate naming_certificate_;
  std::vector<consensus::BlockPtr> above_;
  std::vector<Hash> leaves_;
  size_t next_ = 0;
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_SNAPSHOT_FILE_H_
