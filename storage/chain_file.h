// Committed blocks as one file: eight bytes that name the format, then frames. The first frame says
// which heights of which chain follow; each of the next is one block; the last has the child of the
// last block and the certificate for it, which make that block, and so all of them, final.
//
//   frame: u32 length of the body, body, u64 checksum over the body and all frames before
//
// Nothing in it depends on who wrote it, but for the last certificate where the chain does not hold
// it yet (storage/chain_export.h).
#ifndef KILN_STORAGE_CHAIN_FILE_H_
#define KILN_STORAGE_CHAIN_FILE_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "storage/records.h"

namespace kiln::storage {

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
  using Output = absl::FunctionRef<absl::Status(absl::string_view bytes)>;
  explicit ChainFileWriter(Output output) : output_(output) {}

  absl::Status Begin(const ChainFileHeader& header);
  absl::Status Add(const consensus::Block& block);
  absl::Status End(const CommitRecord& commit);

  uint64_t bytes() const { return bytes_; }

 private:
  absl::Status Write(absl::string_view bytes);
  absl::Status WriteFrame(absl::string_view body);

  Output output_;
  uint64_t checksum_ = 0;
  uint64_t bytes_ = 0;
};

// Reads what ChainFileWriter wrote, in the same order. Its bytes may be anybody's: every length is
// bounded before anything is reserved. InvalidArgument or DataLoss name the byte where it is not
// such a file, or not whole. Whether the blocks belong together and who signed them is for the
// caller to check (storage/chain_import.h). Borrows the input. Not thread-safe.
class ChainFileReader {
 public:
  ChainFileReader(std::istream* input, const ChainLimits& limits)
      : input_(input), limits_(limits) {}

  absl::StatusOr<ChainFileHeader> Begin();
  absl::StatusOr<consensus::BlockPtr> Next();
  // Nothing may follow it.
  absl::StatusOr<CommitRecord> End();

 private:
  absl::StatusOr<std::string> Read(size_t bytes);
  absl::StatusOr<std::string> ReadFrame();
  absl::Status At(uint64_t offset, const absl::Status& cause) const;

  std::istream* const input_;
  const ChainLimits limits_;
  uint64_t checksum_ = 0;
  uint64_t offset_ = 0;
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_CHAIN_FILE_H_
