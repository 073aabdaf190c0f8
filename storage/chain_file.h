// Committed blocks as one file (storage/frame_file.h). The first frame says which heights of which
// chain follow; each of the next is one block; the last has the child of the last block and the
// certificate for it, which make that block, and so all of them, final.
//
// Nothing in it depends on who wrote it, but for the last certificate where the chain does not hold
// it yet (storage/chain_export.h).
#ifndef KILN_STORAGE_CHAIN_FILE_H_
#define KILN_STORAGE_CHAIN_FILE_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "storage/frame_file.h"
#include "storage/records.h"

namespace kiln::storage {

// One block in a frame of such a file, and the longest such frame.
std::string EncodeWholeBlock(const consensus::Block& block);
absl::StatusOr<consensus::BlockPtr> DecodeWholeBlock(absl::string_view bytes,
                                                     const ChainLimits& limits);
// A header and a certificate of 1,024 signers are about 66 KiB.
inline constexpr size_t kWithoutPayloadBytesMax = 1 << 20;
inline size_t WholeBlockBytesMax(const ChainLimits& limits) {
  return kWithoutPayloadBytesMax + limits.block_bytes_max + 2 * sizeof(uint32_t);
}

struct ChainFileHeader {
  Hash chain_id;
  Height first;  // of the blocks in it
  Height last;

  friend bool operator==(const ChainFileHeader&, const ChainFileHeader&) = default;
};

// Writes one file from its beginning to its end: Begin, Add for each height, End. What it writes to
// must outlive it. Not thread-safe.
class ChainFileWriter {
 public:
  using Output = FrameFileWriter::Output;
  explicit ChainFileWriter(Output output) : file_(output) {}

  absl::Status Begin(const ChainFileHeader& header);
  absl::Status Add(const consensus::Block& block);
  absl::Status End(const CommitRecord& commit);

  uint64_t bytes() const { return file_.bytes(); }

 private:
  FrameFileWriter file_;
};

// Reads what ChainFileWriter wrote, in the same order. Its bytes may be anybody's: every length is
// bounded before anything is reserved. InvalidArgument or DataLoss name the byte where it is not
// such a file, or not whole. Whether the blocks belong together and who signed them is for the
// caller to check (storage/chain_import.h). Borrows the input. Not thread-safe.
class ChainFileReader {
 public:
  ChainFileReader(std::istream* input, const ChainLimits& limits) : file_(input), limits_(limits) {}

  absl::StatusOr<ChainFileHeader> Begin();
  absl::StatusOr<consensus::BlockPtr> Next();
  // Nothing may follow it.
  absl::StatusOr<CommitRecord> End();

 private:
  FrameFileReader file_;
  const ChainLimits limits_;
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_CHAIN_FILE_H_
