// Files that travel: eight bytes that name the format, then frames, each with its length in front
// and a checksum behind it.
//
//   frame: u32 length of the body, body, u64 checksum over the body and all frames before
#ifndef KILN_STORAGE_FRAME_FILE_H_
#define KILN_STORAGE_FRAME_FILE_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kiln::storage {

// Writes one file from its beginning to its end. What it writes to must outlive it. Not
// thread-safe.
class FrameFileWriter {
 public:
  using Output = absl::FunctionRef<absl::Status(absl::string_view bytes)>;
  explicit FrameFileWriter(Output output) : output_(output) {}

  absl::Status Begin(absl::string_view magic) { return Write(magic); }
  absl::Status Add(absl::string_view body);

  uint64_t bytes() const { return bytes_; }

 private:
  absl::Status Write(absl::string_view bytes);

  Output output_;
  uint64_t checksum_ = 0;
  uint64_t bytes_ = 0;
};

// Reads what FrameFileWriter wrote. The bytes may be anybody's: every length is bounded before
// anything is reserved. DataLoss names the byte from which on it is not whole. Borrows the input.
// Not thread-safe.
class FrameFileReader {
 public:
  explicit FrameFileReader(std::istream* input) : input_(input) {}

  // Whether the file begins so.
  bool Begin(absl::string_view magic);
  absl::StatusOr<std::string> Next(size_t body_bytes_max);
  // Nothing may follow.
  absl::Status End();
  // `cause`, with the place where the newest frame begins.
  absl::Status AtFrame(const absl::Status& cause) const;

 private:
  absl::StatusOr<std::string> Read(size_t bytes);
  absl::StatusOr<std::string> ReadFrame(size_t body_bytes_max);

  std::istream* const input_;
  uint64_t checksum_ = 0;
  uint64_t offset_ = 0;
  uint64_t frame_at_ = 0;
};

}  // namespace kiln::storage

#endif  // KILN_STORAGE_FRAME_FILE_H_
